//! What was set aside goes where its table goes, and is noted as gone where a look does not find it any more.

use serde_json::{Value, json};
use tokio::sync::mpsc::Receiver;

use super::{
    asides::{approve, execute, listed, named, one_aside, publish, table, wish},
    drift_told::{answer, asked, joined},
    new_server,
    publish::APPLY,
    server,
};
use crate::{
    access::Role,
    link,
    testing::{Client, Test, both_databases},
    work::OrderState,
};

const PLACE: (&str, &str) = ("shop", "pg");

async fn released(test: &Test, (ann, bob): (&Client<'_>, &Client<'_>), version: &str) {
    let published = publish(ann, version, PLACE).await;
    let release = approve(bob, &published).await;
    execute(test, bob, &release, (PLACE.1, OrderState::Done)).await;
}

async fn done(test: &Test, bob: &Client<'_>, proposed: (u16, Value)) {
    assert_eq!(proposed.0, 201, "{}", proposed.1);
    let release = approve(bob, &proposed.1).await;
    execute(test, bob, &release, (PLACE.1, OrderState::Done)).await;
}

async fn document(client: &Client<'_>, name: &str) -> String {
    let (status, page) = client.get("/api/v1/schema/documents?limit=500").await;
    assert_eq!(status, 200, "{page}");
    let items = page["items"].as_array().unwrap();
    let found = items.iter().find(|one| one["name"] == name).unwrap();
    format!("/api/v1/schema/documents/{}", found["id"].as_str().unwrap())
}

both_databases!(a_column_that_was_set_aside_goes_where_its_table_goes, |test| {
    server(test, "pg", "Postgres").await;
    let ann = test.member("ann", Role::Member).await;
    let bob = test.member("bob", Role::Admin).await;
    one_aside(test, (&ann, &bob), PLACE).await;
    let renamed = table("shop", "t_person", "").replace(
        "metadata: {name: t_person}",
        "metadata: {name: t_person, renamedFrom: t_user}",
    );
    let (status, applied) = ann.post_text(APPLY, &renamed).await;
    assert_eq!(status, 200, "{applied}");
    // Only what has succeeded moves it.
    let published = publish(&ann, "renamed", PLACE).await;
    let sql = published["servers"][0]["sql"].as_str().unwrap();
    assert!(sql.contains("rename to t_person"), "{sql}");
    let release = approve(&bob, &published).await;
    execute(test, &bob, &release, ("pg", OrderState::RolledBack)).await;
    assert_eq!(named(&listed(&ann).await, "mail")["table"], "t_user");
    execute(test, &bob, &release, ("pg", OrderState::Done)).await;
    let items = listed(&ann).await;
    let mail = named(&items, "mail");
    assert_eq!(mail["table"], "t_person");
    for sql in ["dropSql", "restoreSql"] {
        let sql = mail[sql].as_str().unwrap();
        assert!(
            sql.contains("alter table public.t_person ") && !sql.contains("t_user"),
            "{sql}"
        );
    }

    // Its table is set aside, too, and comes back.
    assert_eq!(ann.delete(&document(&ann, "t_person").await).await.0, 204);
    released(test, (&ann, &bob), "out").await;
    let items = listed(&ann).await;
    let whole = named(&items, "t_person");
    let aside = whole["nameNow"].as_str().unwrap();
    assert_eq!(named(&items, "mail")["table"], aside);
    done(test, &bob, wish(&ann, whole, "restore").await).await;
    let items = listed(&ann).await;
    assert_eq!(named(&items, "t_person")["state"], "restored");
    assert_eq!(named(&items, "mail")["table"], "t_person");
    assert_eq!(named(&items, "mail")["state"], "kept");
    let (status, proposed) = wish(&ann, named(&items, "mail"), "restore").await;
    assert_eq!(status, 201, "{proposed}");
    let sql = proposed["servers"][0]["sql"].as_str().unwrap();
    assert!(
        sql.starts_with("alter table public.t_person rename column"),
        "{sql}"
    );
});

