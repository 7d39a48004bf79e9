//! What neither the resident nor the worker by itself does.

use muster_base::{Clock, UnixMs};
use muster_identity::{keys::SigningKey, order::OrderHead};
use muster_protocol::latest::{Mount, OrderPayload, OrderRefusal, SignedOrder, SigningKeyNotice};

use crate::{
    bench::{POLICY, TestHost},
    engine::Place,
};

/// Both refuse the order, each by itself, and nothing runs.
async fn both_refuse(host: &TestHost, place: &Place, order: &SignedOrder, wanted: &OrderRefusal) {
    let alone = host.worker(order).await.all().await;
    assert_eq!(alone.refusal(), wanted, "the worker alone");
    let resident = host.resident();
    let said = resident.order(order).await;
    assert_eq!(said.refusal(), wanted, "the resident");
    resident.stop().await;
    assert!(place.containers().is_empty());
}

/// An order whose head is changed before it is signed.
fn order(host: &TestHost, place: &Place, change: impl FnOnce(&mut OrderHead)) -> SignedOrder {
    let payload = OrderPayload::Deploy(Box::new(host.web(place, "1.0.0")));
    let mut head = host.head(&payload);
    change(&mut head);
    host.sign(head, &payload, &[], &host.signer)
}

#[tokio::test]
async fn a_stranger_s_signature_is_refused() {
    let (host, place) = (TestHost::new(POLICY), Place::new());
    let payload = OrderPayload::Deploy(Box::new(host.web(&place, "1.0.0")));
    let stranger = SigningKey::generate().unwrap();
    let by_stranger = host.sign(host.head(&payload), &payload, &[], &stranger);
    both_refuse(&host, &place, &by_stranger, &OrderRefusal::BadSignature).await;

    let mut under_a_false_name = by_stranger;
    under_a_false_name.key_id = host.signer.public_key().id();
    both_refuse(&host, &place, &under_a_false_name, &OrderRefusal::BadSignature).await;

    let mut unsigned = order(&host, &place, |_| ());
    unsigned.signature.clear();
    both_refuse(&host, &place, &unsigned, &OrderRefusal::BadSignature).await;
}

#[tokio::test]
async fn a_changed_payload_or_other_secrets_are_refused() {
    let (host, place) = (TestHost::new(POLICY), Place::new());
    let mut other_image = order(&host, &place, |_| ());
    let payload = OrderPayload::Deploy(Box::new(host.web(&place, "1.1.0")));
    other_image.payload = muster_protocol::encode(&payload).unwrap();
    both_refuse(&host, &place, &other_image, &OrderRefusal::BadDigest).await;

    let mut other_secrets = order(&host, &place, |_| ());
    other_secrets.sealed.push(0);
    both_refuse(&host, &place, &other_secrets, &OrderRefusal::BadDigest).await;

    let mut other_head = order(&host, &place, |_| ());
    other_head.body[40] ^= 1;
    both_refuse(&host, &place, &other_head, &OrderRefusal::BadSignature).await;
}

#[tokio::test]
async fn another_host_s_and_another_org_s_orders_are_refused() {
    let (host, place) = (TestHost::new(POLICY), Place::new());
    let elsewhere = order(&host, &place, |head| head.host = Clock::system().new_id());
    both_refuse(&host, &place, &elsewhere, &OrderRefusal::WrongHost).await;
    let foreign = order(&host, &place, |head| head.org = Clock::system().new_id());
    both_refuse(&host, &place, &foreign, &OrderRefusal::WrongHost).await;
}

#[tokio::test]
async fn an_order_out_of_its_time_is_refused() {
    let (host, place) = (TestHost::new(POLICY), Place::new());
    let now = host.clock.now();
    let late = order(&host, &place, |head| head.expires = now);
    both_refuse(&host, &place, &late, &OrderRefusal::Expired).await;
    let early = order(&host, &place, |head| head.not_before = now.plus_ms(UnixMs::HOUR));
    both_refuse(&host, &place, &early, &OrderRefusal::Expired).await;
}

