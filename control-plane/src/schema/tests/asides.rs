//! What is published as gone is set aside where the environment's policy says so; what becomes of it is a release like any other.

use axum::http::Method;
use muster_base::UnixMs;
use serde_json::{Value, json};

use super::{
    errors,
    executions::{moves, order},
    publish::APPLY,
    server,
};
use crate::{
    access::Role,
    schema::set_aside_told,
    testing::{Client, Test, both_databases},
    work::OrderState,
};

const PROD: &str = "/api/v1/schema/policies/prod";
const ASIDES: &str = "/api/v1/schema/set-asides";
const PASSWORD: &str = "a password for tests";

/// A table of a database, by a document.
pub(super) fn table(database: &str, name: &str, column: &str) -> String {
    format!(
        "---\napiVersion: v1alpha1\nkind: TableSnapshot\nmetadata: {{name: {name}}}\nspec:\n  database: {database}\n  \
         columns:\n    - {{name: id, dataType: bigint, primaryKey: true}}\n{column}"
    )
}

const MAIL: &str = "    - {name: mail, dataType: varchar(64), notNull: true}\n";

async fn keep_for(client: &Client<'_>, days: Value) -> (u16, Value) {
    let body = json!({"setAsideDays": days});
    client.call(Method::PUT, PROD, Some(body)).await
}

/// Publishes a database's design; the ticket.
pub(super) async fn publish(client: &Client<'_>, version: &str, (database, label): (&str, &str)) -> Value {
    let body = json!({"version": version, "database": database, "environment": "prod", "servers": [label]});
    let (status, published) = client.post("/api/v1/schema/publish", body).await;
    assert_eq!(status, 201, "{published}");
    published
}

pub(super) async fn approve(client: &Client<'_>, proposed: &Value) -> String {
    let ticket = proposed["ticketId"].as_str().unwrap();
    let path = format!("/api/v1/schema/tickets/{ticket}/approve");
    let (status, ticket) = client.post(&path, json!({})).await;
    assert_eq!(status, 200, "{ticket}");
    ticket["releaseId"].as_str().unwrap().to_owned()
}

/// Executes a release, as far as the host is concerned.
pub(super) async fn execute(
    test: &Test,
    client: &Client<'_>,
    release: &str,
    (label, state): (&str, OrderState),
) {
    let path = format!("/api/v1/schema/releases/{release}/execute");
    let (status, executing) = client.post(&path, json!({"server": label})).await;
    assert_eq!(status, 202, "{executing}");
    let execution = executing["executionId"].as_str().unwrap();
    let path = format!("/api/v1/schema/executions/{execution}");
    let (_, execution) = client.get(&path).await;
    let mut order = order(test, &execution).await;
    moves(test, &mut order, OrderState::Accepted).await;
    moves(test, &mut order, state).await;
}

/// Designs two tables, then takes one and a column of the other out again: the ticket of that.
async fn taken_out(
    test: &Test,
    (author, approver): (&Client<'_>, &Client<'_>),
    (database, label): (&str, &str),
) -> Value {
    let whole = format!(
        "apiVersion: v1alpha1\nkind: DatabaseSnapshot\nmetadata: {{name: {database}}}\nspec:\n  \
         basic: {{name: {database}, comment: Orders, type: Postgres}}\n{}{}",
        table(database, "t_user", MAIL),
        table(database, "t_old", "")
    );
    let (status, applied) = author.post_text(APPLY, &whole).await;
    assert_eq!(status, 200, "{applied}");
    let first = publish(author, "in-1", (database, label)).await;
    assert_eq!(first["servers"][0]["setAside"], Value::Null, "{first}");
    let release = approve(approver, &first).await;
    execute(test, approver, &release, (label, OrderState::Done)).await;
    let items = applied["applied"].as_array().unwrap().iter();
    let old = items.clone().find(|one| one["name"] == "t_old").unwrap();
    let path = format!("/api/v1/schema/documents/{}", old["id"].as_str().unwrap());
    assert_eq!(author.delete(&path).await.0, 204);
    let (status, applied) = author.post_text(APPLY, &table(database, "t_user", "")).await;
    assert_eq!(status, 200, "{applied}");
    publish(author, "out-1", (database, label)).await
}

/// Something that is set aside, for other rooms' tests: its id.
pub(crate) async fn one_aside(
    test: &Test,
    people: (&Client<'_>, &Client<'_>),
    place: (&str, &str),
) -> String {
    assert_eq!(keep_for(people.1, json!(30)).await.0, 200);
    let ticket = taken_out(test, people, place).await;
    let release = approve(people.1, &ticket).await;
    execute(test, people.1, &release, (place.1, OrderState::Done)).await;
    let (_, page) = people.1.get(ASIDES).await;
    page["items"][0]["id"].as_str().unwrap().to_owned()
}

