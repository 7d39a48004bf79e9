//! Looking at what is really in a database. What real servers answer is looked at in `tests/tests/designs.rs`.

use std::time::Duration;

use muster_agent::link::IncomingTail;
use muster_identity::{
    keys::PinnedKeys,
    look::{Look, is_signed},
};
use muster_protocol::latest::{DbDialect, SchemaLook, SchemaRows, TailFrame, TailRequest};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{PLANTED, host, new_server, server};
use crate::{
    access::Role,
    link::{
        self,
        tests::host::{Host, Running},
    },
    testing::{Client, Test, both_databases},
};

const PATIENCE: Duration = Duration::from_secs(20);

/// A host with its agent, and a server that it reaches.
pub(super) async fn connected(test: &Test, admin: &Client<'_>) -> (Host, Running, String) {
    link::start(&test.app, ([127, 0, 0, 1], 0).into()).await.unwrap();
    let (status, grant) = admin.post("/api/v1/join-tokens", json!({})).await;
    assert_eq!(status, 201, "{grant}");
    let host = Host::join(&grant, &test.app.clock).await;
    let running = host.run();
    host.until_online(&test.app).await;
    let (status, made) = admin
        .post("/api/v1/schema/servers", new_server("main", "Postgres", host.id))
        .await;
    assert_eq!(status, 201, "{made}");
    let path = format!("/api/v1/schema/servers/{}", made["id"].as_str().unwrap());
    (host, running, path)
}

async fn wish(test: &Test, tail: &IncomingTail) -> SchemaLook {
    let TailRequest::Schema(signed) = &tail.request else {
        panic!("no catalogue was asked for");
    };
    let keys = test.app.fleet_keys().await.unwrap();
    let pinned = PinnedKeys::from_join([keys.signer.public_key()]);
    let counts = |look| is_signed(look, &pinned, signed.key_id, &signed.body, &signed.signature);
    assert!(counts(Look::Schema) && !counts(Look::Log));
    let open = PLANTED.as_bytes();
    assert!(!signed.body.windows(open.len()).any(|part| part == open));
    muster_protocol::decode(&signed.body).unwrap()
}

/// What the agent tells of a database without anything in it.
fn empty() -> Vec<TailFrame> {
    let names = muster_schema::catalogue::queries(muster_schema::Dialect::Postgres)
        .iter()
        .map(|query| query.name);
    let told = names.map(|query| {
        TailFrame::Schema(SchemaRows {
            query: query.to_owned(),
            rows: Vec::new(),
        })
    });
    told.chain([TailFrame::SchemaEnd("PostgreSQL 17.2".to_owned())])
        .collect()
}

both_databases!(
    a_database_is_read_by_its_agent_and_what_was_seen_is_kept,
    |test| {
        let admin = test.admin().await;
        let (host, mut running, path) = connected(test, &admin).await;
        let mut tails = running.take_tails();
        let drift = format!("{path}/drift");
        let asked = json!({"database": "stock"});
        let (answer, ()) = tokio::join!(admin.post(&drift, asked), async {
            let tail = timeout(PATIENCE, tails.recv()).await.unwrap().unwrap();
            let wish = wish(test, &tail).await;
            assert_eq!((wish.host, wish.org), (host.id, test.default_org().await));
            assert_eq!(wish.target.dialect, DbDialect::Postgres);
            assert_eq!((wish.target.database.as_str(), wish.target.port), ("stock", 5432));
            assert!(!wish.sealed.is_empty() && wish.expires > test.app.clock.now());
            for frame in empty() {
                tail.frames.send(frame).await.unwrap();
            }
        });
        let (status, seen) = answer;
        assert_eq!(status, 200, "{seen}");
        // Nothing was released there, so nothing is known of what should be there.
        assert_eq!(seen["look"]["state"], "unclear", "{seen}");
        assert_eq!(seen["look"]["serverVersion"], "PostgreSQL 17.2");
        assert_eq!(
            (&seen["version"], &seen["expectedSince"]),
            (&Value::Null, &Value::Null)
        );
        assert_eq!(
            admin.get(&format!("{drift}?database=stock")).await,
            (200, seen.clone())
        );
        let (_, other) = admin.get(&drift).await;
        assert_eq!(
            (&other["database"], &other["look"]),
            (&json!("shop"), &Value::Null)
        );
        let (_, page) = admin.get("/api/v1/schema/drift?limit=1").await;
        let next = page["nextCursor"].as_str().unwrap();
        let (_, rest) = admin
            .get(&format!("/api/v1/schema/drift?limit=1&cursor={next}"))
            .await;
        assert_eq!(page["items"][0]["database"], "shop");
        assert_eq!(rest["items"][0]["database"], "stock");
        running.stop().await;
    }
);