#[tokio::test]
async fn a_sequence_number_is_taken_once() {
    let (host, place) = (TestHost::new(POLICY), Place::new());
    let first = host.deploy(host.web(&place, "1.0.0"));
    let resident = host.resident();
    resident.order(&first).await.outcome();
    let life = place.life();
    let replay = order(&host, &place, |head| head.sequence = 1);
    assert_eq!(*resident.order(&replay).await.refusal(), OrderRefusal::Replay);
    resident.stop().await;
    let alone = host.worker(&replay).await.all().await;
    assert_eq!(*alone.refusal(), OrderRefusal::Replay);
    assert_eq!(place.life(), life);
}

#[tokio::test]
async fn the_policy_is_the_worker_s_and_names_its_rule() {
    for (policy, rule) in [("", "images.allow"), (POLICY, "mounts.bind")] {
        let (host, place) = (TestHost::new(policy), Place::new());
        let mut spec = host.web(&place, "1.0.0");
        spec.container.mounts.push(Mount::Bind {
            source: "/etc".to_owned(),
            target: "/host".to_owned(),
            read_only: true,
        });
        let resident = host.resident();
        let said = resident.order(&host.deploy(spec)).await;
        let OrderRefusal::Policy { rule: named, message } = said.refusal() else {
            panic!("{said:#?}");
        };
        assert_eq!(named, rule);
        assert!(message.contains("its administrator sets"), "{message}");
        assert!(place.containers().is_empty());
        resident.stop().await;
    }
}

#[tokio::test]
async fn a_policy_that_others_may_write_allows_nothing() {
    use std::os::unix::fs::PermissionsExt as _;
    let (host, place) = (TestHost::new(POLICY), Place::new());
    let path = host.path().join("policy.toml");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
    let said = host
        .worker(&host.deploy(host.web(&place, "1.0.0")))
        .await
        .all()
        .await;
    assert!(matches!(said.refusal(), OrderRefusal::Policy { rule, .. } if rule == "policy"));
    assert!(place.containers().is_empty());
}

#[tokio::test]
async fn an_order_that_was_refused_may_come_again_under_a_new_number() {
    let (host, place) = (TestHost::new(""), Place::new());
    let payload = OrderPayload::Deploy(Box::new(host.web(&place, "1.0.0")));
    let password = crate::engine::registry_password();
    let secrets = [(crate::engine::PASSWORD, password.as_str())];
    let head = host.head(&payload);
    let resident = host.resident();
    let refused = host.sign(head.clone(), &payload, &secrets, &host.signer);
    resident.order(&refused).await.refusal();
    assert_eq!(
        resident.order(&refused).await.0.len(),
        1,
        "the refusal is repeated"
    );

    std::fs::write(host.path().join("policy.toml"), POLICY).unwrap();
    let anew = OrderHead {
        sequence: host.head(&payload).sequence,
        ..head
    };
    let said = resident
        .order(&host.sign(anew, &payload, &secrets, &host.signer))
        .await;
    said.outcome();
    assert_eq!(place.served().as_deref(), Some("1.0.0"));
    resident.stop().await;
}

#[tokio::test]
async fn a_new_signing_key_needs_a_pinned_one_s_word() {
    let (host, place) = (TestHost::new(""), Place::new());
    let newer = SigningKey::generate().unwrap();
    let payload = OrderPayload::Deploy(Box::new(host.web(&place, "1.0.0")));
    let order = host.sign(host.head(&payload), &payload, &[], &newer);
    let stranger = SigningKey::generate().unwrap();
    for by in [&stranger, &newer] {
        let notice = notice(&newer, by);
        let said = host.worker_told(&order, vec![notice]).await.all().await;
        assert_eq!(*said.refusal(), OrderRefusal::BadSignature);
    }
    let vouched = notice(&newer, &host.signer);
    let said = host.worker_told(&order, vec![vouched]).await.all().await;
    assert!(
        matches!(said.refusal(), OrderRefusal::Policy { .. }),
        "past the signature: {said:?}"
    );
    let said = host.worker(&order).await.all().await;
    assert!(
        matches!(said.refusal(), OrderRefusal::Policy { .. }),
        "and pinned from then on: {said:?}"
    );
}

fn notice(newer: &SigningKey, by: &SigningKey) -> SigningKeyNotice {
    let vouch = by.vouch_for(newer.public_key());
    SigningKeyNotice {
        public_key: newer.public_key().0.to_vec(),
        vouched_by: Some(vouch.by),
        signature: vouch.signature,
    }
}
