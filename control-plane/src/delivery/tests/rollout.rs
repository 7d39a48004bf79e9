//! Deployments over many hosts, with the hosts' side told by hand.

use muster_base::{HostId, OrderId};
use serde_json::{Value, json};

use super::{asked, created, deploy, get_deployment, moves, new_host, wait_until};
use crate::{
    testing::{Client, Test, both_databases},
    work::OrderState,
};

pub(super) async fn hosts(test: &Test, count: usize) -> Vec<HostId> {
    let mut hosts = Vec::new();
    for n in 0..count {
        hosts.push(new_host(test, &format!("host-{n:02}")).await);
    }
    hosts
}

pub(super) async fn application(client: &Client<'_>, hosts: &[HostId], rollout: Value) -> String {
    let body = json!({"name": "shop", "image": "team/shop",
        "environments": {"default": {"hosts": hosts, "rollout": rollout}}});
    let made = created(client, "/api/v1/applications", body).await;
    made["id"].as_str().unwrap().to_owned()
}

/// Orders for the new version that are not answered yet, once there are `count`.
pub(super) async fn open_orders(client: &Client<'_>, id: &str, count: usize) -> Vec<OrderId> {
    let open = |deployment: &Value| -> Vec<OrderId> {
        let hosts = deployment["hosts"].as_array().unwrap().iter();
        hosts
            .filter(|host| host["endedAt"].is_null())
            .filter_map(|host| host["orderId"].as_str()?.parse().ok())
            .collect()
    };
    open(&wait_until(client, id, |d| open(d).len() == count).await)
}

/// Orders of the way back, once there are `count`.
pub(super) async fn orders_back(client: &Client<'_>, id: &str, count: usize) -> Vec<OrderId> {
    let open = |deployment: &Value| -> Vec<OrderId> {
        let hosts = deployment["hosts"].as_array().unwrap().iter();
        hosts
            .filter(|host| host["back"]["status"] == "pending")
            .filter_map(|host| host["back"]["orderId"].as_str()?.parse().ok())
            .collect()
    };
    open(&wait_until(client, id, |d| open(d).len() == count).await)
}

pub(super) async fn all_do(test: &Test, orders: &[OrderId]) {
    for order in orders {
        moves(test, *order, OrderState::Accepted, None).await;
        moves(test, *order, OrderState::Done, None).await;
    }
}

pub(super) async fn succeed(
    client: &Client<'_>,
    application: &str,
    version: &str,
    batches: &[usize],
) -> String {
    let id = deploy(client, application, version).await;
    for count in batches {
        all_do(client.test(), &open_orders(client, &id, *count).await).await;
    }
    wait_until(client, &id, |d| d["status"] == "success").await;
    id
}

fn statuses(deployment: &Value) -> Vec<&str> {
    let hosts = deployment["hosts"].as_array().unwrap().iter();
    hosts.map(|host| host["status"].as_str().unwrap()).collect()
}

pub(super) async fn call(client: &Client<'_>, id: &str, what: &str, body: Value) -> Value {
    let (status, answer) = client
        .post(&format!("/api/v1/deployments/{id}/{what}"), body)
        .await;
    assert_eq!(status, 202, "{what}: {answer}");
    answer
}

