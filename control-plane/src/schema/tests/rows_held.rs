//! SQL as text that changes rows: what it is held to, what is kept, and how many rows it would touch.

use std::time::Duration;

use axum::http::Method;
use muster_identity::{
    keys::PinnedKeys,
    look::{Look, is_signed},
};
use muster_protocol::{
    GUARDS_SINCE,
    latest::{CountLook, OrderPayload, StepStatus, TailFrame, TailRequest},
};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{
    drift::connected,
    errors,
    executions::{moves, order, says},
    server,
};
use crate::{
    access::Role,
    link,
    schema::store,
    testing::{Client, both_databases},
    work::{self, OrderState},
};

const PROD: &str = "/api/v1/schema/policies/prod";
const ASIDES: &str = "/api/v1/schema/set-asides";
const PATIENCE: Duration = Duration::from_secs(20);

async fn set(client: &Client<'_>, policy: Value) -> (u16, Value) {
    client.call(Method::PUT, PROD, Some(policy)).await
}

async fn propose(client: &Client<'_>, version: &str, label: &str, sql: &str, more: Value) -> (u16, Value) {
    let mut body = json!({"version": version, "database": "shop", "environment": "prod", "servers": [label], "sql": sql});
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    client.post("/api/v1/schema/proposals", body).await
}

fn ticket(proposed: &Value) -> String {
    format!(
        "/api/v1/schema/tickets/{}",
        proposed["ticketId"]
            .as_str()
            .unwrap_or_else(|| panic!("{proposed}"))
    )
}

both_databases!(the_stricter_of_policy_and_proposal_holds_each_statement, |test| {
    server(test, "pg", "Postgres").await;
    let ann = test.member("ann", Role::Member).await;
    let bob = test.member("bob", Role::Admin).await;
    let (status, wrong) = set(&bob, json!({"maxRows": 0, "backupDays": 366})).await;
    let fields: Vec<String> = errors(&wrong).into_iter().map(|error| error.0).collect();
    assert_eq!(
        (status, fields),
        (422, vec!["maxRows".to_owned(), "backupDays".to_owned()])
    );

    // Nobody asks for anything: it is said that it can be counted, and nothing holds it.
    let (status, free) = propose(&ann, "1", "pg", "delete from t where a = 1", json!({})).await;
    assert_eq!(status, 201, "{free}");
    let rows = &free["servers"][0]["statements"][0]["rows"];
    assert_eq!(
        rows,
        &json!({"maxRows": null, "keptIn": null, "notCounted": null})
    );
    assert_eq!(free["servers"][0]["setAside"], Value::Null);

    let (status, policy) = set(&bob, json!({"maxRows": 100, "backupDays": 7})).await;
    assert_eq!(
        (status, &policy["maxRows"], &policy["backupDays"]),
        (200, &json!(100), &json!(7)),
        "{policy}"
    );
    // What is not said of it leaves it as it is.
    assert_eq!(set(&bob, json!({})).await.1["maxRows"], 100);

    let sql =
        "insert into t values (1); update t set a = 2 where a = 1; delete from t using u where t.a = u.a";
    let (_, held) = propose(&ann, "2", "pg", sql, json!({"maxRows": 1000, "backupDays": 1})).await;
    let id = held["ticketId"].as_str().unwrap().parse().unwrap();
    let org = test.default_org().await;
    let asked = async |org| store::ticket::find_held(&test.app.db, org, id).await.unwrap();
    assert_eq!(asked(org).await.max_rows, Some(1000));
    assert_eq!(
        asked(test.app.clock.new_id()).await.max_rows,
        None,
        "another org's"
    );
    let statements = &held["servers"][0]["statements"];
    assert_eq!(statements[0].get("rows"), None, "{held}");
    assert_eq!(statements[1]["rows"]["maxRows"], 100);
    let kept = statements[1]["rows"]["keptIn"].as_str().unwrap();
    assert!(kept.starts_with("zz_aside_") && kept.ends_with("_t"), "{kept}");
    assert_eq!(statements[1]["risk"], "warning");
    // What can't be kept says so, and is shown as what loses data.
    assert_eq!(
        (
            &statements[2]["risk"],
            &statements[2]["rows"]["keptIn"],
            &statements[2]["rows"]["maxRows"]
        ),
        (&json!("destructive"), &Value::Null, &json!(100))
    );
    let reasons = statements[2]["reasons"].to_string();
    assert!(
        reasons.contains("no backup possible: it joins other tables"),
        "{reasons}"
    );
    let planned = &held["servers"][0]["setAside"];
    assert_eq!(
        (&planned["days"], planned["items"].as_array().unwrap().len()),
        (&json!(7), 1)
    );
    assert_eq!(planned["items"][0]["kind"], "rows");

    let (status, wrong) = propose(&ann, "3", "pg", sql, json!({"maxRows": 0})).await;
    assert_eq!((status, errors(&wrong)[0].0.as_str()), (422, "maxRows"));
    // The proposal alone may be stricter, and so is what takes its place.
    assert_eq!(
        set(&bob, json!({"maxRows": null, "backupDays": null})).await.0,
        200
    );
    let (_, own) = propose(
        &ann,
        "4",
        "pg",
        "delete from t where a = 1",
        json!({"maxRows": 5, "backupDays": 3}),
    )
    .await;
    let path = ticket(&own);
    assert_eq!(
        bob.post(&format!("{path}/reject"), json!({"comment": "no"}))
            .await
            .0,
        200
    );
    let (_, again) = ann.post(&format!("{path}/resubmit"), json!({"maxRows": 6})).await;
    let server = &again["servers"][0];
    assert_eq!(
        (
            &server["statements"][0]["rows"]["maxRows"],
            &server["setAside"]["days"]
        ),
        (&json!(6), &json!(3)),
        "{again}"
    );
});

