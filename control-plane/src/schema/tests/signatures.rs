//! Releases are signed: what somebody changes in the database is not executed, and rotating keys breaks nothing.

use muster_base::OrgId;
use muster_identity::{keys::SigningKey, record};
use muster_protocol::latest::OrderPayload;
use serde_json::{Value, json};

use super::{
    executions::{moves, order},
    propose, release, server,
};
use crate::{
    access::Role,
    db::DbError,
    in_tx,
    schema::release_seal::refusal,
    testing::{Client, Test, both_databases},
    with_tx,
    work::{self, OrderState},
};

pub(super) const SQL: &str = "create table t (id int); insert into t values (1)";

/// As somebody would who can write to the database.
pub(super) async fn by_hand(test: &Test, sql: &'static str) {
    let change = async || -> Result<(), DbError> {
        in_tx!(test.app.db, |tx| with_tx!(tx, |conn| {
            sqlx::query(sql).execute(conn).await?;
        }));
        Ok(())
    };
    change().await.unwrap();
}

/// A row of bytes that somebody writes by hand.
async fn bytes_by_hand(test: &Test, sql: &'static str, values: &[&[u8]]) {
    let change = async || -> Result<(), DbError> {
        in_tx!(test.app.db, |tx| with_tx!(tx, |conn| {
            let mut query = sqlx::query(sql);
            for value in values {
                query = query.bind(value.to_vec());
            }
            query.execute(conn).await?;
        }));
        Ok(())
    };
    change().await.unwrap();
}

pub(super) async fn state(client: &Client<'_>, release: &str) -> Value {
    let (status, shown) = client.get(&format!("/api/v1/schema/releases/{release}")).await;
    assert_eq!(status, 200, "{shown}");
    shown["signature"]["state"].clone()
}

pub(super) async fn execute(client: &Client<'_>, release: &str) -> (u16, Value) {
    let path = format!("/api/v1/schema/releases/{release}/execute");
    client.post(&path, json!({"server": "pg"})).await
}

/// A release on `pg`, and who may execute it.
pub(super) async fn released(test: &Test) -> (Client<'_>, String) {
    server(test, "pg", "Postgres").await;
    let ann = test.member("ann", Role::Member).await;
    let bob = test.member("bob", Role::Admin).await;
    let release = release(&ann, &bob, "1.0", &["pg"], SQL).await;
    assert_eq!(state(&bob, &release).await, "holds");
    (bob, release)
}

async fn refused(client: &Client<'_>, release: &str, stands: &str) {
    assert_eq!(state(client, release).await, stands);
    let (status, problem) = execute(client, release).await;
    assert_eq!(
        (status, &problem["type"]),
        (409, &json!("release-not-signed")),
        "{stands}: {problem}"
    );
    let (_, rolling) = client
        .post(&format!("/api/v1/schema/releases/{release}/rollouts"), json!({}))
        .await;
    assert!(rolling["rolloutId"].is_null(), "{stands}: {rolling}");
}

both_databases!(
    a_release_that_is_changed_in_the_database_is_not_executed,
    |test| {
        let (bob, release) = released(test).await;
        for (change, back) in [
            (
                "update ticket_servers set statements = replace(statements, 'values (1)', 'values (2)')",
                "update ticket_servers set statements = replace(statements, 'values (2)', 'values (1)')",
            ),
            (
                "update ticket_servers set risk = risk || '!'",
                "update ticket_servers set risk = replace(risk, '!', '')",
            ),
            (
                "update ticket_servers set database = 'stock'",
                "update ticket_servers set database = 'shop'",
            ),
            (
                "update releases set environment = 'stage'",
                "update releases set environment = 'prod'",
            ),
            (
                "update ticket_approvals set person = 'user:else'",
                "update ticket_approvals set person = (select person from ticket_events where kind = 'approved')",
            ),
        ] {
            by_hand(test, change).await;
            refused(&bob, &release, "broken").await;
            by_hand(test, back).await;
            assert_eq!(state(&bob, &release).await, "holds", "{back}");
        }
        // With another digest the SQL is still not what was signed.
        by_hand(
            test,
            "update ticket_servers set sql = 'drop table t;', sql_sha256 = 'what fits'",
        )
        .await;
        refused(&bob, &release, "broken").await;
    }
);