both_databases!(batch_follows_batch_and_a_pause_waits_for_a_person, |test| {
    let admin = test.admin().await;
    let hosts = hosts(test, 5).await;
    let rollout = json!({"batchSize": 2, "pauseAfterFirst": true});
    let application = application(&admin, &hosts, rollout).await;
    let id = deploy(&admin, &application, "1").await;
    let first = open_orders(&admin, &id, 2).await;
    let (status, body) = admin
        .post(&format!("/api/v1/deployments/{id}/resume"), Value::Null)
        .await;
    assert_eq!(
        (status, &body["type"]),
        (409, &json!("deployment-phase")),
        "{body}"
    );
    moves(test, first[0], OrderState::Done, None).await;
    assert_eq!(get_deployment(&admin, &id).await["phase"], "rolling");
    moves(test, first[1], OrderState::Done, None).await;
    let paused = get_deployment(&admin, &id).await;
    assert_eq!(
        (&paused["phase"], &paused["status"]),
        (&json!("paused"), &json!("running"))
    );
    assert_eq!((&paused["batch"], &paused["batches"]), (&json!(0), &json!(3)));
    assert_eq!(paused["counts"]["success"], 2);

    // Who waits for it is told so, and by whom it is held up.
    let waiting = deploy(&admin, &application, "2").await;
    let held_up = get_deployment(&admin, &waiting).await;
    assert_eq!(
        (&held_up["status"], &held_up["waitsFor"]["deploymentId"]),
        (&json!("pending"), &json!(id))
    );
    assert_eq!(held_up["waitsFor"]["triggeredBy"]["name"], "root");

    call(&admin, &id, "resume", Value::Null).await;
    let second = open_orders(&admin, &id, 2).await;
    call(&admin, &id, "pause", Value::Null).await;
    all_do(test, &second).await;
    wait_until(&admin, &id, |d| d["phase"] == "paused" && d["batch"] == 1).await;
    call(&admin, &id, "resume", Value::Null).await;
    all_do(test, &open_orders(&admin, &id, 1).await).await;
    wait_until(&admin, &id, |d| d["status"] == "success").await;
    wait_until(&admin, &waiting, |d| d["status"] == "running").await;
    let (_, log) = admin.get(&format!("/api/v1/deployments/{id}/log")).await;
    assert!(
        log.as_str().unwrap().contains("paused after batch 1 of 3"),
        "{log}"
    );
});

both_databases!(too_many_failures_stop_it_and_what_was_changed_goes_back, |test| {
    let admin = test.admin().await;
    let hosts = hosts(test, 6).await;
    let rollout = json!({"batchSize": "50%", "maxFailures": 1, "onFailure": "rollBack"});
    let application = application(&admin, &hosts, rollout).await;
    let first = succeed(&admin, &application, "1", &[3, 3]).await;

    // One may fail.
    let id = deploy(&admin, &application, "2").await;
    let batch = open_orders(&admin, &id, 3).await;
    moves(test, batch[0], OrderState::RolledBack, Some("not healthy")).await;
    all_do(test, &batch[1..]).await;
    all_do(test, &open_orders(&admin, &id, 3).await).await;
    let done = wait_until(&admin, &id, |d| d["status"] == "success").await;
    assert_eq!(done["error"], "1 of 6 hosts not done; host-00: not healthy");

    // A second one is too many.
    let id = deploy(&admin, &application, "3").await;
    let batch = open_orders(&admin, &id, 3).await;
    moves(test, batch[0], OrderState::RolledBack, Some("not healthy")).await;
    moves(test, batch[1], OrderState::Failed, Some("no space left")).await;
    let stopped = wait_until(&admin, &id, |d| d["counts"]["skipped"] == 3).await;
    assert_eq!(statuses(&stopped)[2], "pending", "{stopped}");
    moves(test, batch[2], OrderState::Done, None).await;
    let back = orders_back(&admin, &id, 1).await;
    let spec = asked(test, back[0]).await;
    assert_eq!(
        (spec.version.as_str(), spec.deployment.to_string()),
        ("2", id.clone())
    );
    moves(test, back[0], OrderState::Accepted, None).await;
    moves(test, back[0], OrderState::Done, None).await;
    let ended = wait_until(&admin, &id, |d| d["status"] == "rolledBack").await;
    assert_eq!(
        statuses(&ended),
        [
            "rolledBack",
            "failure",
            "rolledBack",
            "skipped",
            "skipped",
            "skipped"
        ]
    );
    assert_eq!(ended["hosts"][2]["back"]["status"], "success");
    assert!(
        ended["error"].as_str().unwrap().contains("host-00: not healthy"),
        "{ended}"
    );

    // The next one goes back to what runs there, which is not the one that was stopped.
    let id = deploy(&admin, &application, "4").await;
    let batch = open_orders(&admin, &id, 3).await;
    all_do(test, &batch).await;
    let batch = open_orders(&admin, &id, 3).await;
    moves(test, batch[0], OrderState::RolledBack, Some("not healthy")).await;
    moves(test, batch[1], OrderState::RolledBack, Some("not healthy")).await;
    moves(test, batch[2], OrderState::Done, None).await;
    let back = orders_back(&admin, &id, 4).await;
    let mut versions = Vec::new();
    for order in &back {
        versions.push(asked(test, *order).await.version);
    }
    // On the first host version 2 had not become healthy.
    assert_eq!(versions, ["1", "2", "2", "2"]);
    all_do(test, &back[1..]).await;
    moves(test, back[0], OrderState::Failed, Some("the engine is away")).await;
    let ended = wait_until(&admin, &id, |d| d["status"] == "failure").await;
    assert!(
        ended["error"]
            .as_str()
            .unwrap()
            .contains("host-00: the engine is away"),
        "{ended}"
    );
    assert_eq!(ended["hosts"][0]["back"]["to"], first.as_str());
});

