//! Releases from before releases were signed: the super administrator vouches for what they looked at, and nothing is signed by itself.

use serde_json::{Value, json};

use super::{
    executions::{moves, order},
    release, server,
    signatures::{SQL, by_hand, execute, released, state},
};
use crate::{
    access::Role,
    schema::census_of_releases,
    testing::{Client, PASSWORD, Test, both_databases},
    work::OrderState,
};

const UNSIGNED: &str = "update releases set signed_by = null, signature = null";

async fn vouch(client: &Client<'_>, release: &str, digest: &Value, password: &str) -> (u16, Value) {
    let path = format!("/api/v1/schema/releases/{release}/vouch");
    let body = json!({"digest": digest, "reason": "bob says that this is it", "password": password});
    client.post(&path, body).await
}

async fn signature(client: &Client<'_>, release: &str) -> Value {
    let (status, shown) = client.get(&format!("/api/v1/schema/releases/{release}")).await;
    assert_eq!(status, 200, "{shown}");
    shown["signature"].clone()
}

fn is_conflict(answer: &(u16, Value), kind: &str) {
    assert_eq!((answer.0, &answer.1["type"]), (409, &json!(kind)), "{}", answer.1);
}

both_databases!(
    a_release_of_before_is_executed_once_the_super_administrator_vouches_for_it,
    |test| {
        let (bob, release) = released(test).await;
        let admin = test.admin().await;
        let digest = signature(&bob, &release).await["digest"].clone();
        is_conflict(&vouch(&admin, &release, &digest, PASSWORD).await, "not-vouchable");
        by_hand(test, UNSIGNED).await;
        let shown = signature(&bob, &release).await;
        assert_eq!(
            (&shown["state"], &shown["mayBeVouched"], &shown["digest"]),
            (&json!("missing"), &json!(true), &digest),
            "{shown}"
        );
        assert_eq!(execute(&bob, &release).await.0, 409);

        // A session alone is a row that somebody could have written; and nobody else may.
        assert_eq!(vouch(&bob, &release, &digest, PASSWORD).await.0, 403);
        let (status, wrong) = vouch(&admin, &release, &digest, "another password").await;
        assert_eq!(
            (status, &wrong["errors"][0]["field"]),
            (422, &json!("password")),
            "{wrong}"
        );
        let path = format!("/api/v1/schema/releases/{release}/vouch");
        let silent = json!({"digest": digest, "reason": " ", "password": PASSWORD});
        assert_eq!(admin.post(&path, silent).await.0, 422);
        // What was changed between looking and vouching is not signed.
        let other = json!("0".repeat(64));
        is_conflict(
            &vouch(&admin, &release, &other, PASSWORD).await,
            "release-not-as-shown",
        );
        by_hand(
            test,
            "update ticket_servers set statements = replace(statements, 'values (1)', 'values (2)')",
        )
        .await;
        is_conflict(
            &vouch(&admin, &release, &digest, PASSWORD).await,
            "release-not-as-shown",
        );
        by_hand(
            test,
            "update ticket_servers set statements = replace(statements, 'values (2)', 'values (1)')",
        )
        .await;
        // A whole that is shown, and other statements that would run.
        by_hand(test, "update ticket_servers set sql = sql || 'select 1;'").await;
        let twofold = signature(&bob, &release).await["digest"].clone();
        assert_ne!(twofold, digest);
        is_conflict(
            &vouch(&admin, &release, &twofold, PASSWORD).await,
            "not-vouchable",
        );
        by_hand(
            test,
            "update ticket_servers set sql = replace(sql, 'select 1;', '')",
        )
        .await;
        assert_eq!(
            state(&bob, &release).await,
            "missing",
            "nothing was signed so far"
        );

        let (status, vouched) = vouch(&admin, &release, &digest, PASSWORD).await;
        assert_eq!(status, 200, "{vouched}");
        assert_eq!(
            vouched["voucher"]["reason"], "bob says that this is it",
            "{vouched}"
        );
        assert_eq!(signature(&bob, &release).await, vouched);
        assert_eq!(state(&bob, &release).await, "holds");
        is_conflict(&vouch(&admin, &release, &digest, PASSWORD).await, "not-vouchable");

        // It is told: under the ticket and in the log, what was refused, too.
        let (_, detail) = bob.get(&format!("/api/v1/schema/releases/{release}")).await;
        let ticket = detail["ticketId"].as_str().unwrap();
        let (_, ticket) = bob.get(&format!("/api/v1/schema/tickets/{ticket}")).await;
        let last = ticket["events"].as_array().unwrap().last().unwrap();
        assert_eq!(last["kind"], "vouched", "{ticket}");
        let (_, log) = admin.get("/api/v1/audit?operation=release:vouch").await;
        let outcomes: Vec<&Value> = log["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| &row["outcome"])
            .collect();
        assert!(
            outcomes.contains(&&json!("done")) && outcomes.contains(&&json!("refused")),
            "{log}"
        );

        // Who vouched is signed, too.
        by_hand(test, "update releases set vouched_reason = 'another'").await;
        assert_eq!(state(&bob, &release).await, "broken");
        by_hand(
            test,
            "update releases set vouched_reason = 'bob says that this is it'",
        )
        .await;
        let (status, answer) = execute(&bob, &release).await;
        assert_eq!(status, 202, "{answer}");
    }
);

both_databases!(what_must_have_had_a_signature_is_not_vouched_for, |test| {
    let (bob, first) = released(test).await;
    test.app.clock.advance(1);
    let ann = test.member("ada", Role::Member).await;
    let second = release(&ann, &bob, "1.1", &["pg"], SQL).await;
    let admin = test.admin().await;
    by_hand(
        test,
        "update releases set signed_by = null, signature = null where version = '1.1'",
    )
    .await;
    let shown = signature(&bob, &second).await;
    assert_eq!(
        (&shown["state"], &shown["mayBeVouched"]),
        (&json!("missing"), &json!(false)),
        "{shown}"
    );
    is_conflict(
        &vouch(&admin, &second, &shown["digest"], PASSWORD).await,
        "not-vouchable",
    );
    let census = census_of_releases(&test.app).await.unwrap();
    assert_eq!(
        (census.missing.len(), census.taken_off),
        (0, vec!["1.1 (prod)".to_owned()])
    );
    // Neither is what was changed under its signature.
    by_hand(test, "update ticket_servers set risk = 'unknown'").await;
    let shown = signature(&bob, &first).await;
    assert_eq!(shown["mayBeVouched"], false, "{shown}");
    is_conflict(
        &vouch(&admin, &first, &shown["digest"], PASSWORD).await,
        "not-vouchable",
    );
});

both_databases!(what_is_more_dangerous_than_it_looks_is_not_vouched_for, |test| {
    server(test, "pg", "Postgres").await;
    let ann = test.member("ann", Role::Member).await;
    let bob = test.member("bob", Role::Admin).await;
    let release = release(&ann, &bob, "1.0", &["pg"], "drop table t").await;
    let admin = test.admin().await;
    let untouched = signature(&bob, &release).await["digest"].clone();
    by_hand(test, UNSIGNED).await;
    for (change, back) in [
        (
            r#"update ticket_servers set statements = replace(statements, '"destructive"', '"safe"')"#,
            r#"update ticket_servers set statements = replace(statements, '"safe"', '"destructive"')"#,
        ),
        (
            "update ticket_servers set risk = 'safe'",
            "update ticket_servers set risk = 'destructive'",
        ),
        (
            "update releases set risk = 'warning'",
            "update releases set risk = 'destructive'",
        ),
    ] {
        by_hand(test, change).await;
        let digest = signature(&bob, &release).await["digest"].clone();
        assert_ne!(digest, untouched, "{change}");
        is_conflict(&vouch(&admin, &release, &digest, PASSWORD).await, "not-vouchable");
        by_hand(test, back).await;
    }
    let (status, vouched) = vouch(&admin, &release, &untouched, PASSWORD).await;
    assert_eq!(status, 200, "{vouched}");
});

both_databases!(what_is_shown_is_what_the_digest_is_of, |test| {
    let (bob, release) = released(test).await;
    by_hand(test, UNSIGNED).await;
    // The ticket's name for the database and the release's.
    by_hand(test, "update ticket_servers set database = null").await;
    by_hand(test, "update tickets set database = 'stock'").await;
    let path = format!("/api/v1/schema/releases/{release}");
    let (_, shown) = bob.get(&path).await;
    assert_eq!(shown["servers"][0]["database"], "shop", "{shown}");
    assert_eq!(shown["signature"]["mayBeVouched"], true, "{shown}");
});

both_databases!(one_broken_signature_does_not_forbid_vouching_for_any, |test| {
    let (bob, _) = released(test).await;
    let ann = test.member("ada", Role::Member).await;
    test.app.clock.advance(1);
    let second = release(&ann, &bob, "1.1", &["pg"], SQL).await;
    test.app.clock.advance(1);
    release(&ann, &bob, "1.2", &["pg"], SQL).await;
    by_hand(test, "update releases set risk = 'unknown' where version = '1.0'").await;
    by_hand(
        test,
        "update releases set signed_by = null, signature = null where version = '1.1'",
    )
    .await;
    let shown = signature(&bob, &second).await;
    assert_eq!(
        shown["mayBeVouched"], true,
        "1.2 is the oldest that holds: {shown}"
    );
    let admin = test.admin().await;
    let (status, vouched) = vouch(&admin, &second, &shown["digest"], PASSWORD).await;
    assert_eq!(status, 200, "{vouched}");
});

async fn unsigned(test: &Test) -> Vec<String> {
    let mut missing = census_of_releases(&test.app).await.unwrap().missing;
    // Made in one moment, they come in any order.
    missing.sort();
    missing
}

both_databases!(only_what_could_be_executed_still_is_missed, |test| {
    server(test, "pg", "Postgres").await;
    let ann = test.member("ann", Role::Member).await;
    let bob = test.member("bob", Role::Admin).await;
    let done = release(&ann, &bob, "1.0", &["pg"], SQL).await;
    release(&ann, &bob, "1.1", &["pg"], SQL).await;
    let (status, answer) = execute(&bob, &done).await;
    assert_eq!(status, 202, "{answer}");
    let path = format!(
        "/api/v1/schema/executions/{}",
        answer["executionId"].as_str().unwrap()
    );
    let mut waiting = order(test, &bob.get(&path).await.1).await;
    by_hand(test, UNSIGNED).await;
    assert_eq!(
        unsigned(test).await,
        ["1.0 (prod)", "1.1 (prod)"],
        "neither is done yet"
    );
    moves(test, &mut waiting, OrderState::Done).await;
    assert_eq!(unsigned(test).await, ["1.1 (prod)"]);
    by_hand(test, "update db_servers set deleted_at = 1").await;
    assert!(
        unsigned(test).await.is_empty(),
        "there is nowhere to execute it any more"
    );
});
