//! Proposals, tickets, releases.

use serde_json::{Value, json};

use super::{errors, propose, release, server};
use crate::{access::Role, testing::both_databases};

fn ticket_path(proposed: &Value) -> String {
    format!(
        "/api/v1/schema/tickets/{}",
        proposed["ticketId"].as_str().unwrap()
    )
}

both_databases!(a_proposal_becomes_a_release_by_somebody_else_s_yes, |test| {
    let postgres = server(test, "pg", "Postgres").await;
    server(test, "my", "MySQL").await;
    let (ann, bob) = (
        test.member("ann", Role::Member).await,
        test.member("bob", Role::Admin).await,
    );
    let sql = "create table t (id int primary key);\ndrop table old;";
    let (status, proposed) = propose(&ann, "1.0", &["pg", "my"], sql).await;
    assert_eq!(status, 201, "{proposed}");
    let first = &proposed["servers"][0];
    assert_eq!(first["server"], postgres["id"]);
    assert_eq!(
        first["sql"],
        "create table t (id int primary key);\ndrop table old;\n"
    );
    assert_eq!(
        (&first["rollbackSql"], &first["risk"]),
        (&Value::Null, &json!("destructive"))
    );
    assert_eq!(first["findings"][0]["rule"], "drop-table");
    assert_eq!(first["findings"][0]["line"], 2);

    let path = ticket_path(&proposed);
    let (_, ticket) = bob.get(&path).await;
    assert_eq!(
        (&ticket["status"], &ticket["author"]),
        (&json!("pending"), &json!("ann"))
    );
    assert_eq!(
        (&ticket["sql"], &ticket["decidable"]),
        (&json!(sql), &json!(true))
    );
    assert_eq!(
        bob.post(&format!("{path}/comment"), json!({"comment": "why drop?"}))
            .await
            .0,
        200
    );
    let (status, approved) = bob
        .post(&format!("{path}/approve"), json!({"comment": "ok"}))
        .await;
    assert_eq!(
        (status, &approved["status"]),
        (200, &json!("approved")),
        "{approved}"
    );

    let (_, ticket) = ann.get(&path).await;
    let kinds: Vec<_> = ticket["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["proposed", "commented", "approved"]);
    assert_eq!(ticket["releaseId"], approved["releaseId"]);

    let release = format!(
        "/api/v1/schema/releases/{}",
        approved["releaseId"].as_str().unwrap()
    );
    let (_, release) = ann.get(&release).await;
    assert_eq!(
        (&release["version"], &release["risk"]),
        (&json!("1.0"), &json!("destructive"))
    );
    assert_eq!(release["approvals"][0]["name"], "bob");
    assert_eq!(release["servers"].as_array().unwrap().len(), 2);
    assert_eq!(release["sha256"].as_str().unwrap().len(), 64);
    let (_, page) = ann.get("/api/v1/schema/releases").await;
    assert_eq!(page["items"][0]["id"], approved["releaseId"]);
});

both_databases!(nobody_decides_their_own_proposal, |test| {
    server(test, "pg", "Postgres").await;
    let bob = test.member("bob", Role::Admin).await;
    let (_, proposed) = propose(&bob, "1.0", &["pg"], "select 1").await;
    let path = ticket_path(&proposed);
    assert_eq!(bob.get(&path).await.1["decidable"], false);
    assert_eq!(bob.post(&format!("{path}/approve"), json!({})).await.0, 403);
    assert_eq!(
        bob.post(&format!("{path}/reject"), json!({"comment": "no"}))
            .await
            .0,
        403
    );

    let key = json!({"name": "ci", "kind": "full"});
    let (status, key) = bob.post("/api/v1/api-keys", key).await;
    assert_eq!(status, 201, "{key}");
    let by_key = test.with_token(key["key"].as_str().or(key["token"].as_str()).unwrap());
    assert_eq!(
        by_key.post(&format!("{path}/approve"), json!({})).await.0,
        403,
        "a key is its person"
    );

    let (_, page) = test.admin().await.get("/api/v1/audit?limit=500").await;
    let refused = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["outcome"] == "refused");
    assert!(refused.count() >= 3);
    let admin = test.admin().await;
    let withdrawn = admin.post(&format!("{path}/withdraw"), json!({})).await;
    assert_eq!(withdrawn.0, 403, "only the author withdraws");
});