both_databases!(a_column_goes_with_its_table_when_that_is_dropped, |test| {
    server(test, "pg", "Postgres").await;
    let ann = test.member("ann", Role::Member).await;
    let bob = test.member("bob", Role::Admin).await;
    one_aside(test, (&ann, &bob), PLACE).await;
    assert_eq!(ann.delete(&document(&ann, "t_user").await).await.0, 204);
    released(test, (&ann, &bob), "out").await;
    let items = listed(&ann).await;
    done(test, &bob, wish(&ann, named(&items, "t_user"), "drop").await).await;
    let items = listed(&ann).await;
    assert_eq!(named(&items, "t_user")["state"], "dropped");
    assert_eq!(named(&items, "mail")["state"], "dropped");
    assert_eq!(named(&items, "t_old")["state"], "kept");
});

/// Looks at the database while its agent finds these tables; how it compares.
async fn looked(
    ann: &Client<'_>,
    path: &str,
    tails: &mut Receiver<muster_agent::link::IncomingTail>,
    tables: &[&str],
) -> Value {
    let (looked, ()) = tokio::join!(ann.post(path, json!({"database": "shop"})), async {
        answer(&asked(tails).await, tables).await;
    });
    assert_eq!(looked.0, 200, "{}", looked.1);
    looked.1
}

both_databases!(what_went_another_way_is_noted_as_gone_and_when, |test| {
    link::start(&test.app, ([127, 0, 0, 1], 0).into()).await.unwrap();
    let admin = test.admin().await;
    let (host, mut running) = joined(test, &admin).await;
    let mut tails = running.take_tails();
    let (status, made) = admin
        .post("/api/v1/schema/servers", new_server("pg", "Postgres", host.id))
        .await;
    assert_eq!(status, 201, "{made}");
    let drift = format!("/api/v1/schema/servers/{}/drift", made["id"].as_str().unwrap());
    let ann = test.member("ann", Role::Member).await;
    let bob = test.member("bob", Role::Admin).await;
    one_aside(test, (&ann, &bob), PLACE).await;
    let items = listed(&ann).await;
    let aside = named(&items, "t_old")["nameNow"].as_str().unwrap();

    test.app.clock.advance(1_000);
    looked(&ann, &drift, &mut tails, &["t_user", aside]).await;
    let items = listed(&ann).await;
    let (mail, old) = (named(&items, "mail"), named(&items, "t_old"));
    assert_eq!((&old["state"], &mail["state"]), (&json!("kept"), &json!("gone")));
    assert_eq!(mail["stateAt"], test.app.clock.now().to_string());
    let since = mail["stateAt"].clone();
    let (status, refused) = wish(&ann, mail, "drop").await;
    assert_eq!(
        (status, &refused["type"]),
        (409, &json!("not-aside")),
        "{refused}"
    );

    test.app.clock.advance(1_000);
    looked(&ann, &drift, &mut tails, &["t_user"]).await;
    let (_, gone) = ann.get("/api/v1/schema/set-asides?state=gone").await;
    let items = gone["items"].as_array().unwrap();
    assert_eq!(items.len(), 2, "{gone}");
    assert_eq!(named(items, "mail")["stateAt"], since, "since it was seen first");
    let (_, log) = admin.get("/api/v1/audit?limit=500").await;
    assert!(log.to_string().contains("it is there no more"), "{log}");

    // Whoever reads there may not have been allowed to see it; it is no drift either.
    let seen = looked(&ann, &drift, &mut tails, &["t_user", aside]).await;
    assert!(!seen["look"].to_string().contains(aside), "{seen}");
    let items = listed(&ann).await;
    assert_eq!(named(&items, "t_old")["state"], "kept");
    assert_eq!(wish(&ann, named(&items, "t_old"), "drop").await.0, 201);
    running.stop().await;
});
