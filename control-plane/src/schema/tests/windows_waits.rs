//! What waits for a window beside others that do, beside people who change windows, and whose key is withdrawn meanwhile.

use muster_base::UnixMs;
use serde_json::{Value, json};

use super::{
    executions::{moves, order},
    publish::{APPLY, approve, design, publish},
    release, server,
    windows::{audited, executing, orders, scene, set, thursdays, until},
};
use crate::{
    access::Role,
    schema::waiting,
    testing::both_databases,
    work::{self, OrderState},
};

fn releases(id: &str) -> String {
    format!("/api/v1/schema/releases/{id}")
}

both_databases!(
    of_what_waits_for_one_database_one_begins_after_the_other,
    |test| {
        server(test, "pg", "Postgres").await;
        let ann = test.member("ann", Role::Member).await;
        let bob = test.member("bob", Role::Admin).await;
        let eve = test.member("eve", Role::Owner).await;
        ann.post_text(APPLY, &design("{name: mail, dataType: text}"))
            .await;
        let early = approve(&bob, &publish(&ann, "1.0", json!({})).await.1).await;
        let late = approve(&bob, &publish(&ann, "1.1", json!({"tables": ["t_org"]})).await.1).await;
        let text = release(&ann, &bob, "1.2", &["pg"], "select 1").await;
        set(&bob, thursdays(&json!({}))).await;
        let mut paths = Vec::new();
        for id in [&early, &late, &text] {
            paths.push(executing(&bob, &releases(id), json!({})).await);
            test.app.clock.advance(10);
        }
        test.app.clock.advance(4 * UnixMs::MINUTE);
        let begun = until(test, &bob, &paths[0], |execution| !execution["orderId"].is_null()).await;
        waiting::look(&test.app).await.unwrap();
        assert_eq!(orders(&bob).await, 1, "the others wait for it");
        let reason = json!({"overrideReason": "the shop is down"});
        let (status, busy) = eve.post(&format!("{}/start", paths[1]), reason).await;
        assert_eq!((status, &busy["type"]), (409, &json!("database-busy")), "{busy}");

        let mut order = order(test, &begun).await;
        moves(test, &mut order, OrderState::Accepted).await;
        moves(test, &mut order, OrderState::Done).await;
        test.app.clock.advance(6 * UnixMs::SECOND);
        let moved = until(test, &bob, &paths[1], |execution| {
            execution["status"] != "pending"
        })
        .await;
        let why = moved["error"].as_str().unwrap();
        assert!(why.starts_with("release 1.0 was executed there"), "{moved}");
        // SQL as text is computed against nothing.
        until(test, &bob, &paths[2], |execution| !execution["orderId"].is_null()).await;
        assert_eq!(orders(&bob).await, 2);
    }
);

both_databases!(an_order_that_was_sent_and_not_accepted_waits_too, |test| {
    let (bob, eve, release) = scene(test, thursdays(&json!({}))).await;
    let path = executing(&bob, &release, json!({})).await;
    test.app.clock.advance(4 * UnixMs::MINUTE);
    let begun = until(test, &bob, &path, |execution| !execution["orderId"].is_null()).await;
    let mut sent = order(test, &begun).await;
    sent.sequence = Some(1);
    test.app.clock.advance(10 * UnixMs::MINUTE);
    moves(test, &mut sent, OrderState::Expired).await;
    let (_, again) = bob.get(&path).await;
    assert_eq!(
        (&again["status"], &again["orderId"]),
        (&json!("pending"), &Value::Null),
        "{again}"
    );
    assert_eq!(
        audited(&bob, "release:waits").await,
        ["its host could not be reached while the window was open"]
    );

    // An order that it has no more says nothing of it, and a host with a wrong clock does not make it wait.
    let reason = json!({"overrideReason": "the shop is down"});
    let (_, begun) = eve.post(&format!("{path}/start"), reason).await;
    moves(test, &mut sent, OrderState::Expired).await;
    assert_eq!(bob.get(&path).await.1["orderId"], begun["orderId"]);
    let mut early = order(test, &begun).await;
    early.sequence = Some(2);
    moves(test, &mut early, OrderState::Expired).await;
    assert_eq!(bob.get(&path).await.1["status"], "failure");
});

both_databases!(windows_that_are_set_take_back_what_no_host_has, |test| {
    let (bob, eve, release) = scene(test, json!({})).await;
    let path = executing(&bob, &release, json!({})).await;
    let (_, begun) = bob.get(&path).await;
    set(&bob, json!({"authorMayDecide": true})).await;
    assert_eq!(bob.get(&path).await.1["orderId"], begun["orderId"]);
    set(&bob, thursdays(&json!({}))).await;
    let (_, waits) = bob.get(&path).await;
    assert_eq!(
        (&waits["status"], &waits["waits"]["until"]),
        (&json!("pending"), &json!(super::windows::OPENS)),
        "{waits}"
    );
    let before = order(test, &begun).await;
    assert_eq!(before.state, OrderState::Cancelled, "{before:?}");
    assert_eq!(audited(&bob, "release:waits").await.len(), 1);

    // What somebody began outside the windows is left alone.
    let reason = json!({"overrideReason": "the shop is down"});
    let (_, hurried) = eve.post(&format!("{path}/start"), reason).await;
    let freeze = json!({"from": "2026-05-20T00:00:00Z", "to": "2026-06-04T20:35:00Z"});
    set(&bob, thursdays(&json!({"freezes": [freeze]}))).await;
    assert_eq!(bob.get(&path).await.1["orderId"], hurried["orderId"]);
    let order = work::find(&test.app, before.id).await.unwrap().unwrap();
    assert_eq!(order.state, OrderState::Cancelled);
});

both_databases!(what_a_withdrawn_key_asked_for_begins_no_more, |test| {
    let (bob, _, release) = scene(test, thursdays(&json!({}))).await;
    let (status, made) = bob
        .post("/api/v1/api-keys", json!({"name": "ci", "kind": "full"}))
        .await;
    assert_eq!(status, 201, "{made}");
    let key = test.with_token(made["key"].as_str().unwrap());
    let path = executing(&key, &release, json!({})).await;
    let withdraw = format!("/api/v1/api-keys/{}", made["id"].as_str().unwrap());
    assert_eq!(bob.delete(&withdraw).await.0, 204);
    test.app.clock.advance(4 * UnixMs::MINUTE);
    let ended = until(test, &bob, &path, |execution| execution["status"] != "pending").await;
    assert_eq!(
        ended["error"],
        "ci may not execute releases here any more; nothing was changed"
    );
    assert_eq!(orders(&bob).await, 0);
});