both_databases!(a_first_deployment_has_nothing_to_go_back_to_and_says_so, |test| {
    let admin = test.admin().await;
    let hosts = hosts(test, 2).await;
    let rollout = json!({"batchSize": 1, "onFailure": "rollBack"});
    let application = application(&admin, &hosts, rollout).await;
    let id = deploy(&admin, &application, "1").await;
    all_do(test, &open_orders(&admin, &id, 1).await).await;
    let order = open_orders(&admin, &id, 1).await[0];
    moves(test, order, OrderState::RolledBack, Some("not healthy")).await;
    let ended = wait_until(&admin, &id, |d| d["status"] == "failure").await;
    assert!(
        ended["error"].as_str().unwrap().contains("can't go back"),
        "{ended}"
    );
    assert_eq!(statuses(&ended), ["success", "rolledBack"]);
});

both_databases!(one_that_is_called_off_leaves_or_puts_back_what_was_done, |test| {
    let admin = test.admin().await;
    let hosts = hosts(test, 3).await;
    let application = application(&admin, &hosts, json!({"batchSize": 1})).await;
    succeed(&admin, &application, "1", &[1, 1, 1]).await;

    let id = deploy(&admin, &application, "2").await;
    all_do(test, &open_orders(&admin, &id, 1).await).await;
    open_orders(&admin, &id, 1).await;
    call(&admin, &id, "cancel", Value::Null).await;
    let ended = wait_until(&admin, &id, |d| d["status"] == "cancelled").await;
    assert_eq!(statuses(&ended), ["success", "cancelled", "cancelled"]);

    let id = deploy(&admin, &application, "3").await;
    all_do(test, &open_orders(&admin, &id, 1).await).await;
    open_orders(&admin, &id, 1).await;
    call(&admin, &id, "cancel", json!({"rollBack": true})).await;
    let back = orders_back(&admin, &id, 1).await;
    assert_eq!(asked(test, back[0]).await.version, "2");
    all_do(test, &back).await;
    let ended = wait_until(&admin, &id, |d| d["status"] == "rolledBack").await;
    assert_eq!(statuses(&ended), ["rolledBack", "cancelled", "cancelled"]);
});

both_databases!(hosts_that_are_away_wait_or_are_left_out_or_have_failed, |test| {
    let admin = test.admin().await;
    // Nobody is connected in this test.
    let hosts = hosts(test, 2).await;
    let application = application(&admin, &hosts, json!({"offline": "skip"})).await;
    let path = format!("/api/v1/applications/{application}");
    let policy = async |rollout: Value| {
        let body = json!({"environments": {"default": {"hosts": hosts, "rollout": rollout}}});
        let (status, body) = admin.patch(&path, body).await;
        assert_eq!(status, 200, "{body}");
    };
    let id = deploy(&admin, &application, "1").await;
    let ended = wait_until(&admin, &id, |d| d["status"] == "failure").await;
    assert_eq!(
        statuses(&ended),
        ["skipped", "skipped"],
        "nobody was there at all"
    );
    policy(json!({"offline": "fail", "batchSize": 1})).await;
    let id = deploy(&admin, &application, "2").await;
    let ended = wait_until(&admin, &id, |d| d["status"] == "failure").await;
    assert_eq!(statuses(&ended), ["failure", "skipped"]);
    assert!(
        ended["error"].as_str().unwrap().contains("was not connected"),
        "{ended}"
    );
    policy(json!({"offline": "wait", "waitS": 60})).await;
    let id = deploy(&admin, &application, "3").await;
    let orders = open_orders(&admin, &id, 2).await;
    let expires = super::order(test, orders[0]).await.expires_at;
    assert_eq!(expires.ms_since(test.app.clock.now()), 60_000);
});