pub(super) async fn listed(client: &Client<'_>) -> Vec<Value> {
    let (status, page) = client.get(ASIDES).await;
    assert_eq!(status, 200, "{page}");
    page["items"].as_array().unwrap().clone()
}

pub(super) fn named<'v>(items: &'v [Value], name: &str) -> &'v Value {
    items.iter().find(|one| one["name"] == name).unwrap()
}

pub(super) async fn wish(client: &Client<'_>, one: &Value, wish: &str) -> (u16, Value) {
    let path = format!("{ASIDES}/{}/{wish}", one["id"].as_str().unwrap());
    client.call(Method::POST, &path, None).await
}

both_databases!(what_goes_is_set_aside_once_its_execution_has_succeeded, |test| {
    server(test, "pg", "Postgres").await;
    let ann = test.member("ann", Role::Member).await;
    let bob = test.member("bob", Role::Admin).await;
    for wrong in [0, 366] {
        let (status, refused) = keep_for(&bob, json!(wrong)).await;
        assert_eq!(
            (status, errors(&refused)[0].0.as_str()),
            (422, "setAsideDays"),
            "{refused}"
        );
    }
    assert_eq!(keep_for(&bob, json!(30)).await.0, 200);
    // What is not said of it leaves it as it is.
    let (_, policy) = bob.call(Method::PUT, PROD, Some(json!({}))).await;
    assert_eq!(policy["setAsideDays"], 30, "{policy}");

    let ticket = taken_out(test, (&ann, &bob), ("shop", "pg")).await;
    let server = &ticket["servers"][0];
    let sql = server["sql"].as_str().unwrap();
    assert!(
        !sql.contains("drop column") && !sql.contains("drop table"),
        "{sql}"
    );
    assert_eq!(server["risk"], "warning", "{server}");
    assert_eq!(server["setAside"]["days"], 30, "{server}");
    let reasons = server["statements"].to_string();
    assert!(reasons.contains("is set aside as zz_aside_"), "{reasons}");
    let back = server["rollbackSql"].as_str().unwrap();
    assert!(back.contains("_mail to mail"), "{back}");
    let path = format!("/api/v1/schema/tickets/{}", ticket["ticketId"].as_str().unwrap());
    let (_, kept) = bob.get(&path).await;
    assert_eq!(kept["servers"][0]["setAside"], server["setAside"]);

    let release = approve(&bob, &ticket).await;
    execute(test, &bob, &release, ("pg", OrderState::RolledBack)).await;
    assert!(listed(&ann).await.is_empty());
    let before = test.app.clock.now();
    execute(test, &bob, &release, ("pg", OrderState::Done)).await;
    // The ledger answers the same once more.
    execute(test, &bob, &release, ("pg", OrderState::Done)).await;
    let items = listed(&ann).await;
    assert_eq!(items.len(), 2, "{items:?}");
    let (mail, old) = (named(&items, "mail"), named(&items, "t_old"));
    assert_eq!(
        (&mail["kind"], &mail["table"], &mail["state"]),
        (&json!("column"), &json!("t_user"), &json!("kept"))
    );
    assert_eq!(
        (&old["kind"], &old["version"]),
        (&json!("table"), &json!("out-1"))
    );
    assert_eq!(old["database"], "shop");
    let expires: UnixMs = mail["expiresAt"].as_str().unwrap().parse().unwrap();
    assert!(expires >= before.plus_ms(30 * UnixMs::DAY), "{mail}");

    // Another one of the name is called otherwise.
    ann.post_text(APPLY, &table("shop", "t_user", MAIL)).await;
    let again = approve(&bob, &publish(&ann, "in-2", ("shop", "pg")).await).await;
    execute(test, &bob, &again, ("pg", OrderState::Done)).await;
    ann.post_text(APPLY, &table("shop", "t_user", "")).await;
    let second = publish(&ann, "out-2", ("shop", "pg")).await;
    let name = second["servers"][0]["setAside"]["items"][0]["nameNow"].as_str();
    let first = mail["nameNow"].as_str().unwrap();
    assert_eq!(name, Some(first.replace("_mail", "x2_mail").as_str()));
    // Without days drops are real.
    assert_eq!(keep_for(&bob, Value::Null).await.0, 200);
    let real = publish(&ann, "out-3", ("shop", "pg")).await;
    assert_eq!(real["servers"][0]["risk"], "destructive");
});