both_databases!(kept_rows_are_listed_once_their_statement_has_succeeded, |test| {
    server(test, "pg", "Postgres").await;
    let ann = test.member("ann", Role::Member).await;
    let bob = test.member("bob", Role::Admin).await;
    assert_eq!(set(&bob, json!({"maxRows": 10, "backupDays": 7})).await.0, 200);
    let sql = "delete from t where a = 1; update t set a = 3 where a = 2";
    let (_, proposed) = propose(&ann, "1", "pg", sql, json!({})).await;
    let (_, approved) = bob
        .post(&format!("{}/approve", ticket(&proposed)), json!({}))
        .await;
    let release = approved["releaseId"].as_str().unwrap();
    let execute = format!("/api/v1/schema/releases/{release}/execute");
    let (status, executing) = bob.post(&execute, json!({"server": "pg"})).await;
    assert_eq!(status, 202, "{executing}");
    let path = format!(
        "/api/v1/schema/executions/{}",
        executing["executionId"].as_str().unwrap()
    );
    let (_, execution) = bob.get(&path).await;
    let mut order = order(test, &execution).await;

    // What the host is asked for holds both statements.
    let payload = work::payload(&test.app, order.id).await.unwrap();
    let OrderPayload::GuardedSql(guarded) = muster_protocol::decode(&payload).unwrap() else {
        panic!("it is not held in");
    };
    assert_eq!(guarded.guards.len(), 2);
    assert_eq!(
        (guarded.guards[1].statement, guarded.guards[1].max_rows),
        (1, Some(10))
    );
    let kept = guarded.guards[0].keep.clone().unwrap();
    assert!(kept.starts_with("zz_aside_"), "{kept}");

    moves(test, &mut order, OrderState::Accepted).await;
    says(test, &order, 0, StepStatus::Done, Some(1), "").await;
    says(test, &order, 1, StepStatus::Failed, None, "it touches 12 rows").await;
    moves(test, &mut order, OrderState::Failed).await;
    let (_, page) = bob.get(ASIDES).await;
    let items = page["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{page}");
    assert_eq!(
        (&items[0]["kind"], &items[0]["nameNow"]),
        (&json!("rows"), &json!(kept))
    );
    let days = items[0]["restoreSql"].as_str().unwrap();
    assert!(
        days.starts_with("insert into t overriding system value select * from public.zz_aside_"),
        "{days}"
    );
    // Deleted rows are put back by a proposal like any other.
    let restore = format!("{ASIDES}/{}/restore", items[0]["id"].as_str().unwrap());
    let (status, back) = ann.call(Method::POST, &restore, None).await;
    assert_eq!(status, 201, "{back}");

    // The second time all of it succeeds; what was listed stays one.
    let (status, executing) = bob.post(&execute, json!({"server": "pg"})).await;
    assert_eq!(status, 202, "{executing}");
    let path = format!(
        "/api/v1/schema/executions/{}",
        executing["executionId"].as_str().unwrap()
    );
    let (_, execution) = bob.get(&path).await;
    let mut second = super::executions::order(test, &execution).await;
    moves(test, &mut second, OrderState::Accepted).await;
    moves(test, &mut second, OrderState::Done).await;
    let (_, page) = bob.get(ASIDES).await;
    let items = page["items"].as_array().unwrap();
    assert_eq!(items.len(), 2, "{page}");
    // What was overwritten only people can put back.
    let updated = items.iter().find(|one| one["restoreSql"] == "").unwrap();
    let restore = format!("{ASIDES}/{}/restore", updated["id"].as_str().unwrap());
    let (status, refused) = ann.call(Method::POST, &restore, None).await;
    assert_eq!(
        (status, &refused["type"]),
        (409, &json!("no-way-back")),
        "{refused}"
    );
});

