//! The log through its API, and what a changed or removed row does to it.

mod archive;

use axum::http::Method;
use serde_json::{Value, json};

use crate::{access::Role, delivery::tests::new_host, in_tx, testing::both_databases, with_tx};

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
    assert_eq!(count("operation=org:write").await, 2, "one was refused");
    assert_eq!(count("operation=org:write&outcome=refused").await, 1);
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

both_databases!(a_refusal_says_what_was_asked_for_and_on_what, |test| {
    let olga = test.member("olga", Role::Owner).await;
    let mona = test.member("mona", Role::Admin).await;
    let host = new_host(test, "one").await;
    let (_, members) = olga.get("/api/v1/members").await;
    let of = |name: &str| {
        let mut items = members["items"].as_array().unwrap().iter();
        let found = items.find(|member| member["username"] == name);
        found.unwrap()["userId"].as_str().unwrap().to_owned()
    };
    let (olgas, monas) = (of("olga"), of("mona"));
    let give = async |body: Value| {
        let path = format!("/api/v1/members/{monas}/permissions");
        let (status, given) = olga.call(Method::PUT, &path, Some(body)).await;
        assert_eq!(status, 200, "{given}");
    };
    let body = json!({"name": "no host", "operations": [], "objects": {"hosts": []}});
    let (status, no_host) = olga.post("/api/v1/permission-templates", body).await;
    assert_eq!(status, 201, "{no_host}");
    let refused = async |query: &str| {
        let path = format!("/api/v1/audit?outcome=refused&{query}");
        let (status, rows) = olga.get(&path).await;
        assert_eq!(status, 200, "{rows}");
        rows["items"].as_array().unwrap().clone()
    };
    let nothing = "0199c0de-0000-7000-8000-000000000000";

    give(json!({"templateId": no_host["id"]})).await;
    let path = format!("/api/v1/hosts/{host}");
    assert_eq!(mona.patch(&path, json!({"labels": {}})).await.0, 404);
    let rows = refused(&format!("operation=host:write&objectKind=host&objectId={host}")).await;
    assert_eq!(rows.len(), 1, "out of reach is refused, too: {rows:?}");
    assert_eq!(rows[0]["actorName"], "mona");
    assert_eq!(rows[0]["detail"], "PATCH /api/v1/hosts/{id}");

    // What nobody has is refused to nobody.
    give(json!({})).await;
    let path = format!("/api/v1/hosts/{nothing}");
    assert_eq!(mona.patch(&path, json!({"labels": {}})).await.0, 404);
    assert_eq!(refused(&format!("objectId={nothing}")).await.len(), 0);

    let vera = test.member("vera", Role::Viewer).await;
    let path = format!("/api/v1/members/{olgas}");
    assert_eq!(vera.patch(&path, json!({"role": "VIEWER"})).await.0, 403);
    let rows = refused("operation=member:write&objectKind=member").await;
    assert_eq!(
        (rows.len(), rows[0]["objectId"].as_str()),
        (1, Some(olgas.as_str()))
    );
    assert_eq!(vera.patch("/api/v1/org", json!({"alias": "x"})).await.0, 403);
    let org = test.default_org().await.to_string();
    assert_eq!(refused(&format!("objectKind=org&objectId={org}")).await.len(), 1);

    // The permission is there, and something else is in the way.
    assert_eq!(mona.delete(&path).await.0, 403, "an admin removes no owner");
    let rows = refused("operation=member:write").await;
    assert_eq!(rows[0]["actorName"], "mona");
});
