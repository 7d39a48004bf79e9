//! Which revision of a table is live where.

use serde_json::{Value, json};

use super::{
    executions::{moves, order},
    publish::{APPLY, approve, design, publish},
    server,
    signatures::by_hand,
};
use crate::{
    access::Role,
    db::Db,
    testing::{Client, Test, both_databases},
    work::OrderState,
};

async fn published(client: &Client<'_>, name: &str) -> Value {
    let (_, documents) = client
        .get("/api/v1/schema/documents?kind=TableSnapshot&limit=500")
        .await;
    let found = documents["items"].as_array().unwrap().iter();
    let id = found
        .filter(|document| document["name"] == name)
        .map(|document| document["id"].as_str().unwrap())
        .next()
        .unwrap();
    let (status, shown) = client
        .get(&format!("/api/v1/schema/documents/{id}/published"))
        .await;
    assert_eq!(status, 200, "{shown}");
    shown
}

async fn executed(test: &Test, client: &Client<'_>, release: &str, label: &str) {
    let path = format!("/api/v1/schema/releases/{release}/execute");
    let (status, executing) = client.post(&path, json!({"server": label})).await;
    assert_eq!(status, 202, "{executing}");
    let path = format!(
        "/api/v1/schema/executions/{}",
        executing["executionId"].as_str().unwrap()
    );
    let mut order = order(test, &client.get(&path).await.1).await;
    moves(test, &mut order, OrderState::Accepted).await;
    moves(test, &mut order, OrderState::Done).await;
}

both_databases!(a_table_says_which_revision_is_live_where, |test| {
    for label in ["pg", "pg-2"] {
        server(test, label, "Postgres").await;
    }
    let ann = test.member("ann", Role::Member).await;
    let bob = test.member("bob", Role::Admin).await;
    let both = json!({"servers": ["pg", "pg-2"]});
    ann.post_text(APPLY, &design("{name: mail, dataType: varchar(40)}"))
        .await;
    assert_eq!(
        published(&ann, "t_user").await,
        json!({"draft": 1, "items": []}),
        "nothing is published yet"
    );

    let first = approve(&bob, &publish(&ann, "1.0", both.clone()).await.1).await;
    for label in ["pg", "pg-2"] {
        executed(test, &bob, &first, label).await;
    }
    ann.post_text(APPLY, &design("{name: mail, dataType: varchar(80)}"))
        .await;
    let second = approve(&bob, &publish(&ann, "1.1", both).await.1).await;
    executed(test, &bob, &second, "pg").await;

    let shown = published(&ann, "t_user").await;
    let brief: Vec<Value> = shown["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            json!([
                one["label"],
                one["environment"],
                one["database"],
                one["version"],
                one["revision"]
            ])
        })
        .collect();
    assert_eq!(shown["draft"], 2);
    assert_eq!(
        brief,
        [
            json!(["pg", "prod", "shop", "1.1", 2]),
            json!(["pg-2", "prod", "shop", "1.0", 1]),
        ]
    );
    assert_eq!(shown["items"][0]["changes"], json!([]), "it is live as it is");
    let changes = shown["items"][1]["changes"].as_array().unwrap();
    assert!(
        !changes.is_empty()
            && changes
                .iter()
                .all(|change| change["path"].as_str().unwrap().starts_with("columns[mail]")),
        "{shown}"
    );
    // The other table has not changed since: its first revision is live everywhere.
    let other = published(&ann, "t_org").await;
    let revisions: Vec<&Value> = other["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["revision"])
        .collect();
    assert_eq!(revisions, [&json!(1), &json!(1)], "{other}");

    // A draft that says what was said before is live again as that revision, where it is.
    ann.post_text(APPLY, &design("{name: mail, dataType: varchar(40)}"))
        .await;
    let back = published(&ann, "t_user").await;
    assert_eq!(
        (&back["items"][0]["revision"], &back["items"][1]["revision"]),
        (&json!(2), &json!(3)),
        "{back}"
    );
    assert_eq!(back["items"][1]["changes"], json!([]), "{back}");
});

both_databases!(where_a_table_is_live_is_known_without_reading_designs, |test| {
    server(test, "pg", "Postgres").await;
    let ann = test.member("ann", Role::Member).await;
    let bob = test.member("bob", Role::Admin).await;
    for (version, column) in [
        ("1.0", "{name: mail, dataType: text}"),
        ("1.1", "{name: email, renamedFrom: mail, dataType: text}"),
    ] {
        ann.post_text(APPLY, &design(column)).await;
        let release = approve(&bob, &publish(&ann, version, json!({})).await.1).await;
        executed(test, &bob, &release, "pg").await;
    }
    let shown = published(&ann, "t_user").await;
    assert_eq!(shown["items"][0]["revision"], 2, "{shown}");

    // A database of before has no parts yet: its step makes them of the designs.
    let step = match &test.app.db {
        Db::Sqlite(_) => include_str!("../../../../migrations/sqlite/0094_release_vouchers.sql"),
        Db::Postgres(_) => include_str!("../../../../migrations/postgres/0094_release_vouchers.sql"),
    };
    by_hand(test, "delete from database_state_parts").await;
    assert_eq!(published(&ann, "t_user").await["items"], json!([]));
    for statement in step
        .split(';')
        .filter(|sql| sql.contains("insert into database_state_parts"))
    {
        by_hand(test, statement).await;
    }
    assert_eq!(published(&ann, "t_user").await, shown);
    by_hand(
        test,
        "update database_states set design = 'whole designs are not read'",
    )
    .await;
    assert_eq!(published(&ann, "t_user").await, shown);
});

both_databases!(where_a_table_is_live_is_told_to_whom_it_may_concern, |test| {
    server(test, "pg", "Postgres").await;
    let ann = test.member("ann", Role::Member).await;
    let bob = test.member("bob", Role::Admin).await;
    ann.post_text(APPLY, &design("{name: mail, dataType: text}"))
        .await;
    let release = approve(&bob, &publish(&ann, "1.0", json!({})).await.1).await;
    executed(test, &bob, &release, "pg").await;
    let (_, documents) = ann.get("/api/v1/schema/documents?kind=DatabaseSnapshot").await;
    let id = documents["items"][0]["id"].as_str().unwrap();
    let (status, nowhere) = ann.get(&format!("/api/v1/schema/documents/{id}/published")).await;
    assert_eq!((status, &nowhere["items"]), (200, &json!([])), "{nowhere}");
    test.app.clock.advance(1);
    let stranger = test.stranger("others").await;
    let table = published(&ann, "t_user").await;
    assert_eq!(table["items"].as_array().unwrap().len(), 1);
    let (_, documents) = ann.get("/api/v1/schema/documents?kind=TableSnapshot").await;
    let id = documents["items"][0]["id"].as_str().unwrap();
    let (status, _) = stranger
        .get(&format!("/api/v1/schema/documents/{id}/published"))
        .await;
    assert_eq!(status, 404);
});
