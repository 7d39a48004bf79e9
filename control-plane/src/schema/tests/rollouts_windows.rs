//! Rollouts beside maintenance windows, and by whose word their waves begin.

use axum::http::Method;
use muster_base::UnixMs;
use serde_json::{Value, json};

use super::{
    executions::order,
    rollouts::{begun, ends, execution, rolling_out, scene, until, until_begun},
    windows::{NEXT_WEEK, OPENS, audited, orders, set, thursdays},
};
use crate::{
    access::Role,
    schema::waiting,
    testing::{Client, both_databases},
    work::OrderState,
};

async fn user_id(client: &Client<'_>, username: &str) -> String {
    let (_, members) = client.get("/api/v1/members").await;
    let rows = members["items"].as_array().unwrap();
    let member = rows.iter().find(|one| one["username"] == username).unwrap();
    member["userId"].as_str().unwrap().to_owned()
}

both_databases!(waves_keep_to_the_windows, |test| {
    let (bob, release) = scene(test).await;
    set(&bob, thursdays(&json!({"outside": "refuse"}))).await;
    let rollouts = format!("{release}/rollouts");
    let (status, refused) = bob.post(&rollouts, json!({})).await;
    assert_eq!(
        (status, &refused["type"]),
        (409, &json!("outside-windows")),
        "{refused}"
    );
    let body = json!({"notBefore": OPENS, "pauseAfterFirst": true});
    let path = rolling_out(&bob, &release, body).await;
    let first = until(test, &bob, &path, |rollout| begun(rollout) == 1).await;
    let waits = execution(&bob, &first, 0).await;
    assert_eq!(
        (&waits["waits"]["until"], &waits["waits"]["for"]),
        (&json!(OPENS), &json!("time")),
        "{waits}"
    );
    assert_eq!(orders(&bob).await, 0);
    test.app.clock.advance(4 * UnixMs::MINUTE);
    let first = until_begun(test, &bob, &path, 1).await;
    ends(test, &bob, &first, 0, OrderState::Done).await;
    until(test, &bob, &path, |rollout| rollout["status"] == "paused").await;

    // The window has closed meanwhile.
    test.app.clock.advance(10 * UnixMs::MINUTE);
    let go_on = format!("{path}/continue");
    let (status, refused) = bob.post(&go_on, json!({})).await;
    assert_eq!(
        (status, &refused["type"]),
        (409, &json!("outside-windows")),
        "{refused}"
    );
    set(&bob, thursdays(&json!({}))).await;
    assert_eq!(bob.post(&go_on, json!({})).await.0, 200);
    let second = until(test, &bob, &path, |rollout| begun(rollout) == 4).await;
    waiting::look(&test.app).await.unwrap();
    for nth in 1..4 {
        let waits = execution(&bob, &second, nth).await;
        assert_eq!(waits["waits"]["until"], NEXT_WEEK, "{waits}");
    }
    assert_eq!(orders(&bob).await, 1);
    let (_, off) = bob.post(&format!("{path}/cancel"), json!({})).await;
    assert_eq!(
        off["servers"][1]["error"],
        "not begun: the rollout was called off; nothing was changed"
    );
});

both_databases!(with_a_reason_they_keep_to_no_window, |test| {
    let (bob, release) = scene(test).await;
    let eve = test.member("eve", Role::Owner).await;
    set(&bob, thursdays(&json!({"outside": "refuse"}))).await;
    let body = json!({"waves": [1, 1], "overrideReason": " the shop is down "});
    let refused = bob.post(&format!("{release}/rollouts"), body.clone()).await;
    assert_eq!(refused.0, 403, "{}", refused.1);
    let path = rolling_out(&eve, &release, body).await;
    for nth in 0..2 {
        let wave = until_begun(test, &eve, &path, nth + 1).await;
        let hurried = execution(&eve, &wave, nth).await;
        assert_eq!(hurried["overrideReason"], "the shop is down", "{hurried}");
        let order = order(test, &hurried).await;
        assert_eq!(order.expires_at.ms_since(order.not_before), UnixMs::HOUR);
        let state = [OrderState::Done, OrderState::RolledBack][nth];
        ends(test, &eve, &wave, nth, state).await;
    }
    let said = audited(&eve, "window:override").await;
    assert_eq!(said, vec!["begins at once: the shop is down"; 2]);
    until(test, &eve, &path, |rollout| rollout["status"] == "halted").await;
    assert_eq!(
        bob.post(&format!("{path}/resume"), json!({})).await.0,
        403,
        "it would begin outside the windows by bob's word"
    );
    assert_eq!(eve.post(&format!("{path}/resume"), json!({})).await.0, 200);
});

