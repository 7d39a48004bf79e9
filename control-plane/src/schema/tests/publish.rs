//! Designs published: against what last succeeded on each server.

use serde_json::{Value, json};

use super::{
    executions::{moves, order},
    server,
};
use crate::{
    access::Role,
    testing::{Client, Test, both_databases},
    work::OrderState,
};

pub(super) const APPLY: &str = "/api/v1/schema/apply";

pub(super) fn design(column: &str) -> String {
    format!(
        "apiVersion: v1alpha1\nkind: DatabaseSnapshot\nmetadata: {{name: shop}}\nspec:\n  \
         basic: {{name: shop, comment: Orders, type: Postgres}}\n---\n\
         apiVersion: v1alpha1\nkind: TableSnapshot\nmetadata: {{name: t_org}}\nspec:\n  database: shop\n  columns:\n    \
         - {{name: id, dataType: bigint, primaryKey: true}}\n---\n\
         apiVersion: v1alpha1\nkind: TableSnapshot\nmetadata: {{name: t_user}}\nspec:\n  database: shop\n  columns:\n    \
         - {{name: id, dataType: bigint, primaryKey: true}}\n    - {column}\n    \
         - {{name: org_id, dataType: bigint, reference: {{table: t_org, column: id, enforced: true}}}}\n"
    )
}

pub(super) async fn publish(client: &Client<'_>, version: &str, change: Value) -> (u16, Value) {
    let mut body = json!({"version": version, "database": "shop", "environment": "prod", "servers": ["pg"]});
    for (key, value) in change.as_object().unwrap() {
        body[key] = value.clone();
    }
    client.post("/api/v1/schema/publish", body).await
}

/// Approves what was published; the release's id.
pub(super) async fn approve(client: &Client<'_>, published: &Value) -> String {
    let path = format!(
        "/api/v1/schema/tickets/{}/approve",
        published["ticketId"].as_str().unwrap()
    );
    let (status, ticket) = client.post(&path, json!({})).await;
    assert_eq!(status, 200, "{ticket}");
    ticket["releaseId"].as_str().unwrap().to_owned()
}

/// Executes a release on `pg`, as far as the host is concerned.
async fn execute(test: &Test, client: &Client<'_>, release: &str, state: OrderState) {
    let path = format!("/api/v1/schema/releases/{release}/execute");
    let (status, executing) = client.post(&path, json!({"server": "pg"})).await;
    assert_eq!(status, 202, "{executing}");
    let path = format!(
        "/api/v1/schema/executions/{}",
        executing["executionId"].as_str().unwrap()
    );
    let (_, execution) = client.get(&path).await;
    let mut order = order(test, &execution).await;
    moves(test, &mut order, OrderState::Accepted).await;
    moves(test, &mut order, state).await;
}

both_databases!(a_change_starts_from_what_last_succeeded_there, |test| {
    server(test, "pg", "Postgres").await;
    let (ann, bob) = (
        test.member("ann", Role::Member).await,
        test.member("bob", Role::Admin).await,
    );
    assert_eq!(
        ann.post_text(APPLY, &design("{name: mail, dataType: varchar(64)}"))
            .await
            .0,
        200
    );
    let (status, first) = publish(&ann, "1.0", json!({})).await;
    assert_eq!(status, 201, "{first}");
    let sql = first["servers"][0]["sql"].as_str().unwrap();
    assert!(
        sql.contains("create table public.t_org") && sql.contains("foreign key"),
        "{sql}"
    );
    let back = first["servers"][0]["rollbackSql"].as_str().unwrap();
    assert!(back.contains("drop table public.t_org"), "{back}");
    assert_eq!(
        ann.post(
            &format!(
                "/api/v1/schema/tickets/{}/approve",
                first["ticketId"].as_str().unwrap()
            ),
            json!({})
        )
        .await
        .0,
        403
    );
    let release = approve(&bob, &first).await;

    // What didn't succeed is not there.
    execute(test, &bob, &release, OrderState::RolledBack).await;
    let (_, again) = publish(&ann, "1.1", json!({})).await;
    assert_eq!(again["servers"][0]["sql"], first["servers"][0]["sql"]);

    execute(test, &bob, &release, OrderState::Done).await;
    let (status, nothing) = publish(&ann, "1.2", json!({})).await;
    assert_eq!(status, 422);
    assert!(nothing.to_string().contains("has all of it already"), "{nothing}");

    let renamed = "{name: email, renamedFrom: mail, dataType: varchar(32)}";
    assert_eq!(ann.post_text(APPLY, &design(renamed)).await.0, 200);
    let (_, second) = publish(&ann, "1.3", json!({"tables": ["t_user"]})).await;
    let sql = second["servers"][0]["sql"].as_str().unwrap();
    assert!(
        sql.contains("rename column mail to email") && !sql.contains("t_org"),
        "{sql}"
    );
    assert_ne!(second["servers"][0]["risk"], "safe", "a narrower type: {second}");
});