both_databases!(rows_are_counted_by_the_agent_and_stand_on_the_ticket, |test| {
    let admin = test.admin().await;
    let (host, mut running, _) = connected(test, &admin).await;
    let mut tails = running.take_tails();
    let sql = "delete from t where a = 1; insert into t values (1); delete from t where a = 1 limit 2";
    let (status, proposed) = propose(
        &admin,
        "1",
        "main",
        &sql.replace(" limit 2", " returning a"),
        json!({}),
    )
    .await;
    assert_eq!(status, 201, "{proposed}");
    let path = ticket(&proposed);
    let server = proposed["servers"][0]["server"].clone();
    let count = format!("{path}/count");
    let asked = json!({"server": server});
    let (answer, ()) = tokio::join!(admin.post(&count, asked.clone()), async {
        let tail = timeout(PATIENCE, tails.recv()).await.unwrap().unwrap();
        let TailRequest::Count(signed) = &tail.request else {
            panic!("nothing was to be counted");
        };
        let keys = test.app.fleet_keys().await.unwrap();
        let pinned = PinnedKeys::from_join([keys.signer.public_key()]);
        let counts = |look| is_signed(look, &pinned, signed.key_id, &signed.body, &signed.signature);
        assert!(counts(Look::Count) && !counts(Look::Schema));
        let wish: CountLook = muster_protocol::decode(&signed.body).unwrap();
        assert_eq!(
            (wish.host, wish.statement.as_str()),
            (host.id, "delete from t where a = 1")
        );
        assert!(wish.timeout_ms <= 20_000 && !wish.sealed.is_empty());
        tail.frames.send(TailFrame::Count(42)).await.unwrap();
    });
    let (status, counted) = answer;
    assert_eq!(status, 200, "{counted}");
    assert_eq!(
        counted["items"][0],
        json!({"statement": 0, "rows": 42, "why": null})
    );
    assert_eq!(counted["items"][1]["rows"], Value::Null);
    assert!(
        counted["items"][1]["why"].as_str().unwrap().contains("RETURNING"),
        "{counted}"
    );
    let (_, seen) = admin.get(&path).await;
    assert_eq!(seen["servers"][0]["rowCounts"], counted);

    // What the agent can't count is the answer.
    let (answer, ()) = tokio::join!(admin.post(&count, asked.clone()), async {
        let tail = timeout(PATIENCE, tails.recv()).await.unwrap().unwrap();
        let why = "relation \"t\" does not exist\u{7}".to_owned();
        tail.frames.send(TailFrame::Refused(why)).await.unwrap();
    });
    assert_eq!(
        answer.1["items"][0]["why"], "relation \"t\" does not exist",
        "{}",
        answer.1
    );

    running.stop().await;
    link::tests::until("it is gone", async || !test.app.links.is_online(host.id)).await;
    let (status, away) = admin.post(&count, asked.clone()).await;
    assert_eq!((status, &away["type"]), (409, &json!("host-offline")), "{away}");
    let _session = host.connect_as_of(&test.app, GUARDS_SINCE - 1).await;
    let (status, old) = admin.post(&count, asked).await;
    assert_eq!((status, &old["type"]), (409, &json!("agent-too-old")), "{old}");
});

