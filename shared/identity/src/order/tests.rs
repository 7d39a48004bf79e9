//! What is believed of an order, and what is not.

use muster_base::Clock;
use proptest::prelude::*;

use super::*;

const NOW: UnixMs = UnixMs(1_800_000_000_000);
const PAYLOAD: &[u8] = b"payload";
const SEALED: &[u8] = b"sealed";

struct Case {
    key: SigningKey,
    keys: PinnedKeys,
    head: OrderHead,
}

impl Case {
    fn new() -> Self {
        let clock = Clock::manual(NOW);
        let key = SigningKey::generate().unwrap();
        Self {
            keys: PinnedKeys::from_join([key.public_key()]),
            key,
            head: OrderHead {
                order: clock.new_id(),
                org: clock.new_id(),
                host: clock.new_id(),
                kind: OrderKind::Deploy,
                payload: sha256(PAYLOAD),
                sealed: sha256(SEALED),
                not_before: NOW,
                expires: NOW.plus_ms(UnixMs::HOUR),
                sequence: 7,
                approvals: vec![Approval {
                    by: "user:ada".to_owned(),
                    at: NOW.plus_ms(-1),
                }],
            },
        }
    }

    fn signature(&self) -> Signature {
        self.head.sign(&self.key).unwrap()
    }

    fn verify(
        &self,
        signed: &Signature,
        payload: &[u8],
        sealed: &[u8],
        now: UnixMs,
    ) -> Result<OrderHead, OrderError> {
        arrived(signed, payload, sealed).verify(&self.keys, self.head.org, self.head.host, now)
    }
}

fn arrived<'a>(signed: &'a Signature, payload: &'a [u8], sealed: &'a [u8]) -> Arrived<'a> {
    Arrived {
        body: &signed.body,
        key_id: signed.key_id,
        signature: &signed.signature,
        payload,
        sealed,
    }
}

#[test]
fn a_signed_order_is_believed() {
    let case = Case::new();
    assert_eq!(
        case.verify(&case.signature(), PAYLOAD, SEALED, NOW),
        Ok(case.head.clone())
    );
}

#[test]
fn payload_and_sealed_part_are_bound() {
    let case = Case::new();
    let signed = case.signature();
    assert_eq!(
        case.verify(&signed, b"other", SEALED, NOW),
        Err(OrderError::BadDigest)
    );
    assert_eq!(
        case.verify(&signed, PAYLOAD, b"", NOW),
        Err(OrderError::BadDigest)
    );
}

#[test]
fn only_a_pinned_key_s_signature_counts() {
    let case = Case::new();
    let stranger = SigningKey::generate().unwrap();
    let mut signed = case.head.sign(&stranger).unwrap();
    assert_eq!(
        case.verify(&signed, PAYLOAD, SEALED, NOW),
        Err(OrderError::BadSignature)
    );
    signed.key_id = case.key.public_key().id();
    assert_eq!(
        case.verify(&signed, PAYLOAD, SEALED, NOW),
        Err(OrderError::BadSignature)
    );
}

#[test]
fn another_host_or_org_refuses_it() {
    let case = Case::new();
    let clock = Clock::manual(NOW);
    let signed = case.signature();
    let order = arrived(&signed, PAYLOAD, SEALED);
    let other_host = order.verify(&case.keys, case.head.org, clock.new_id(), NOW);
    assert_eq!(other_host, Err(OrderError::WrongHost));
    let other_org = order.verify(&case.keys, clock.new_id(), case.head.host, NOW);
    assert_eq!(other_org, Err(OrderError::WrongHost));
}

#[test]
fn time_is_kept_with_some_patience_for_slow_clocks() {
    let case = Case::new();
    let signed = case.signature();
    let at = |ms| case.verify(&signed, PAYLOAD, SEALED, NOW.plus_ms(ms)).map(|_| ());
    assert_eq!(at(UnixMs::HOUR - 1), Ok(()));
    assert_eq!(at(UnixMs::HOUR), Err(OrderError::Expired));
    assert_eq!(at(-EARLY_TOLERANCE_MS), Ok(()));
    assert_eq!(at(-EARLY_TOLERANCE_MS - 1), Err(OrderError::NotYet));
}

#[test]
fn too_many_or_too_long_approvals_don_t_fit() {
    let mut case = Case::new();
    case.head.approvals[0].by = "x".repeat(256);
    assert!(case.head.to_bytes().is_err());
    case.head.approvals = vec![
        Approval {
            by: String::new(),
            at: NOW
        };
        MAX_APPROVALS + 1
    ];
    assert!(case.head.to_bytes().is_err());
}

#[test]
fn the_canonical_bytes_stay_as_they_are() {
    let id = |n: u8| uuid::Uuid::from_bytes([n; 16]);
    let head = OrderHead {
        order: id(1).into(),
        org: id(2).into(),
        host: id(3).into(),
        kind: OrderKind::Sql,
        payload: Sha256Digest([4; 32]),
        sealed: Sha256Digest([5; 32]),
        not_before: UnixMs(6),
        expires: UnixMs(7),
        sequence: 8,
        approvals: vec![Approval {
            by: "ada".to_owned(),
            at: UnixMs(9),
        }],
    };
    let expected = [
        hex::encode(MAGIC),
        "01".repeat(16),
        "02".repeat(16),
        "03".repeat(16),
        "02".to_owned(),
        "04".repeat(32),
        "05".repeat(32),
        "0000000000000006".to_owned(),
        "0000000000000007".to_owned(),
        "0000000000000008".to_owned(),
        "01".to_owned(),
        "03616461".to_owned(),
        "0000000000000009".to_owned(),
    ];
    assert_eq!(hex::encode(head.to_bytes().unwrap()), expected.concat());
}

proptest! {
    #[test]
    fn decoding_undoes_encoding(
        sequence: u64,
        expires: i64,
        kind in prop::sample::select(vec![OrderKind::Deploy, OrderKind::Sql, OrderKind::TestServer, OrderKind::Container, OrderKind::File]),
        approvals in prop::collection::vec(("[a-zé:]{0,40}", any::<i64>()), 0..5),
    ) {
        let mut head = Case::new().head;
        head.sequence = sequence;
        head.expires = UnixMs(expires);
        head.kind = kind;
        head.approvals = approvals.into_iter().map(|(by, at)| Approval { by, at: UnixMs(at) }).collect();
        let bytes = head.to_bytes().unwrap();
        prop_assert_eq!(OrderHead::from_bytes(&bytes).unwrap(), head);
    }

    #[test]
    fn there_is_one_encoding_only(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let bytes = [MAGIC.as_slice(), &bytes].concat();
        if let Ok(head) = OrderHead::from_bytes(&bytes) {
            prop_assert_eq!(head.to_bytes().unwrap(), bytes);
        }
    }

    #[test]
    fn a_changed_bit_is_noticed(at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let case = Case::new();
        let mut signed = case.signature();
        let at = at.index(signed.body.len());
        signed.body[at] ^= 1 << bit;
        prop_assert_eq!(case.verify(&signed, PAYLOAD, SEALED, NOW), Err(OrderError::BadSignature));
    }
}