both_databases!(a_release_whose_server_has_moved_is_not_executed, |test| {
    server(test, "pg", "Postgres").await;
    let (ann, bob) = (
        test.member("ann", Role::Member).await,
        test.member("bob", Role::Admin).await,
    );
    ann.post_text(APPLY, &design("{name: mail, dataType: text}"))
        .await;
    let early = approve(&bob, &publish(&ann, "1.0", json!({})).await.1).await;
    let late = approve(&bob, &publish(&ann, "1.1", json!({"tables": ["t_org"]})).await.1).await;
    execute(test, &bob, &early, OrderState::Done).await;
    let path = format!("/api/v1/schema/releases/{late}/execute");
    let (status, moved) = bob.post(&path, json!({"server": "pg"})).await;
    assert_eq!((status, &moved["type"]), (409, &json!("target-moved")), "{moved}");
    assert!(
        moved["detail"]
            .as_str()
            .unwrap()
            .starts_with("release 1.0 was executed there"),
        "{moved}"
    );
    let path = format!("/api/v1/schema/releases/{early}/execute");
    assert_eq!(
        bob.post(&path, json!({"server": "pg"})).await.0,
        202,
        "once more is the ledger's to answer"
    );
});

both_databases!(what_can_t_be_published_is_said, |test| {
    server(test, "pg", "Postgres").await;
    server(test, "my", "MySQL").await;
    let ann = test.member("ann", Role::Member).await;
    let said = async |change: Value| {
        let (status, refused) = publish(&ann, "1.0", change).await;
        assert_eq!(status, 422, "{refused}");
        refused["errors"].to_string()
    };
    assert!(
        said(json!({}))
            .await
            .contains("there is no such DatabaseSnapshot")
    );
    ann.post_text(APPLY, &design("{name: mail, dataType: text}"))
        .await;
    assert!(
        said(json!({"servers": ["my"]}))
            .await
            .contains("is designed for postgres")
    );
    assert!(
        said(json!({"tables": ["t_nothing"]}))
            .await
            .contains("there is no TableSnapshot or ViewSnapshot t_nothing")
    );
    assert!(
        said(json!({"tables": ["t_user"]}))
            .await
            .contains("publish it too")
    );
    assert!(
        said(json!({"environment": "dev"}))
            .await
            .contains("is in the environment prod")
    );
    let draft = "apiVersion: v1alpha1\nkind: DatabaseSnapshot\nmetadata: {name: draft}\nspec: {forms: []}\n";
    assert_eq!(ann.post_text(APPLY, draft).await.0, 200);
    assert!(said(json!({"database": "draft"})).await.contains("is a draft"));
    ann.post_text(APPLY, &design("{name: mail, dataType: money money}"))
        .await;
    assert!(said(json!({})).await.contains("t_user.columns.mail.dataType"));
});