both_databases!(lint_is_as_the_environment_wants_it, |test| {
    server(test, "pg", "Postgres").await;
    let ann = test.member("ann", Role::Member).await;
    let bob = test.member("bob", Role::Admin).await;
    let (status, rules) = ann.get("/api/v1/schema/lint-rules").await;
    let items = rules["items"].as_array().unwrap();
    let rule = |name: &str| items.iter().find(|one| one["name"] == name).unwrap();
    assert_eq!(status, 200);
    assert_eq!(rule("unreadable")["canBeOff"], false);
    assert_eq!(rule("table-comment")["level"], "off", "{rules}");

    for (wrong, field) in [
        (json!({"no-such-rule": "off"}), "lint.no-such-rule"),
        (json!({"unreadable": "off"}), "lint.unreadable"),
    ] {
        let (status, refused) = set(&bob, json!({"lint": wrong})).await;
        assert_eq!(
            (status, errors(&refused)[0].0.as_str()),
            (422, field),
            "{refused}"
        );
    }
    let found = async |version: &str| {
        let (_, proposed) = propose(&ann, version, "pg", "drop table t", json!({})).await;
        let findings = proposed["servers"][0]["findings"].as_array().unwrap().clone();
        findings.into_iter().find(|one| one["rule"] == "drop-table")
    };
    assert_eq!(found("1").await.unwrap()["severity"], "error");
    let (_, policy) = set(&bob, json!({"lint": {"drop-table": "info"}})).await;
    assert_eq!(policy["lint"], json!({"drop-table": "info"}));
    assert_eq!(found("2").await.unwrap()["severity"], "info");
    assert_eq!(set(&bob, json!({"lint": {"drop-table": "off"}})).await.0, 200);
    assert_eq!(found("3").await, None);
    // All stay where nothing is said of them.
    assert_eq!(set(&bob, json!({})).await.1["lint"], json!({"drop-table": "off"}));
});

both_databases!(
    publishing_takes_the_ways_that_lock_little_where_the_policy_says_so,
    |test| {
        server(test, "pg", "Postgres").await;
        let ann = test.member("ann", Role::Member).await;
        let bob = test.member("bob", Role::Admin).await;
        let table = |more: &str| {
            format!(
                "apiVersion: v1alpha1\nkind: TableSnapshot\nmetadata: {{name: t}}\nspec:\n  database: shop\n  columns:\n    \
             - {{name: id, dataType: bigint, primaryKey: true}}\n    - {{name: n, dataType: bigint}}\n{more}"
            )
        };
        let database = "apiVersion: v1alpha1\nkind: DatabaseSnapshot\nmetadata: {name: shop}\nspec:\n  \
        basic: {name: shop, comment: Orders, type: Postgres}\n---\n";
        let apply = "/api/v1/schema/apply";
        let (status, applied) = ann.post_text(apply, &format!("{database}{}", table(""))).await;
        assert_eq!(status, 200, "{applied}");
        let publish = async |version: &str| {
            let body =
                json!({"version": version, "database": "shop", "environment": "prod", "servers": ["pg"]});
            ann.post("/api/v1/schema/publish", body).await
        };
        let (_, first) = publish("1").await;
        let (_, approved) = bob.post(&format!("{}/approve", ticket(&first)), json!({})).await;
        let execute = format!(
            "/api/v1/schema/releases/{}/execute",
            approved["releaseId"].as_str().unwrap()
        );
        let (_, executing) = bob.post(&execute, json!({"server": "pg"})).await;
        let (_, execution) = bob
            .get(&format!(
                "/api/v1/schema/executions/{}",
                executing["executionId"].as_str().unwrap()
            ))
            .await;
        let mut order = order(test, &execution).await;
        moves(test, &mut order, OrderState::Accepted).await;
        moves(test, &mut order, OrderState::Done).await;

        let more = "  index:\n    - {name: t_n, columns: [{name: n}]}\n  checks:\n    - {name: n_small, expression: n < 100}\n  \
                sqlScript: delete from t where n = 5\n";
        let (status, applied) = ann.post_text(apply, &table(more)).await;
        assert_eq!(status, 200, "{applied}");
        let preview = json!({"database": "shop", "environment": "prod", "servers": ["pg"]});
        let sql_of = async || {
            let (status, seen) = ann.post("/api/v1/schema/publish/preview", preview.clone()).await;
            assert_eq!(status, 200, "{seen}");
            seen["servers"][0].clone()
        };
        let plain = sql_of().await;
        assert!(
            !plain["sql"].as_str().unwrap().contains("concurrently"),
            "{plain}"
        );
        let (status, policy) = set(&bob, json!({"online": true, "maxRows": 9, "backupDays": 2})).await;
        assert_eq!((status, &policy["online"]), (200, &json!(true)), "{policy}");
        let online = sql_of().await;
        let sql = online["sql"].as_str().unwrap();
        assert!(
            sql.contains("create index concurrently")
                && sql.contains("not valid")
                && sql.contains("validate constraint"),
            "{sql}"
        );
        // Of what is published the tables' scripts are held in.
        let script = online["statements"].as_array().unwrap().last().unwrap();
        assert_eq!(script["rows"]["maxRows"], 9, "{online}");
        assert_eq!(online["setAside"]["items"][0]["kind"], "rows", "{online}");
    }
);