both_databases!(a_rejection_has_a_reason_and_a_decision_is_final, |test| {
    server(test, "pg", "Postgres").await;
    let (ann, bob) = (
        test.member("ann", Role::Member).await,
        test.member("bob", Role::Admin).await,
    );
    let (_, proposed) = propose(&ann, "1.0", &["pg"], "select 1").await;
    let path = ticket_path(&proposed);
    assert_eq!(
        ann.post(&format!("{path}/approve"), json!({})).await.0,
        403,
        "members don't approve"
    );
    assert_eq!(bob.post(&format!("{path}/reject"), json!({})).await.0, 422);
    let (status, rejected) = bob
        .post(&format!("{path}/reject"), json!({"comment": "no"}))
        .await;
    assert_eq!((status, &rejected["status"]), (200, &json!("rejected")));
    for verb in ["approve", "reject"] {
        let (status, problem) = bob.post(&format!("{path}/{verb}"), json!({"comment": "x"})).await;
        assert_eq!(status, 409, "{problem}");
    }
    assert_eq!(bob.get("/api/v1/schema/releases").await.1["items"], json!([]));
    let (_, page) = bob.get("/api/v1/schema/tickets?status=rejected").await;
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    assert_eq!(
        propose(&ann, "1.0", &["pg"], "select 2").await.0,
        201,
        "its version is free again"
    );
});

both_databases!(a_version_is_given_once, |test| {
    server(test, "pg", "Postgres").await;
    let (ann, bob) = (
        test.member("ann", Role::Member).await,
        test.member("bob", Role::Admin).await,
    );
    release(&ann, &bob, "1.0", &["pg"], "select 1").await;
    let (status, problem) = propose(&ann, "1.0", &["pg"], "select 2").await;
    assert_eq!(status, 409, "{problem}");
    let other_project = json!({"project": "shop", "version": "1.0", "database": "shop", "environment": "prod",
        "servers": ["pg"], "sql": "select 1"});
    assert_eq!(ann.post("/api/v1/schema/proposals", other_project).await.0, 201);
});

both_databases!(what_cannot_be_released_is_refused_line_by_line, |test| {
    server(test, "pg", "Postgres").await;
    let ann = test.member("ann", Role::Member).await;
    let (status, problem) = propose(&ann, "1.0", &["pg"], "begin;\nselect 1;\ncommit;").await;
    assert_eq!(status, 422);
    let wrong = errors(&problem);
    assert_eq!(wrong.len(), 2, "{problem}");
    assert!(wrong[1].0 == "sql" && wrong[1].1.starts_with("line 3: COMMIT"));
    let (_, problem) = propose(&ann, "1.0", &["pg"], "select 'a").await;
    assert_eq!(
        errors(&problem)[0].1,
        "line 1: the string that starts here is never closed"
    );
    let (_, problem) = propose(&ann, "1.0", &["nowhere"], "select 1").await;
    assert_eq!(errors(&problem)[0].0, "servers[0]");
    let body = json!({"version": "1.0", "database": "unknown", "environment": "prod", "servers": ["pg"], "sql": "select 1"});
    let (_, problem) = ann.post("/api/v1/schema/proposals", body).await;
    assert_eq!(errors(&problem)[0].0, "servers[0]");
    let body = json!({"version": "1.0", "database": "shop", "environment": "test", "servers": ["pg"], "sql": "select 1"});
    let (_, problem) = ann.post("/api/v1/schema/proposals", body).await;
    assert_eq!(errors(&problem)[0].1, "is in the environment prod");
    assert_eq!(propose(&ann, "a b", &["pg"], "select 1").await.0, 422);
});

both_databases!(tickets_and_releases_are_their_org_s_and_want_permission, |test| {
    let viewer = test.member("vera", Role::Viewer).await;
    server(test, "pg", "Postgres").await;
    let (ann, bob) = (
        test.member("ann", Role::Member).await,
        test.member("bob", Role::Admin).await,
    );
    let (_, proposed) = propose(&ann, "1.0", &["pg"], "select 1").await;
    let path = ticket_path(&proposed);
    let stranger = test.stranger("others").await;
    assert_eq!(stranger.get(&path).await.0, 404);
    for verb in ["approve", "withdraw", "comment"] {
        let answer = stranger
            .post(&format!("{path}/{verb}"), json!({"comment": "x"}))
            .await;
        assert_eq!(answer.0, 404, "{verb}");
    }
    let release = release(&ann, &bob, "2.0", &["pg"], "select 1").await;
    let release = format!("/api/v1/schema/releases/{release}");
    assert_eq!(stranger.get(&release).await.0, 404);
    assert_eq!(
        stranger
            .post(&format!("{release}/execute"), json!({"server": "pg"}))
            .await
            .0,
        404
    );
    assert_eq!(viewer.get(&release).await.0, 200);
    assert_eq!(propose(&viewer, "3.0", &["pg"], "select 1").await.0, 403);
    assert_eq!(
        ann.post(&format!("{release}/execute"), json!({"server": "pg"}))
            .await
            .0,
        403
    );
});
