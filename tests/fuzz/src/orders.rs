//! Work orders: head, signature, payload, sealed secrets.

use std::sync::LazyLock;

use muster_agent::orders::verify::{Trust, verify_origin};
use muster_base::{UnixMs, sha256};
use muster_identity::{
    keys::{PinnedKeys, SigningKey},
    order::OrderHead,
    seal::{SealError, SealKey, Sealed, key_id},
};
use muster_protocol::{
    decode, encode,
    latest::{OrderRefusal, SealedSecrets, SignedOrder},
};

use crate::choose;

static SIGNER: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate().expect("a key"));
static SEAL: LazyLock<SealKey> = LazyLock::new(|| SealKey::generate().expect("a key"));

/// The first byte chooses what the rest is taken for.
pub fn orders(data: &[u8]) {
    let Some((kind, rest)) = choose(data, 3) else {
        return;
    };
    match kind {
        0 => head(rest),
        1 => signed(rest),
        _ => sealed(rest),
    }
}

/// Exactly one encoding; what it says survives its signature, its own time and nobody else's host.
fn head(body: &[u8]) {
    let Ok(head) = OrderHead::from_bytes(body) else {
        return;
    };
    assert_eq!(head.to_bytes().as_deref(), Ok(body));
    let (payload, no_seal) = (Vec::new(), Vec::new());
    let head = OrderHead {
        payload: sha256(&payload),
        sealed: sha256(&no_seal),
        ..head
    };
    let signature = head.sign(&SIGNER).expect("a head that was read can be signed");
    let order = SignedOrder {
        body: signature.body,
        key_id: signature.key_id,
        signature: signature.signature,
        payload,
        sealed: no_seal,
    };
    let trust = |org, host| Trust {
        org,
        host,
        keys: PinnedKeys::from_join([SIGNER.public_key()]),
    };
    // An empty payload is none: everything up to it holds, and nothing else is wrong.
    let own = verify_origin(&trust(head.org, head.host), &order);
    assert_eq!(own, Err(OrderRefusal::Unreadable));
    let mut forged = order.clone();
    let last = forged.body.len() - 1;
    forged.body[last] ^= 1;
    let refused = verify_origin(&trust(head.org, head.host), &forged);
    assert_eq!(refused, Err(OrderRefusal::BadSignature));
    head.check_time(UnixMs(0)).ok();
}

/// Nothing that we did not sign passes.
fn signed(bytes: &[u8]) {
    let Ok(order) = decode::<SignedOrder>(bytes) else {
        return;
    };
    let trust = Trust {
        org: id(),
        host: id(),
        keys: PinnedKeys::from_join([SIGNER.public_key()]),
    };
    assert_eq!(verify_origin(&trust, &order), Err(OrderRefusal::BadSignature));
}

/// Nothing that was not sealed to us opens, whomever it says it is for.
fn sealed(bytes: &[u8]) {
    let Ok(mut sealed) = decode::<SealedSecrets>(bytes) else {
        return;
    };
    let again = encode(&sealed).expect("what was decoded can be encoded");
    assert!(decode::<SealedSecrets>(&again).is_ok_and(|again| again == sealed));
    for recipient in [sealed.recipient, key_id(SEAL.public_key())] {
        let ours = recipient == key_id(SEAL.public_key());
        let offered = Sealed {
            recipient,
            encapsulated: std::mem::take(&mut sealed.encapsulated),
            ciphertext: std::mem::take(&mut sealed.ciphertext),
        };
        let opened = SEAL.open(&offered, id(), id()).map(drop);
        assert_eq!(
            opened,
            Err(if ours {
                SealError::NotAuthentic
            } else {
                SealError::OtherKey
            })
        );
        (sealed.encapsulated, sealed.ciphertext) = (offered.encapsulated, offered.ciphertext);
    }
}

fn id<T: std::str::FromStr>() -> T {
    let id = "0199c0de-0000-7000-8000-000000000001".parse().ok();
    id.expect("an id")
}
