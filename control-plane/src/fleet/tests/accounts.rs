//! Accounts of hosts.

use axum::http::Method;
use serde_json::json;

use crate::{
    access::Role,
    db::DbError,
    delivery::tests::new_host,
    testing::{Test, both_databases},
    with_pool,
};

async fn credentials(test: &Test) -> Vec<String> {
    let read = async || -> Result<Vec<String>, DbError> {
        const SQL: &str = "select value from credentials where kind = 'credential/host-account'";
        Ok(with_pool!(test.app.db, |pool| sqlx::query_scalar(SQL)
            .fetch_all(pool)
            .await)?)
    };
    read().await.unwrap()
}

both_databases!(
    a_password_of_a_host_s_account_is_shown_only_to_whoever_asks_and_may,
    |test| {
        let ann = test.member("ann", Role::Admin).await;
        let mia = test.member("mia", Role::Member).await;
        let host = new_host(test, "web-1").await;
        let path = format!("/api/v1/hosts/{host}/accounts");
        let (status, problem) = ann.post(&path, json!({"username": "root"})).await;
        assert_eq!(
            (status, &problem["errors"][0]["field"]),
            (422, &json!("password"))
        );
        let root = json!({"username": "root", "password": "planted-one", "note": "console only"});
        let (status, made) = ann.post(&path, root.clone()).await;
        assert_eq!(status, 201, "{made}");
        assert_eq!(ann.post(&path, root).await.1["type"], "name-taken");
        let one = format!("{path}/{}", made["id"].as_str().unwrap());

        let (_, listed) = mia.get(&path).await;
        assert_eq!(listed["items"], json!([made]));
        assert_eq!(mia.post(&format!("{one}/reveal"), json!({})).await.0, 403);
        let (status, headers, shown) = ann
            .respond(Method::POST, &format!("{one}/reveal"), None, &[])
            .await;
        assert_eq!((status, &shown["password"]), (200, &json!("planted-one")));
        assert_eq!(headers["cache-control"], "no-store");

        let renamed = json!({"username": "admin"});
        let (status, _) = ann.call(Method::PUT, &one, Some(renamed)).await;
        assert_eq!(status, 200);
        let (_, shown) = ann.post(&format!("{one}/reveal"), json!({})).await;
        assert_eq!(
            (&shown["username"], &shown["password"]),
            (&json!("admin"), &json!("planted-one")),
            "the password stays"
        );
        let changed = json!({"username": "admin", "password": "planted-two"});
        assert_eq!(ann.call(Method::PUT, &one, Some(changed)).await.0, 200);
        let (_, shown) = ann.post(&format!("{one}/reveal"), json!({})).await;
        assert_eq!(shown["password"], "planted-two");

        let (_, log) = ann.get("/api/v1/audit?objectKind=hostAccount&limit=50").await;
        let log = log.to_string();
        assert_eq!(log.matches("was shown").count(), 3, "{log}");
        assert!(!log.contains("planted"), "{log}");
        assert!(!credentials(test).await.concat().contains("planted"));
    }
);

both_databases!(accounts_go_with_their_host, |test| {
    let ann = test.member("ann", Role::Admin).await;
    let (host, other) = (new_host(test, "web-1").await, new_host(test, "web-2").await);
    let mut ids = Vec::new();
    for (host, name) in [(host, "root"), (host, "deploy"), (other, "root")] {
        let account = json!({"username": name, "password": "planted"});
        let (_, made) = ann.post(&format!("/api/v1/hosts/{host}/accounts"), account).await;
        ids.push(made["id"].as_str().unwrap().to_owned());
    }
    let elsewhere = format!("/api/v1/hosts/{other}/accounts/{}", ids[0]);
    assert_eq!(
        ann.post(&format!("{elsewhere}/reveal"), json!({})).await.0,
        404,
        "another host's"
    );
    assert_eq!(ann.delete(&elsewhere).await.0, 404);
    assert_eq!(credentials(test).await.len(), 3);
    let one = format!("/api/v1/hosts/{host}/accounts/{}", ids[1]);
    assert_eq!(ann.delete(&one).await.0, 204);
    assert_eq!(credentials(test).await.len(), 2);
    assert_eq!(ann.delete(&format!("/api/v1/hosts/{host}")).await.0, 204);
    assert_eq!(credentials(test).await.len(), 1);
});
