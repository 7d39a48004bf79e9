//! Going on with a rollout that has stopped.

use serde_json::{Value, json};

use super::{
    asked, get_deployment, moves,
    rollout::{all_do, application, call, hosts, open_orders, succeed},
    wait_until,
};
use crate::{
    access::Role,
    testing::{Client, both_databases},
    work::OrderState,
};

async fn go_on(client: &Client<'_>, id: &str) -> (u16, Value) {
    client.test().app.clock.advance(10);
    client
        .post(&format!("/api/v1/deployments/{id}/resume"), Value::Null)
        .await
}

fn names(deployment: &Value) -> Vec<&str> {
    let hosts = deployment["hosts"].as_array().unwrap().iter();
    hosts.map(|host| host["hostName"].as_str().unwrap()).collect()
}

both_databases!(
    what_stopped_at_its_threshold_goes_on_with_the_failed_and_the_remaining,
    |test| {
        let admin = test.admin().await;
        let hosts = hosts(test, 6).await;
        let rollout = json!({"batchSize": 2, "maxFailures": 0, "onFailure": "stop"});
        let application = application(&admin, &hosts, rollout).await;
        let first = succeed(&admin, &application, "1", &[2, 2, 2]).await;
        let (status, body) = go_on(&admin, &first).await;
        assert_eq!(
            (status, &body["type"]),
            (409, &json!("nothing-to-go-on-with")),
            "{body}"
        );

        let id = super::deploy(&admin, &application, "2").await;
        let batch = open_orders(&admin, &id, 2).await;
        moves(test, batch[0], OrderState::Done, None).await;
        moves(test, batch[1], OrderState::Failed, Some("no space left")).await;
        let stopped = wait_until(&admin, &id, |d| d["status"] == "failure").await;
        assert_eq!(stopped["counts"]["skipped"], 4, "{stopped}");

        let viewer = test.member("vera", Role::Viewer).await;
        assert_eq!(go_on(&viewer, &id).await.0, 403);
        let (status, resumed) = go_on(&admin, &id).await;
        assert_eq!(status, 202, "{resumed}");
        assert_eq!(
            (&resumed["triggerType"], &resumed["originId"], &resumed["version"]),
            (&json!("resume"), &json!(id), &json!("2"))
        );
        let next = resumed["id"].as_str().unwrap();
        assert_ne!(next, id);
        // Two who go on make one, and nothing else runs beside it.
        let (status, body) = go_on(&admin, &id).await;
        assert_eq!(
            (status, &body["type"]),
            (409, &json!("deployment-overtaken")),
            "{body}"
        );

        let batch = open_orders(&admin, next, 2).await;
        let running = get_deployment(&admin, next).await;
        assert_eq!(
            names(&running),
            ["host-01", "host-02", "host-03", "host-04", "host-05"]
        );
        assert_eq!(asked(test, batch[0]).await.version, "2");
        let waiting = super::deploy(&admin, &application, "3").await;
        assert_eq!(get_deployment(&admin, &waiting).await["status"], "pending");
        all_do(test, &batch).await;
        all_do(test, &open_orders(&admin, next, 2).await).await;
        all_do(test, &open_orders(&admin, next, 1).await).await;
        wait_until(&admin, next, |d| d["status"] == "success").await;

        // What ended stays as it ended, and what waited has its turn on all hosts.
        assert_eq!(get_deployment(&admin, &id).await["status"], "failure");
        open_orders(&admin, &waiting, 2).await;
        assert_eq!(get_deployment(&admin, &waiting).await["counts"]["total"], 6);
    }
);

both_databases!(what_was_overtaken_or_went_back_does_not_go_on, |test| {
    let admin = test.admin().await;
    let hosts = hosts(test, 2).await;
    let application = application(&admin, &hosts, json!({"batchSize": 1})).await;
    let id = super::deploy(&admin, &application, "1").await;
    let batch = open_orders(&admin, &id, 1).await;
    moves(test, batch[0], OrderState::Failed, Some("broken")).await;
    wait_until(&admin, &id, |d| d["status"] == "failure").await;
    succeed(&admin, &application, "2", &[1, 1]).await;
    let (status, body) = go_on(&admin, &id).await;
    assert_eq!(
        (status, &body["type"]),
        (409, &json!("deployment-overtaken")),
        "{body}"
    );

    // Called off after the first host: the second is what is left.
    let id = super::deploy(&admin, &application, "3").await;
    let batch = open_orders(&admin, &id, 1).await;
    call(&admin, &id, "pause", Value::Null).await;
    all_do(test, &batch).await;
    wait_until(&admin, &id, |d| d["phase"] == "paused").await;
    call(&admin, &id, "cancel", json!({})).await;
    wait_until(&admin, &id, |d| d["completedAt"] != Value::Null).await;
    let (status, resumed) = go_on(&admin, &id).await;
    assert_eq!(status, 202, "{resumed}");
    let next = resumed["id"].as_str().unwrap();
    open_orders(&admin, next, 1).await;
    assert_eq!(names(&get_deployment(&admin, next).await), ["host-01"]);
});

both_databases!(what_was_approved_stays_approved, |test| {
    let admin = test.admin().await;
    let bob = test.member("bob", Role::Admin).await;
    let hosts = hosts(test, 2).await;
    let body = json!({"name": "shop", "image": "team/shop", "environments": {"default":
        {"hosts": hosts, "approvalRequired": true, "rollout": {"batchSize": 1}}}});
    let made = super::created(&admin, "/api/v1/applications", body).await;
    let id = super::deploy(&admin, made["id"].as_str().unwrap(), "1").await;
    assert_eq!(get_deployment(&admin, &id).await["status"], "waitingApproval");
    call(&bob, &id, "approve", json!({"comment": "go"})).await;
    let batch = open_orders(&admin, &id, 1).await;
    moves(test, batch[0], OrderState::Failed, Some("broken")).await;
    wait_until(&admin, &id, |d| d["status"] == "failure").await;
    let (status, resumed) = go_on(&admin, &id).await;
    assert_eq!(
        (status, &resumed["status"], &resumed["approvals"][0]["comment"]),
        (202, &json!("pending"), &json!("go")),
        "{resumed}"
    );
    open_orders(&admin, resumed["id"].as_str().unwrap(), 1).await;
});
