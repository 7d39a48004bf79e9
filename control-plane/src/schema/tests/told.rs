//! What of a release is told, to whom, and once.

use serde_json::{Value, json};

use super::{
    executions::{moves, order},
    propose, release,
    rollouts::{ends, rolling_out, scene, until, until_begun},
    server, wants_mail,
};
use crate::{
    access::Role,
    schema::told,
    testing::{Client, Test, both_databases},
    work::OrderState,
};

/// Codes and buttons' targets of what somebody was told of releases, newest first.
async fn heard(test: &Test, client: &Client<'_>) -> Vec<(String, String)> {
    let (one, two) = tokio::join!(told::tell(&test.app), told::tell(&test.app));
    one.and(two).unwrap();
    let (status, page) = client.get("/api/v1/messages?limit=500").await;
    assert_eq!(status, 200, "{page}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let items = page["items"].as_array().unwrap().iter();
    items
        .filter(|message| message["mode"] == 7)
        .map(|message| (text(&message["code"]), text(&message["tip"])))
        .collect()
}

/// Executes the release, which ends so; the execution's id.
async fn executed(test: &Test, client: &Client<'_>, release: &str, state: OrderState) -> String {
    let path = format!("/api/v1/schema/releases/{release}/execute");
    let (status, begun) = client.post(&path, json!({"server": "main"})).await;
    assert_eq!(status, 202, "{begun}");
    let id = begun["executionId"].as_str().unwrap().to_owned();
    let execution = client.get(&format!("/api/v1/schema/executions/{id}")).await.1;
    let mut order = order(test, &execution).await;
    order.ended_at = Some(test.app.clock.now());
    order.error = (state != OrderState::Done).then(|| "the key (mail)=(eve@example.com) is taken".to_owned());
    moves(test, &mut order, state).await;
    id
}

both_databases!(who_executes_there_hears_once_that_it_failed, |test| {
    server(test, "main", "Postgres").await;
    let ann = test.member("ann", Role::Member).await;
    let bob = test.member("bob", Role::Admin).await;
    let cid = test.member("cid", Role::Admin).await;
    test.stranger("other").await;
    wants_mail(test, &cid, "cid").await;
    let release = release(&ann, &bob, "1.0", &["main"], "create table t (id int)").await;

    let failed = executed(test, &bob, &release, OrderState::RolledBack).await;
    for client in [&bob, &cid] {
        let expected = ("notExecuted".to_owned(), failed.clone());
        assert_eq!(heard(test, client).await, [expected]);
    }
    assert_eq!(heard(test, &ann).await, [], "she may not execute");
    // The first one asked for an approval.
    let mails = test.post.wait_for("cid@example.com", 2).await;
    let mail = mails.iter().find(|mail| mail.text.contains(&failed));
    let text = &mail.unwrap_or_else(|| panic!("{mails:?}")).text;
    assert!(
        !text.contains("eve"),
        "what is in tables leaves the house in no mail: {text}"
    );

    test.app.clock.advance(10);
    let unknown = executed(test, &bob, &release, OrderState::NeedsAttention).await;
    let (code, tip) = heard(test, &cid).await.remove(0);
    assert_eq!((code.as_str(), tip), ("needsALook", unknown));
    for state in [OrderState::Cancelled, OrderState::Done] {
        test.app.clock.advance(10);
        executed(test, &bob, &release, state).await;
    }
    assert_eq!(heard(test, &cid).await.len(), 2);
});

both_databases!(
    a_rollout_that_halts_or_waits_is_told_and_its_executions_are_not,
    |test| {
        let (bob, release) = scene(test).await;
        let body = json!({"waves": [1], "pauseAfterFirst": true});
        let path = rolling_out(&bob, &release, body).await;
        let first = until_begun(test, &bob, &path, 1).await;
        ends(test, &bob, &first, 0, OrderState::Failed).await;
        until(test, &bob, &path, |rollout| rollout["status"] == "halted").await;
        let id = release.rsplit('/').next().unwrap().to_owned();
        let halted = ("rolloutHalted".to_owned(), id.clone());
        assert_eq!(heard(test, &bob).await, std::slice::from_ref(&halted));

        test.app.clock.advance(10);
        assert_eq!(bob.post(&format!("{path}/resume"), json!({})).await.0, 200);
        let again = until_begun(test, &bob, &path, 1).await;
        ends(test, &bob, &again, 0, OrderState::Done).await;
        until(test, &bob, &path, |rollout| rollout["status"] == "paused").await;
        let paused = ("rolloutPaused".to_owned(), id);
        assert_eq!(heard(test, &bob).await, [paused.clone(), halted.clone()]);
        assert_eq!(bob.post(&format!("{path}/continue"), json!({})).await.0, 200);
        assert_eq!(heard(test, &bob).await, [paused, halted]);
    }
);

both_databases!(approvals_are_asked_for_and_answered_by_mail_too, |test| {
    server(test, "main", "Postgres").await;
    let ann = test.member("ann", Role::Member).await;
    let bob = test.member("bob", Role::Admin).await;
    wants_mail(test, &ann, "ann").await;
    wants_mail(test, &bob, "bob").await;
    let (status, made) = propose(&ann, "1.0", &["main"], "create table t (id int)").await;
    assert_eq!(status, 201, "{made}");
    let ticket = made["ticketId"].as_str().unwrap();
    let asked = test.post.wait_for("bob@example.com", 1).await;
    assert!(asked[0].text.contains(ticket), "{}", asked[0].text);
    let reject = format!("/api/v1/schema/tickets/{ticket}/reject");
    let (status, rejected) = bob.post(&reject, json!({"comment": "no index"})).await;
    assert_eq!(status, 200, "{rejected}");
    let answered = test.post.wait_for("ann@example.com", 1).await;
    assert!(answered[0].text.contains("no index"), "{}", answered[0].text);
});
