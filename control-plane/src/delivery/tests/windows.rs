//! Deployment windows: what is asked for while none is open waits, is refused or hurries; a rollback is held up by none.

use serde_json::{Value, json};

use super::{created, deploy, get_deployment, moves, new_host, orders, wait_until};
use crate::{
    access::Role,
    testing::{Client, Test, both_databases},
    work::OrderState,
};

/// Tests begin on a Thursday at 20:26:40: a few minutes before this opens.
const OPENS: &str = "2026-05-28T20:30:00.000Z";

fn thursdays(more: &Value) -> Value {
    let mut windows =
        json!({"zone": "UTC", "weekly": [{"days": ["thursday"], "from": "20:30", "to": "20:40"}]});
    for (name, value) in more.as_object().unwrap() {
        windows[name] = value.clone();
    }
    windows
}

async fn scene(test: &Test, admin: &Client<'_>, windows: Value) -> String {
    let host = new_host(test, "one").await;
    let body = json!({"name": "shop", "image": "team/shop",
        "environments": {"default": {"hosts": [host], "windows": windows}}});
    created(admin, "/api/v1/applications", body).await["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

async fn succeed(client: &Client<'_>, id: &str) {
    for order in orders(client, id).await {
        moves(client.test(), order, OrderState::Done, None).await;
    }
    wait_until(client, id, |d| d["status"] == "success").await;
}

both_databases!(a_deployment_waits_for_its_window_and_begins_with_it, |test| {
    let admin = test.admin().await;
    let application = scene(test, &admin, thursdays(&json!({}))).await;
    let id = deploy(&admin, &application, "1").await;
    let waiting = get_deployment(&admin, &id).await;
    assert_eq!(
        (
            &waiting["status"],
            &waiting["waitsForWindow"],
            &waiting["opensAt"]
        ),
        (&json!("pending"), &json!(true), &json!(OPENS)),
        "{waiting}"
    );
    assert_eq!(waiting["window"]["opensAt"], OPENS);
    let (_, states) = admin
        .get(&format!("/api/v1/applications/{application}/environments"))
        .await;
    assert_eq!(states["items"][0]["window"]["open"], false, "{states}");

    // A webhook's call waits as well, and takes its place as any would.
    let path = format!("/api/v1/applications/{application}/webhook-token");
    let (_, token) = admin.post(&path, json!({})).await;
    test.app.clock.advance(10);
    let call = json!({"applicationId": application, "version": "2", "token": token["token"]});
    let (status, answer) = test.nobody().post("/webhook/deploy", call).await;
    assert_eq!((status, &answer["status"]), (202, &json!("pending")), "{answer}");
    assert!(
        answer["message"]
            .as_str()
            .unwrap()
            .ends_with(&format!("opens at {OPENS}")),
        "{answer}"
    );
    assert_eq!(get_deployment(&admin, &id).await["status"], "cancelled");
    let id = answer["deploymentId"].as_str().unwrap();

    // One that waits can be called off.
    test.app.clock.advance(10);
    let third = deploy(&admin, &application, "3").await;
    assert_eq!(get_deployment(&admin, id).await["status"], "cancelled");
    let (status, called_off) = admin
        .post(&format!("/api/v1/deployments/{third}/cancel"), json!({}))
        .await;
    assert_eq!(
        (status, &called_off["status"], &called_off["waitsForWindow"]),
        (202, &json!("cancelled"), &json!(false)),
        "{called_off}"
    );

    test.app.clock.advance(10);
    let id = deploy(&admin, &application, "4").await;
    test.app.clock.advance(200_000);
    let running = wait_until(&admin, &id, |d| d["status"] == "running").await;
    assert_eq!(
        (&running["waitsForWindow"], &running["opensAt"]),
        (&json!(false), &Value::Null)
    );
    succeed(&admin, &id).await;
    test.app.clock.advance(610_000);

    // It has closed: a redeploy waits, a rollback does not.
    let (_, again) = admin
        .post(&format!("/api/v1/deployments/{id}/redeploy"), Value::Null)
        .await;
    let again = again["deploymentId"].as_str().unwrap();
    let waiting = get_deployment(&admin, again).await;
    assert_eq!(waiting["waitsForWindow"], true, "{waiting}");
    test.app.clock.advance(10);
    let (status, back) = admin
        .post(&format!("/api/v1/deployments/{id}/rollback"), json!({"to": id}))
        .await;
    assert_eq!(status, 202, "{back}");
    let back = back["deploymentId"].as_str().unwrap();
    wait_until(&admin, back, |d| d["status"] == "running").await;
});

both_databases!(windows_that_change_hold_for_what_waits, |test| {
    let admin = test.admin().await;
    let application = scene(test, &admin, thursdays(&json!({}))).await;
    let id = deploy(&admin, &application, "1").await;
    assert_eq!(get_deployment(&admin, &id).await["waitsForWindow"], true);
    let path = format!("/api/v1/applications/{application}");
    let (_, now) = admin.get(&path).await;
    let mut environments = now["environments"].clone();
    environments["default"]["windows"] = Value::Null;
    let (status, body) = admin
        .patch(&path, json!({"environments": environments.clone()}))
        .await;
    assert_eq!(status, 200, "{body}");
    test.app.clock.advance(31_000);
    wait_until(&admin, &id, |d| d["status"] == "running").await;

    environments["default"]["windows"] = json!({"zone": "Mars/Olympus", "weekly": []});
    let (status, body) = admin.patch(&path, json!({"environments": environments})).await;
    assert_eq!(
        (status, &body["errors"][0]["field"]),
        (422, &json!("environments.default.windows.zone")),
        "{body}"
    );
});

both_databases!(who_may_begins_outside_of_the_windows_and_says_why, |test| {
    let owner = test.member("eve", Role::Owner).await;
    let admin = test.member("bob", Role::Admin).await;
    let member = test.member("mia", Role::Member).await;
    let application = scene(test, &owner, thursdays(&json!({}))).await;
    let path = format!("/api/v1/applications/{application}/deployments");
    let hurries = json!({"version": "1", "overrideReason": "the shop is down"});
    for client in [&member, &admin] {
        assert_eq!(client.post(&path, hurries.clone()).await.0, 403);
    }
    let (status, body) = owner
        .post(&path, json!({"version": "1", "overrideReason": " "}))
        .await;
    assert_eq!(
        (status, &body["errors"][0]["field"]),
        (422, &json!("overrideReason")),
        "{body}"
    );
    let (status, made) = owner.post(&path, hurries).await;
    assert_eq!(status, 202, "{made}");
    let id = made["deploymentId"].as_str().unwrap();
    let running = wait_until(&owner, id, |d| d["status"] == "running").await;
    assert_eq!(running["overrideReason"], "the shop is down");
    succeed(&owner, id).await;

    // One that waits already.
    let id = deploy(&member, &application, "2").await;
    let start = format!("/api/v1/deployments/{id}/start");
    let reason = json!({"overrideReason": "agreed with ops"});
    assert_eq!(member.post(&start, reason.clone()).await.0, 403);
    let (status, started) = owner.post(&start, reason.clone()).await;
    assert_eq!(status, 202, "{started}");
    wait_until(&owner, &id, |d| d["status"] == "running").await;
    let (status, body) = owner.post(&start, reason.clone()).await;
    assert_eq!((status, &body["type"]), (409, &json!("not-waiting")), "{body}");
    let (_, audit) = owner.get("/api/v1/audit?limit=500").await;
    let rows = audit["items"].as_array().unwrap().iter();
    let told: Vec<_> = rows
        .filter(|row| row["operation"] == "window:override" && row["outcome"] == "done")
        .map(|row| row["detail"].as_str().unwrap())
        .collect();
    assert_eq!(
        told,
        [
            "begins at once: agreed with ops",
            "begins at once: the shop is down"
        ]
    );

    // Loosening the windows is beginning outside of them.
    let path = format!("/api/v1/applications/{application}");
    let (_, now) = owner.get(&path).await;
    let mut environments = now["environments"].clone();
    environments["default"]["windows"]["anyoneMayOverride"] = json!(true);
    let looser = json!({"environments": environments});
    assert_eq!(admin.patch(&path, looser.clone()).await.0, 403);
    assert_eq!(admin.patch(&path, json!({"environments": {}})).await.0, 403);
    assert_eq!(owner.patch(&path, looser).await.0, 200);
    succeed(&owner, &id).await;
    let id = deploy(&member, &application, "3").await;
    let (status, body) = member
        .post(&format!("/api/v1/deployments/{id}/start"), reason)
        .await;
    assert_eq!(status, 202, "{body}");
});

both_databases!(
    what_comes_outside_the_windows_is_refused_where_they_say_so,
    |test| {
        let admin = test.admin().await;
        let application = scene(test, &admin, thursdays(&json!({"outside": "refuse"}))).await;
        let path = format!("/api/v1/applications/{application}/deployments");
        let (status, body) = admin.post(&path, json!({"version": "1"})).await;
        assert_eq!(
            (status, &body["type"]),
            (409, &json!("outside-windows")),
            "{body}"
        );
        assert!(body.to_string().contains(OPENS), "{body}");
        let hurries = json!({"version": "1", "overrideReason": "the shop is down"});
        assert_eq!(admin.post(&path, hurries).await.0, 202);
    }
);
