//! Two that want one container's name on one host.

use serde_json::{Value, json};

use super::{created, moves, new_host, orders, wait_until};
use crate::{
    testing::{Client, both_databases},
    work::OrderState,
};

async fn deploy_to(client: &Client<'_>, application: &str, environment: &str) -> String {
    client.test().app.clock.advance(10);
    let (status, body) = client
        .post(
            &format!("/api/v1/applications/{application}/deployments"),
            json!({"version": "1", "environment": environment}),
        )
        .await;
    assert_eq!(status, 202, "{body}");
    body["deploymentId"].as_str().unwrap().to_owned()
}

async fn succeeds(client: &Client<'_>, application: &str, environment: &str) {
    let id = deploy_to(client, application, environment).await;
    let order = orders(client, &id).await[0];
    moves(client.test(), order, OrderState::Done, None).await;
    wait_until(client, &id, |d| d["status"] == "success").await;
}

/// Nothing was ordered, and this is why.
async fn stops(client: &Client<'_>, application: &str, environment: &str) -> String {
    let id = deploy_to(client, application, environment).await;
    let failed = wait_until(client, &id, |d| d["status"] == "failure").await;
    assert_eq!(failed["hosts"], json!([]), "{failed}");
    failed["error"].as_str().unwrap().to_owned()
}

async fn application(client: &Client<'_>, name: &str, rest: Value) -> String {
    let mut body = json!({"name": name, "image": "team/shop"});
    for (key, value) in rest.as_object().unwrap() {
        body[key] = value.clone();
    }
    let made = created(client, "/api/v1/applications", body).await;
    made["id"].as_str().unwrap().to_owned()
}

both_databases!(one_environment_does_not_replace_another_s_container, |test| {
    let admin = test.admin().await;
    let (one, two) = (new_host(test, "one").await, new_host(test, "two").await);
    let environments = json!({"prod": {"hosts": [one]}, "test": {"selector": {"web": "one"}}});
    let shop = application(&admin, "shop", json!({"environments": environments})).await;
    succeeds(&admin, &shop, "prod").await;
    let why = stops(&admin, &shop, "test").await;
    assert!(
        why.contains("the container shop on one is that of environment prod of this application"),
        "{why}"
    );
    succeeds(&admin, &shop, "prod").await;

    // With another name, or on another host, it goes.
    let path = format!("/api/v1/applications/{shop}");
    let own_name = json!({"prod": {"hosts": [one]},
        "test": {"selector": {"web": "one"}, "overrides": {"container": {"name": "shop-test"}}}});
    for environments in [
        own_name,
        json!({"prod": {"hosts": [one]}, "test": {"hosts": [two]}}),
    ] {
        let (status, body) = admin.patch(&path, json!({"environments": environments})).await;
        assert_eq!(status, 200, "{body}");
        succeeds(&admin, &shop, "test").await;
    }

    // Another application is told apart likewise, and not named.
    let same = json!({"container": {"name": "shop"}, "environments": {"default": {"hosts": [one, two]}}});
    let mail = application(&admin, "mail", same).await;
    let why = stops(&admin, &mail, "default").await;
    assert!(
        why.contains("another application") && why.contains(&shop),
        "{why}"
    );
    // Hosts that the other one is no longer for are free.
    let gone = json!({"environments": {"prod": {}, "test": {}}});
    let (status, body) = admin.patch(&path, gone).await;
    assert_eq!(status, 200, "{body}");
    let id = deploy_to(&admin, &mail, "default").await;
    assert_eq!(orders(&admin, &id).await.len(), 2);
});