both_databases!(
    what_is_set_aside_is_dropped_or_brought_back_by_a_release,
    |test| {
        server(test, "pg", "Postgres").await;
        let ann = test.member("ann", Role::Member).await;
        let bob = test.member("bob", Role::Admin).await;
        one_aside(test, (&ann, &bob), ("shop", "pg")).await;
        let items = listed(&ann).await;
        let (mail, old) = (named(&items, "mail"), named(&items, "t_old"));
        let viewer = test.member("vera", Role::Viewer).await;
        assert_eq!(listed(&viewer).await.len(), 2);
        assert_eq!(wish(&viewer, old, "drop").await.0, 403);
        let nothing = json!({"id": "0199c0de-0000-7000-8000-000000000000"});
        assert_eq!(wish(&ann, &nothing, "drop").await.0, 404);

        let (status, proposed) = wish(&ann, old, "drop").await;
        assert_eq!(status, 201, "{proposed}");
        assert_eq!(proposed["servers"][0]["risk"], "destructive");
        for other in ["drop", "restore"] {
            let (status, busy) = wish(&bob, old, other).await;
            assert_eq!(
                (status, &busy["type"]),
                (409, &json!("aside-under-way")),
                "{busy}"
            );
        }
        // What was decided against is free again; with the same SQL it is the same wish.
        let path = format!(
            "/api/v1/schema/tickets/{}",
            proposed["ticketId"].as_str().unwrap()
        );
        let no = json!({"comment": "not yet"});
        assert_eq!(bob.post(&format!("{path}/reject"), no).await.0, 200);
        let (status, corrected) = ann
            .post(
                &format!("{path}/resubmit"),
                json!({"comment": "now", "version": "again"}),
            )
            .await;
        assert_eq!(status, 201, "{corrected}");
        assert_eq!(wish(&bob, old, "restore").await.0, 409);
        let release = approve(&bob, &corrected).await;
        execute(test, &bob, &release, ("pg", OrderState::RolledBack)).await;
        assert_eq!(named(&listed(&ann).await, "t_old")["state"], "kept");
        execute(test, &bob, &release, ("pg", OrderState::Done)).await;
        let items = listed(&ann).await;
        assert_eq!(named(&items, "t_old")["state"], "dropped");
        assert_eq!(named(&items, "t_old")["proposal"]["wish"], "drop");

        let (status, proposed) = wish(&ann, mail, "restore").await;
        assert_eq!(status, 201, "{proposed}");
        let sql = proposed["servers"][0]["sql"].as_str().unwrap();
        assert!(
            sql.contains("rename column zz_aside_") && sql.contains(" to mail"),
            "{sql}"
        );
        let release = approve(&bob, &proposed).await;
        execute(test, &bob, &release, ("pg", OrderState::Done)).await;
        let (_, kept) = ann.get(&format!("{ASIDES}?state=kept")).await;
        assert_eq!(kept["items"], json!([]));
        let (_, back) = ann.get(&format!("{ASIDES}?state=restored&limit=1")).await;
        assert_eq!(back["items"][0]["name"], "mail");
        let (status, gone) = wish(&ann, mail, "drop").await;
        assert_eq!((status, &gone["type"]), (409, &json!("not-aside")), "{gone}");
    }
);

both_databases!(what_has_expired_is_told_once, |test| {
    server(test, "pg", "Postgres").await;
    let ann = test.member("ann", Role::Member).await;
    let bob = test.member("bob", Role::Admin).await;
    test.member("vera", Role::Viewer).await;
    one_aside(test, (&ann, &bob), ("shop", "pg")).await;
    let told = async |name: &str| {
        // A sign-in ends with time, which this test turns.
        let client = test.sign_in(name, PASSWORD).await;
        let (_, page) = client.get("/api/v1/messages?limit=500").await;
        let items = page["items"].as_array().unwrap().iter();
        items
            .filter(|one| one["code"] == "asidesExpired")
            .cloned()
            .collect::<Vec<_>>()
    };
    set_aside_told::tell(&test.app).await.unwrap();
    assert!(told("ann").await.is_empty());
    test.app.clock.advance(30 * UnixMs::DAY + 1);
    for _ in 0..2 {
        set_aside_told::tell(&test.app).await.unwrap();
    }
    let messages = told("ann").await;
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!(messages[0]["mode"], 8);
    assert_eq!(messages[0]["params"]["database"], "shop");
    let what = messages[0]["params"]["what"].as_str().unwrap();
    assert!(what.contains("t_old") && what.contains("t_user.mail"), "{what}");
    assert!(told("vera").await.is_empty());
    // Nothing goes by itself.
    let ann = test.sign_in("ann", PASSWORD).await;
    assert!(listed(&ann).await.iter().all(|one| one["state"] == "kept"));
});
