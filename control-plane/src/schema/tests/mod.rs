//! This room through HTTP, on both databases. What a host answers is told to the room as `work` tells it.

pub(crate) mod asides;
mod asides_followed;
mod base_check;
mod bench;
mod designing;
mod documents;
mod documents_out;
mod documents_references;
mod drift;
mod drift_told;
mod executions;
mod flow_races;
mod flows;
mod git_hooks;
mod git_refusals;
mod policies;
mod policies_documents;
mod proofs;
mod publish;
mod published;
mod rollouts;
mod rollouts_windows;
mod rows_held;
mod servers;
mod signatures;
mod tickets;
mod told;
mod vouching;
mod windows;
mod windows_waits;

use muster_base::HostId;
use muster_identity::{certificate::PrivateKey, seal::SealKey};
use muster_protocol::{
    VERSIONS,
    latest::{HostFacts, JoinReply, JoinRequest},
};
use serde_json::{Value, json};

use crate::{
    db::DbError,
    fleet, in_tx,
    testing::{Client, Test},
    with_tx,
};

/// A password that must be seen nowhere.
const PLANTED: &str = "hunter2-planted-password";

/// Enrols a host in the default org.
pub(crate) async fn host(test: &Test) -> HostId {
    let (status, issued) = test.admin().await.post("/api/v1/join-tokens", json!({})).await;
    assert_eq!(status, 201, "{issued}");
    let request = JoinRequest {
        token: issued["token"].as_str().unwrap().to_owned(),
        csr_der: PrivateKey::generate().unwrap().request_der().unwrap(),
        seal_public_key: SealKey::generate().unwrap().public_key().to_vec(),
        versions: VERSIONS,
        facts: HostFacts::default(),
    };
    let keys = test.app.fleet_keys().await.unwrap();
    match fleet::enrol(&test.app, &keys, request, [127, 0, 0, 1].into()).await {
        JoinReply::Joined(joined) => joined.host,
        JoinReply::Refused(refusal) => panic!("{refusal:?}"),
    }
}

/// What makes a server.
pub(crate) fn new_server(label: &str, kind: &str, host: HostId) -> Value {
    json!({
        "label": label, "ip": "10.0.0.9", "environment": "prod", "type": kind, "username": "release",
        "password": PLANTED, "hostId": host, "databases": ["shop", "stock"],
    })
}

/// Adds a server to `prod`.
async fn server(test: &Test, label: &str, kind: &str) -> Value {
    let host = host(test).await;
    let (status, server) = test
        .admin()
        .await
        .post("/api/v1/schema/servers", new_server(label, kind, host))
        .await;
    assert_eq!(status, 201, "{server}");
    server
}

/// Proposes SQL for the servers with these labels.
pub(crate) async fn propose(client: &Client<'_>, version: &str, servers: &[&str], sql: &str) -> (u16, Value) {
    let body = json!({
        "version": version, "database": "shop", "environment": "prod", "servers": servers, "sql": sql,
    });
    client.post("/api/v1/schema/proposals", body).await
}

/// Proposes and approves; the release's id.
pub(crate) async fn release(
    author: &Client<'_>,
    approver: &Client<'_>,
    version: &str,
    servers: &[&str],
    sql: &str,
) -> String {
    let (status, proposed) = propose(author, version, servers, sql).await;
    assert_eq!(status, 201, "{proposed}");
    let path = format!(
        "/api/v1/schema/tickets/{}/approve",
        proposed["ticketId"].as_str().unwrap()
    );
    let (status, ticket) = approver.post(&path, json!({"comment": "fine"})).await;
    assert_eq!(status, 200, "{ticket}");
    ticket["releaseId"].as_str().unwrap().to_owned()
}

/// They have an address, which is verified, and want mail there.
async fn wants_mail(test: &Test, client: &Client<'_>, name: &str) {
    let verify = async || -> Result<(), DbError> {
        const SQL: &str = "update users set email = $1, email_verified_at = 1 where username = $2";
        in_tx!(test.app.db, |tx| with_tx!(tx, |conn| {
            sqlx::query(SQL)
                .bind(format!("{name}@example.com"))
                .bind(name)
                .execute(conn)
                .await?;
        }));
        Ok(())
    };
    verify().await.unwrap();
    let wish = json!({"mailMessages": true, "mailLanguage": "en"});
    let (status, profile) = client.patch("/api/v1/me/profile", wish).await;
    assert_eq!(status, 200, "{profile}");
}

/// Messages of a 422 with their fields.
fn errors(problem: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| (text(&error["field"]), text(&error["message"])))
        .collect()
}
