//! Rotations through HTTP, on both databases; with real agents in `link/tests/rotation.rs`.

use muster_identity::{
    keys::{PinnedKeys, SigningKey},
    order::Signature,
};
use muster_protocol::latest::SignedOrder;
use serde_json::{Value, json};

use crate::{access::Role, testing::both_databases};

fn states(status: &Value, kind: &str) -> Vec<String> {
    let keys = status[kind].as_array().unwrap();
    keys.iter()
        .map(|key| key["state"].as_str().unwrap().to_owned())
        .collect()
}

both_databases!(
    only_the_super_administrator_rotates_and_each_step_is_on_record,
    |test| {
        let admin = test.admin().await;
        let ann = test.member("ann", Role::Owner).await;
        for (method, path) in [
            (axum::http::Method::GET, "/api/v1/keys"),
            (axum::http::Method::POST, "/api/v1/keys/ca/rotate"),
            (axum::http::Method::POST, "/api/v1/keys/ca/advance"),
            (axum::http::Method::POST, "/api/v1/keys/signing/retire"),
        ] {
            assert_eq!(
                ann.call(method.clone(), path, Some(json!({}))).await.0,
                403,
                "{path}"
            );
            assert_eq!(
                test.nobody().call(method, path, Some(json!({}))).await.0,
                401,
                "{path}"
            );
        }
        for path in ["ca/advance", "ca/retire", "signing/retire"] {
            let (status, problem) = admin.post(&format!("/api/v1/keys/{path}"), json!({})).await;
            assert_eq!(status, 409, "{path}: {problem}");
        }
        let (status, shown) = admin.post("/api/v1/keys/ca/rotate", json!({})).await;
        assert_eq!(
            (status, states(&shown, "ca")),
            (200, vec!["current".to_owned(), "next".to_owned()])
        );
        assert_eq!(admin.post("/api/v1/keys/ca/rotate", json!({})).await.0, 409);
        let (_, shown) = admin.post("/api/v1/keys/ca/advance", json!({})).await;
        assert_eq!(states(&shown, "ca"), ["previous", "current"]);
        assert_eq!(admin.post("/api/v1/keys/ca/rotate", json!({})).await.0, 409);
        let (_, shown) = admin
            .post("/api/v1/keys/ca/retire", json!({"force": false}))
            .await;
        assert_eq!(states(&shown, "ca"), ["gone", "current"]);

        let (_, audit) = admin.get("/api/v1/audit?scope=platform").await;
        let operations: Vec<_> = audit["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|row| row["operation"].as_str())
            .filter(|operation| operation.starts_with("keys:"))
            .collect();
        assert_eq!(operations, ["keys:retire", "keys:advance", "keys:rotate"]);
    }
);

both_databases!(join_commands_pin_the_ca_that_issues, |test| {
    let admin = test.admin().await;
    let pinned = async || {
        let (_, grant) = admin.post("/api/v1/join-tokens", json!({})).await;
        grant["caFingerprint"].as_str().unwrap().to_owned()
    };
    let old = pinned().await;
    admin.post("/api/v1/keys/ca/rotate", json!({})).await;
    assert_eq!(pinned().await, old);
    let (_, shown) = admin.post("/api/v1/keys/ca/advance", json!({})).await;
    assert_eq!(pinned().await, shown["ca"][1]["id"]);
    assert_ne!(pinned().await, old);
});

both_databases!(a_host_that_missed_rotations_follows_the_chain, |test| {
    let admin = test.admin().await;
    let first = test.app.fleet_keys().await.unwrap().signer.public_key();
    let mut away = PinnedKeys::from_join([first]);
    for _ in 0..3 {
        let (status, shown) = admin.post("/api/v1/keys/signing/rotate", json!({})).await;
        assert_eq!(status, 200, "{shown}");
        let (status, shown) = admin.post("/api/v1/keys/signing/retire", json!({})).await;
        assert_eq!(status, 200, "{shown}");
    }
    // Another process reads the same from the database.
    let keys = crate::fleet::load_keys(&test.app).await.unwrap();
    assert!(muster_agent::identity::offer_keys(
        &mut away,
        &keys.signing_keys()
    ));
    assert_eq!(away.keys(), [keys.signer.public_key()]);
    assert!(away.is_retired(first.id()));
    assert_eq!(
        keys.signing_keys_for_join().len(),
        1,
        "a new host pins what counts"
    );
});

both_databases!(only_what_a_key_of_the_fleet_signed_is_signed_again, |test| {
    let admin = test.admin().await;
    let order = |key: &SigningKey| {
        let signature = Signature::of_body(b"an order".to_vec(), key);
        SignedOrder {
            body: signature.body,
            key_id: signature.key_id,
            signature: signature.signature,
            payload: Vec::new(),
            sealed: Vec::new(),
        }
    };
    let ours = order(&test.app.fleet_keys().await.unwrap().signer);
    admin.post("/api/v1/keys/signing/rotate", json!({})).await;
    admin.post("/api/v1/keys/signing/retire", json!({})).await;
    let keys = test.app.fleet_keys().await.unwrap();
    assert!(keys.has_signed(&ours), "also by a key that is gone");
    assert!(!keys.has_signed(&order(&SigningKey::generate().unwrap())));
    let mut changed = ours.clone();
    changed.body.push(0);
    assert!(!keys.has_signed(&changed));
});
