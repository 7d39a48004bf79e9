//! The log through its API, and what a changed or removed row does to it.

mod archive;

use axum::http::Method;
use serde_json::{Value, json};

use crate::{access::Role, in_tx, testing::both_databases, with_tx};

both_databases!(a_changed_and_a_removed_row_show, |test| {
    let olga = test.member("olga", Role::Owner).await;
    for name in ["one", "two", "three"] {
        assert_eq!(olga.patch("/api/v1/org", json!({"name": name})).await.0, 200);
    }
    assert_eq!(
        olga.get("/api/v1/audit/verify").await.1,
        json!({"intact": true, "rows": 4, "archived": 0, "firstBroken": null, "archiveUnreadable": false})
    );

    let scope = test.default_org().await.to_string();
    let run = async |sql: &'static str| -> Result<(), crate::db::DbError> {
        in_tx!(test.app.db, |tx| with_tx!(tx, |conn| {
            sqlx::query(sql).bind(&scope).execute(conn).await?;
        }));
        Ok(())
    };
    run("update audit_log set actor_name = 'somebody else' where scope = $1 and seq = 3")
        .await
        .unwrap();
    assert_eq!(olga.get("/api/v1/audit/verify").await.1["firstBroken"], 3);
    run("delete from audit_log where scope = $1 and seq >= 3")
        .await
        .unwrap();
    assert_eq!(
        olga.get("/api/v1/audit/verify").await.1["firstBroken"],
        3,
        "a cut-off end shows too"
    );
    run("update audit_heads set seq = 1 where scope = $1")
        .await
        .unwrap();
    assert_eq!(
        olga.get("/api/v1/audit/verify").await.1["firstBroken"],
        1,
        "the head vouches for the last row by its hash"
    );
    run("update audit_heads set seq = 1, hash = (select hash from audit_log where scope = $1 and seq = 1) where scope = $1")
        .await
        .unwrap();
    assert_eq!(
        olga.get("/api/v1/audit/verify").await.1["firstBroken"],
        2,
        "rows beyond a head that was moved back show"
    );
    run("delete from audit_heads where scope = $1").await.unwrap();
    assert_eq!(olga.get("/api/v1/audit/verify").await.1["firstBroken"], 1);
});

both_databases!(
    the_export_has_every_row_and_the_platform_s_log_is_the_super_administrator_s,
    |test| {
        let olga = test.member("olga", Role::Owner).await;
        let (status, lines) = olga.get("/api/v1/audit/export").await;
        assert_eq!(status, 200);
        assert_eq!(lines["operation"], "member:write", "one row is one line: {lines}");
        // As a browser asks for it.
        let gzip = Some(("accept-encoding", "gzip"));
        let (status, packed) = olga
            .call_with(Method::GET, "/api/v1/audit/export", None, gzip)
            .await;
        assert!(status == 200 && matches!(packed, Value::String(_)), "{packed}");
        assert_eq!(olga.get("/api/v1/audit?scope=platform").await.0, 403);
        let (status, rows) = test.admin().await.get("/api/v1/audit?scope=platform").await;
        assert_eq!(status, 200);
        assert!(
            rows["items"]
                .as_array()
                .unwrap()
                .iter()
                .any(|row| row["operation"] == "user:create")
        );
        assert!(!rows.to_string().contains("a password for tests"));
        assert_eq!(
            test.member("vera", Role::Viewer)
                .await
                .get("/api/v1/audit")
                .await
                .0,
            403
        );
    }
);

both_databases!(the_log_is_filtered, |test| {
    let olga = test.member("olga", Role::Owner).await;
    let vera = test.member("vera", Role::Viewer).await;
    assert_eq!(olga.patch("/api/v1/org", json!({"alias": "D"})).await.0, 200);
    assert_eq!(vera.patch("/api/v1/org", json!({"alias": "E"})).await.0, 403);
    let count = async |query: &str| {
        let (status, rows) = olga.get(&format!("/api/v1/audit?{query}")).await;
        assert_eq!(status, 200, "{rows}");
        rows["items"].as_array().unwrap().len()
    };
    assert_eq!(count("operation=org:write").await, 1);
    assert_eq!(count("outcome=refused").await, 1);
    assert_eq!(count("objectKind=member").await, 2);
    assert_eq!(count("from=2100-01-01T00:00:00Z").await, 0);
    assert_eq!(count("actor=root").await, 2, "the super administrator added both");
    let (status, lines) = olga.get("/api/v1/audit/export?outcome=refused").await;
    assert_eq!(
        (status, lines["outcome"].as_str()),
        (200, Some("refused")),
        "one line: {lines}"
    );
    assert_eq!(olga.get("/api/v1/audit?outcome=x").await.0, 422);
});