both_databases!(what_a_host_refuses_is_told_and_keeps_what_was_seen, |test| {
    let admin = test.admin().await;
    let (_host, mut running, path) = connected(test, &admin).await;
    let mut tails = running.take_tails();
    let drift = format!("{path}/drift");
    let (answer, ()) = tokio::join!(admin.post(&drift, json!({})), async {
        let tail = timeout(PATIENCE, tails.recv()).await.unwrap().unwrap();
        let why = "databases: the database `shop` is not listed\u{1b}[2J".to_owned();
        tail.frames.send(TailFrame::Refused(why)).await.unwrap();
    });
    assert_eq!(answer.0, 502, "{}", answer.1);
    let detail = answer.1["detail"].as_str().unwrap();
    assert!(
        detail.contains("`shop` is not listed") && !detail.contains('\u{1b}'),
        "{detail}"
    );
    // An answer that lacks a question is no empty database.
    let (answer, ()) = tokio::join!(admin.post(&drift, json!({})), async {
        let tail = timeout(PATIENCE, tails.recv()).await.unwrap().unwrap();
        let frames = empty();
        for frame in frames.into_iter().skip(3) {
            tail.frames.send(frame).await.unwrap();
        }
    });
    assert_eq!(answer.0, 502, "{}", answer.1);
    assert_eq!(admin.get(&drift).await.1["look"], Value::Null);
    running.stop().await;
    let (status, gone) = admin.post(&drift, json!({})).await;
    // Whether it has been noticed by now that the host went, or is noticed over this.
    assert!([409, 502].contains(&status), "{gone}");
});

both_databases!(what_is_compared_is_in_the_caller_s_reach, |test| {
    let admin = test.admin().await;
    let made = server(test, "main", "Postgres").await;
    let path = format!("/api/v1/schema/servers/{}", made["id"].as_str().unwrap());
    let (status, wrong) = admin
        .post(&format!("{path}/drift"), json!({"database": "payroll"}))
        .await;
    assert_eq!(
        (status, &wrong["errors"][0]["field"]),
        (422, &json!("database")),
        "{wrong}"
    );
    let viewer = test.member("vera", Role::Viewer).await;
    assert_eq!(viewer.get(&format!("{path}/drift")).await.0, 200);
    assert_eq!(viewer.post(&format!("{path}/drift"), json!({})).await.0, 403);
    let member = test.member("mia", Role::Member).await;
    let design = json!({"database": "shop"});
    assert_eq!(
        member.post(&format!("{path}/take-over"), design.clone()).await.0,
        403
    );
    let (status, no_design) = member.post(&format!("{path}/sync"), design).await;
    assert_eq!(
        (status, &no_design["errors"][0]["field"]),
        (422, &json!("database"))
    );

    let other = host(test).await;
    let body = new_server("second", "Postgres", other);
    let (_, second) = admin.post("/api/v1/schema/servers", body).await;
    let narrowed = json!({"name": "one", "operations": ["design:read", "server:read"],
        "objects": {"servers": [second["id"]]}});
    let (status, template) = admin.post("/api/v1/permission-templates", narrowed).await;
    assert_eq!(status, 201, "{template}");
    let (_, members) = admin.get("/api/v1/members").await;
    let vera = members["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["username"] == "vera")
        .unwrap();
    let grant = json!({"templateId": template["id"]});
    let permissions = format!("/api/v1/members/{}/permissions", vera["userId"].as_str().unwrap());
    let (status, granted) = admin
        .call(axum::http::Method::PUT, &permissions, Some(grant))
        .await;
    assert_eq!(status, 200, "{granted}");
    assert_eq!(viewer.get(&format!("{path}/drift")).await.0, 404);
    let (_, seen) = viewer.get("/api/v1/schema/drift").await;
    let labels = seen["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["label"].clone());
    assert_eq!(labels.collect::<Vec<_>>(), [json!("second"), json!("second")]);
});