both_databases!(a_signature_that_is_taken_off_or_forged_is_refused, |test| {
    let (bob, release) = released(test).await;
    by_hand(test, "update releases set signature = null").await;
    refused(&bob, &release, "missing").await;

    // Somebody signs by a key of their own, and puts it among those that are gone.
    let forger = SigningKey::generate().unwrap();
    let id = forger.public_key().id();
    let (_, signature) = record::sign(&forger, b"whatever");
    let row: OrgId = test.app.clock.new_id();
    let word = forger.retire(forger.public_key());
    let add = async || -> Result<(), DbError> {
        const ADD: &str = "insert into fleet_keys (id, kind, public, sealed, trust_domain, created_at, state, state_at, \
            retired_by, retire_signature) values ($1, 'signing', $2, '', 'muster', 1, 'gone', 1, $3, $4)";
        in_tx!(test.app.db, |tx| with_tx!(tx, |conn| {
            sqlx::query(ADD)
                .bind(row)
                .bind(forger.public_key().0.to_vec())
                .bind(word.by.to_vec())
                .bind(word.signature.clone())
                .execute(conn)
                .await?;
        }));
        Ok(())
    };
    add().await.unwrap();
    bytes_by_hand(
        test,
        "update releases set signed_by = $1, signature = $2",
        &[&id, &signature],
    )
    .await;
    refused(&bob, &release, "stranger").await;
});

both_databases!(what_waits_is_looked_at_before_its_order_is_signed, |test| {
    let (bob, release) = released(test).await;
    let (status, answer) = execute(&bob, &release).await;
    assert_eq!(status, 202, "{answer}");
    let path = format!(
        "/api/v1/schema/executions/{}",
        answer["executionId"].as_str().unwrap()
    );
    let waiting = order(test, &bob.get(&path).await.1).await;
    assert_eq!(refusal(&test.app, &waiting).await.unwrap(), None);

    // The order itself is a row, too.
    let payload = work::payload(&test.app, waiting.id).await.unwrap();
    let Ok(OrderPayload::Sql(mut spec)) = muster_protocol::decode::<OrderPayload>(&payload) else {
        panic!("another kind of order")
    };
    spec.statements[1].sql = "insert into t values (2)".to_owned();
    let changed = muster_protocol::encode(&OrderPayload::Sql(spec)).unwrap();
    bytes_by_hand(test, "update work_orders set payload = $1", &[&changed]).await;
    let why = refusal(&test.app, &waiting).await.unwrap().unwrap();
    assert!(why.contains("not what was approved"), "{why}");
    bytes_by_hand(test, "update work_orders set payload = $1", &[b"nothing"]).await;
    assert!(refusal(&test.app, &waiting).await.unwrap().is_some());
    bytes_by_hand(test, "update work_orders set payload = $1", &[&payload]).await;
    assert_eq!(refusal(&test.app, &waiting).await.unwrap(), None);

    by_hand(test, "update ticket_servers set risk = 'unknown'").await;
    let why = refusal(&test.app, &waiting).await.unwrap().unwrap();
    assert!(
        why.contains("somebody changed it") && why.contains("nothing was executed"),
        "{why}"
    );
});

both_databases!(releases_of_retired_keys_are_still_executed, |test| {
    let (bob, release) = released(test).await;
    let admin = test.admin().await;
    let key = |shown: &Value| shown["signature"]["keyId"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/schema/releases/{release}");
    let first = key(&bob.get(&path).await.1);
    for _ in 0..2 {
        for step in ["rotate", "retire"] {
            let (status, shown) = admin
                .post(&format!("/api/v1/keys/signing/{step}"), json!({}))
                .await;
            assert_eq!(status, 200, "{step}: {shown}");
            assert_eq!(state(&bob, &release).await, "holds", "after {step}");
        }
    }
    let (status, proposed) = propose(&bob, "1.1", &["pg"], SQL).await;
    assert_eq!(status, 201, "{proposed}");
    assert_eq!(key(&bob.get(&path).await.1), first);
    let (status, answer) = execute(&bob, &release).await;
    assert_eq!(status, 202, "{answer}");
    let path = format!(
        "/api/v1/schema/executions/{}",
        answer["executionId"].as_str().unwrap()
    );
    let mut waiting = order(test, &bob.get(&path).await.1).await;
    moves(test, &mut waiting, OrderState::Done).await;
    assert_eq!(bob.get(&path).await.1["status"], "success");
});
