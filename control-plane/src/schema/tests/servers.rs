//! Database servers.

use serde_json::{Value, json};

use super::{PLANTED, host, new_server, propose, server};
use crate::{access::Role, testing::both_databases};

both_databases!(servers_are_added_changed_and_removed, |test| {
    let admin = test.admin().await;
    let host = host(test).await;
    let (status, made) = admin
        .post("/api/v1/schema/servers", new_server("main", "postgresql", host))
        .await;
    assert_eq!(status, 201, "{made}");
    assert_eq!((&made["type"], &made["port"]), (&json!("Postgres"), &json!(5432)));
    assert_eq!(made["test"], json!(null));

    let path = format!("/api/v1/schema/servers/{}", made["id"].as_str().unwrap());
    let (status, changed) = admin
        .patch(
            &path,
            json!({"label": "primary", "port": 6432, "password": "another"}),
        )
        .await;
    assert_eq!((status, &changed["label"]), (200, &json!("primary")), "{changed}");
    assert_eq!(admin.get(&path).await.1, changed);
    let (_, page) = admin.get("/api/v1/schema/servers").await;
    assert_eq!(page["items"].as_array().unwrap().len(), 1);

    assert_eq!(admin.delete(&path).await.0, 204);
    assert_eq!(admin.get(&path).await.0, 404);
    let again = admin
        .post("/api/v1/schema/servers", new_server("primary", "MySQL", host))
        .await;
    assert_eq!(
        (again.0, &again.1["port"]),
        (201, &json!(3306)),
        "a removed label is free"
    );
});

both_databases!(a_server_s_input_is_checked, |test| {
    let admin = test.admin().await;
    server(test, "main", "Postgres").await;
    let host = host(test).await;
    let post = async |change: serde_json::Value| {
        let mut body = new_server("other", "Postgres", host);
        for (key, value) in change.as_object().unwrap() {
            body[key] = value.clone();
        }
        admin.post("/api/v1/schema/servers", body).await.0
    };
    assert_eq!(post(json!({"label": "main"})).await, 409);
    assert_eq!(post(json!({"environment": "nowhere"})).await, 422);
    assert_eq!(
        post(json!({"hostId": "0199c0de-0000-7000-8000-000000000001"})).await,
        422
    );
    assert_eq!(post(json!({"type": "oracle"})).await, 422);
    assert_eq!(post(json!({"databases": []})).await, 422);
    assert_eq!(post(json!({"port": 0})).await, 422);
    assert_eq!(post(json!({"lockTimeoutMs": 0})).await, 422);
    assert_eq!(post(json!({"statementTimeoutMs": 86_400_001})).await, 422);
    assert_eq!(post(json!({"surprise": 1})).await, 422);
});

both_databases!(a_server_s_timeouts_have_defaults_and_can_be_changed, |test| {
    let made = server(test, "main", "Postgres").await;
    let timeouts = |server: &Value| {
        (
            server["lockTimeoutMs"].clone(),
            server["statementTimeoutMs"].clone(),
        )
    };
    assert_eq!(timeouts(&made), (json!(10_000), json!(1_800_000)));
    let admin = test.admin().await;
    let path = format!("/api/v1/schema/servers/{}", made["id"].as_str().unwrap());
    let (status, changed) = admin.patch(&path, json!({"lockTimeoutMs": 300})).await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!(timeouts(&changed), (json!(300), json!(1_800_000)));
    assert_eq!(admin.get(&path).await.1, changed);
    assert_eq!(
        admin.patch(&path, json!({"statementTimeoutMs": 999})).await.0,
        422
    );
});

both_databases!(servers_are_their_org_s_and_want_permission, |test| {
    let made = server(test, "main", "Postgres").await;
    let path = format!("/api/v1/schema/servers/{}", made["id"].as_str().unwrap());
    let viewer = test.member("vera", Role::Viewer).await;
    assert_eq!(viewer.get(&path).await.0, 200);
    assert_eq!(viewer.patch(&path, json!({"label": "x"})).await.0, 403);
    assert_eq!(viewer.delete(&path).await.0, 403);
    assert_eq!(viewer.post(&format!("{path}/test"), json!({})).await.0, 403);
    let stranger = test.stranger("others").await;
    assert_eq!(stranger.get(&path).await.0, 404);
    assert_eq!(stranger.patch(&path, json!({"label": "x"})).await.0, 404);
    assert_eq!(stranger.delete(&path).await.0, 404);
    assert_eq!(stranger.get("/api/v1/schema/servers").await.1["items"], json!([]));
});

both_databases!(passwords_are_in_no_answer_and_no_audit_row, |test| {
    let made = server(test, "main", "Postgres").await;
    let admin = test.admin().await;
    let path = format!("/api/v1/schema/servers/{}", made["id"].as_str().unwrap());
    admin
        .patch(&path, json!({"password": format!("{PLANTED}-2")}))
        .await;
    for path in [path.as_str(), "/api/v1/schema/servers", "/api/v1/audit?limit=500"] {
        let (status, body) = admin.get(path).await;
        assert_eq!(status, 200);
        assert!(!body.to_string().contains(PLANTED), "{path}");
    }
    assert!(!made.to_string().contains(PLANTED));
});

both_databases!(a_server_that_is_waited_for_is_not_removed, |test| {
    let made = server(test, "main", "Postgres").await;
    let admin = test.admin().await;
    let (_, proposed) = propose(&admin, "1.0", &["main"], "select 1").await;
    let path = format!("/api/v1/schema/servers/{}", made["id"].as_str().unwrap());
    let (status, problem) = admin.delete(&path).await;
    assert_eq!(
        (status, &problem["type"]),
        (409, &json!("server-in-use")),
        "{problem}"
    );
    let ticket = format!(
        "/api/v1/schema/tickets/{}",
        proposed["ticketId"].as_str().unwrap()
    );
    assert_eq!(admin.post(&format!("{ticket}/withdraw"), json!({})).await.0, 200);
    assert_eq!(admin.delete(&path).await.0, 204);
    assert_eq!(admin.get(&ticket).await.0, 200, "its history stays");
});