both_databases!(waves_begin_by_the_word_of_whoever_last_had_it_go_on, |test| {
    let (bob, release) = scene(test).await;
    let eve = test.member("eve", Role::Owner).await;
    let path = rolling_out(&bob, &release, json!({"servers": ["pg-0", "pg-1"]})).await;
    let first = until_begun(test, &eve, &path, 1).await;
    let member = format!("/api/v1/members/{}", user_id(&eve, "bob").await);
    let (status, lowered) = eve.patch(&member, json!({"role": "VIEWER"})).await;
    assert_eq!(status, 200, "{lowered}");
    ends(test, &eve, &first, 0, OrderState::Done).await;
    let halted = until(test, &eve, &path, |rollout| rollout["status"] == "halted").await;
    assert_eq!(
        halted["reason"],
        "pg-1: bob may not execute releases here any more; nothing was changed"
    );
    assert_eq!(orders(&eve).await, 1);
    test.app.clock.advance(10);
    assert_eq!(eve.post(&format!("{path}/resume"), json!({})).await.0, 200);
    let resumed = until_begun(test, &eve, &path, 2).await;
    let order = order(test, &execution(&eve, &resumed, 1).await).await;
    assert_eq!(
        (order.created_by.as_str(), &resumed["by"]),
        ("eve", &json!("bob"))
    );
});

both_databases!(it_takes_every_server_of_the_release, |test| {
    let (bob, release) = scene(test).await;
    let eve = test.member("eve", Role::Owner).await;
    let zoe = test.member("zoe", Role::Admin).await;
    let vera = test.member("vera", Role::Viewer).await;
    let path = rolling_out(&bob, &release, json!({})).await;
    assert_eq!(zoe.get(&path).await.0, 200);
    let (_, servers) = eve.get("/api/v1/schema/servers").await;
    let rows = servers["items"].as_array().unwrap();
    let one = rows.iter().find(|one| one["label"] == "pg-0").unwrap();
    let permissions = format!("/api/v1/members/{}/permissions", user_id(&eve, "zoe").await);
    let only_one = json!({"name": "one", "operations": [], "objects": {"servers": [one["id"]]}});
    let (status, template) = eve.post("/api/v1/permission-templates", only_one).await;
    assert_eq!(status, 201, "{template}");
    let narrowed = json!({"templateId": template["id"]});
    let (status, given) = eve.call(Method::PUT, &permissions, Some(narrowed)).await;
    assert_eq!(status, 200, "{given}");
    let rollouts = format!("{release}/rollouts");
    let only = json!({"servers": ["pg-0"]});
    for (client, expected) in [(&zoe, 404), (&vera, 403)] {
        assert_eq!(client.post(&rollouts, only.clone()).await.0, expected);
        for word in ["continue", "resume", "cancel"] {
            let answer = client.post(&format!("{path}/{word}"), json!({})).await;
            assert_eq!(answer.0, expected, "{word}: {}", answer.1);
        }
    }
    assert_eq!((zoe.get(&path).await.0, zoe.get(&rollouts).await.0), (404, 404));
    assert_eq!((vera.get(&path).await.0, vera.get(&rollouts).await.0), (200, 200));
    assert_eq!(bob.get(&path).await.1["endedAt"], Value::Null);
});
