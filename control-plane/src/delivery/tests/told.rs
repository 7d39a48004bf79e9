//! Whoever asked for a deployment that failed hears of it, and those who may change the application.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{created, deploy, wait_until};
use crate::{
    access::Role,
    db::DbError,
    in_tx,
    testing::{Client, both_databases},
    with_tx,
};

/// The driver looks every other second.
const SOON: Duration = Duration::from_secs(20);

async fn inbox(client: &Client<'_>) -> Vec<Value> {
    let (status, page) = client.get("/api/v1/messages").await;
    assert_eq!(status, 200, "{page}");
    let items = page["items"].as_array().unwrap().iter();
    items.filter(|message| message["mode"] == 5).cloned().collect()
}

async fn first(client: &Client<'_>) -> Value {
    let end = Instant::now() + SOON;
    loop {
        if let Some(message) = inbox(client).await.pop() {
            return message;
        }
        assert!(Instant::now() < end, "nobody told them");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

both_databases!(a_failure_is_told_once_to_those_whom_it_concerns, |test| {
    let olga = test.member("olga", Role::Owner).await;
    let tom = test.member("tom", Role::Member).await;
    let eve = test.member("eve", Role::Member).await;
    let andy = test.member("andy", Role::Admin).await;
    let mail = async || -> Result<(), DbError> {
        in_tx!(test.app.db, |tx| with_tx!(tx, |conn| {
            sqlx::query(
                "update users set email = 'olga@example.com', email_verified_at = 1 where username = 'olga'",
            )
            .execute(conn)
            .await?;
        }));
        Ok(())
    };
    mail().await.unwrap();
    let (status, profile) = olga
        .patch("/api/v1/me/profile", json!({"mailMessages": true}))
        .await;
    assert_eq!(
        (status, &profile["mailMessages"]),
        (200, &json!(true)),
        "{profile}"
    );

    // No host has that label: there is nowhere to deploy to.
    let body = json!({
        "name": "shop", "image": "team/shop", "environments": {"default": {"selector": {"web": "none"}}},
    });
    let shop = created(&olga, "/api/v1/applications", body).await;
    let other = created(
        &olga,
        "/api/v1/applications",
        json!({"name": "other", "image": "o"}),
    )
    .await;
    let (_, members) = olga.get("/api/v1/members?search=andy").await;
    let path = format!(
        "/api/v1/members/{}/permissions",
        members["items"][0]["userId"].as_str().unwrap()
    );
    let body = json!({"name": "other", "operations": [], "objects": {"applications": [other["id"]]}});
    let template = created(&olga, "/api/v1/permission-templates", body).await;
    let given = olga
        .call(Method::PUT, &path, Some(json!({"templateId": template["id"]})))
        .await;
    assert_eq!(given.0, 200, "{given:?}");

    let id = deploy(&tom, shop["id"].as_str().unwrap(), "1.2").await;
    wait_until(&olga, &id, |deployment| deployment["status"] == "failure").await;
    for who in [&olga, &tom] {
        let message = first(who).await;
        assert_eq!((&message["tip"], &message["subMode"]), (&json!(id), &json!(3)));
        let content = message["content"].as_str().unwrap();
        assert!(
            content.starts_with("shop 1.2 was not deployed to default: "),
            "{content}"
        );
    }
    let mails = test.post.wait_for("olga@example.com", 1).await;
    assert!(mails[0].text.contains("shop 1.2"), "{}", mails[0].text);
    assert!(mails[0].text.contains("was not deployed"), "{}", mails[0].text);
    let login = json!({"login": "olga", "password": "a password for tests"});
    let chinese = Some(("accept-language", "zh-CN,zh;q=0.9"));
    let (status, _) = test
        .nobody()
        .call_with(Method::POST, "/api/v1/auth/login", Some(login), chinese)
        .await;
    assert_eq!(status, 200);
    // A second failure comes after whatever would be told of the first one a second time.
    let second = deploy(&tom, shop["id"].as_str().unwrap(), "1.3").await;
    wait_until(&olga, &second, |deployment| deployment["status"] == "failure").await;
    let end = Instant::now() + SOON;
    while inbox(&olga).await.len() < 2 {
        assert!(Instant::now() < end, "the second failure was not told");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!((inbox(&olga).await.len(), inbox(&tom).await.len()), (2, 2));
    let mails = test.post.wait_for("olga@example.com", 2).await;
    let words = &mails[1].text;
    assert!(
        words.contains("shop 1.3 未能部署到"),
        "in the language she last signed in with: {words}"
    );
    let (_, profile) = olga
        .patch("/api/v1/me/profile", json!({"mailLanguage": "en"}))
        .await;
    assert_eq!(profile["mailLanguage"], "en");
    let third = deploy(&tom, shop["id"].as_str().unwrap(), "1.4").await;
    wait_until(&olga, &third, |deployment| deployment["status"] == "failure").await;
    let mails = test.post.wait_for("olga@example.com", 3).await;
    let words = &mails[2].text;
    assert!(
        words.contains("shop 1.4 was not deployed"),
        "in the one she chose: {words}"
    );
    assert_eq!(inbox(&eve).await.len(), 0, "she has nothing to do with it");
    assert_eq!(inbox(&andy).await.len(), 0, "it is out of his reach");
    let to_olga = test.post.wait_for("olga@example.com", 3).await;
    assert_eq!(to_olga.len(), 3);
});