both_databases!(hosts_are_asked_in_the_order_of_a_label, |test| {
    let admin = test.admin().await;
    let hosts = hosts(test, 3).await;
    for (host, zone) in hosts.iter().zip(["c", "", "a"]) {
        let labels = if zone.is_empty() {
            json!({})
        } else {
            json!({"zone": zone})
        };
        let (status, body) = admin
            .patch(&format!("/api/v1/hosts/{host}"), json!({"labels": labels}))
            .await;
        assert_eq!(status, 200, "{body}");
    }
    let application = application(&admin, &hosts, json!({"batchSize": 1, "orderBy": "zone"})).await;
    let id = deploy(&admin, &application, "1").await;
    let deployment = wait_until(&admin, &id, |d| d["hosts"].as_array().unwrap().len() == 3).await;
    let names = deployment["hosts"].as_array().unwrap().iter();
    let names: Vec<_> = names.map(|host| host["hostName"].as_str().unwrap()).collect();
    assert_eq!(names, ["host-02", "host-00", "host-01"]);
});

both_databases!(a_queue_keeps_what_waits, |test| {
    let admin = test.admin().await;
    let hosts = hosts(test, 1).await;
    let application = application(&admin, &hosts, json!({"queue": "queue"})).await;
    let first = deploy(&admin, &application, "1").await;
    let order = open_orders(&admin, &first, 1).await;
    let second = deploy(&admin, &application, "2").await;
    let third = deploy(&admin, &application, "3").await;
    assert_eq!(get_deployment(&admin, &second).await["status"], "pending");
    all_do(test, &order).await;
    let order = open_orders(&admin, &second, 1).await;
    let held_up = get_deployment(&admin, &third).await;
    assert_eq!(
        (&held_up["status"], &held_up["waitsFor"]["deploymentId"]),
        (&json!("pending"), &json!(second))
    );
    all_do(test, &order).await;
    all_do(test, &open_orders(&admin, &third, 1).await).await;
    wait_until(&admin, &third, |d| d["status"] == "success").await;
});

both_databases!(a_step_that_can_never_be_made_ends_it_with_the_reason, |test| {
    let admin = test.admin().await;
    let hosts = hosts(test, 3).await;
    let registry = json!({"name": "gone", "url": "http://127.0.0.1:9", "authType": "none"});
    let registry = created(&admin, "/api/v1/registries", registry).await;
    let rollout = json!({"batchSize": 1, "maxFailures": "100%"});
    let application = application(&admin, &hosts, rollout).await;
    let path = format!("/api/v1/applications/{application}");
    let (status, body) = admin.patch(&path, json!({"registryId": registry["id"]})).await;
    assert_eq!(status, 200, "{body}");
    let id = deploy(&admin, &application, "1").await;
    let first = open_orders(&admin, &id, 1).await;
    // The deployment goes on by what the application was; the registry is not there any more.
    admin.patch(&path, json!({"registryId": null})).await;
    let registry = format!("/api/v1/registries/{}", registry["id"].as_str().unwrap());
    let (status, _) = admin.delete(&registry).await;
    assert_eq!(status, 204);
    all_do(test, &first).await;
    let ended = wait_until(&admin, &id, |d| d["status"] != "running").await;
    assert_eq!(statuses(&ended), ["success", "failure", "failure"], "{ended}");
    let why = ended["hosts"][1]["error"].as_str().unwrap();
    assert!(why.contains("no such registry"), "{why}");
});
