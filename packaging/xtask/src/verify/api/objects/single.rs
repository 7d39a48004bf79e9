//! Things that are one operation's own: it ends them, or they have to stand just so for it.

use super::{PATIENCE, id_of};
use anyhow::{Context as _, Result};
use muster_tests::Api;
use muster_tests::job::things::{BYTES, HASH};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) struct Ground<'a> {
    /// Who is asked in the end.
    pub(super) owner: &'a Api,
    /// Who proposes and deploys, so that the owner may say yes.
    pub(super) helper: &'a Api,
    pub(super) host: &'a str,
    /// A host that is never there: what is ordered of it waits.
    pub(super) away: &'a str,
}

/// Windows that are open for a minute of the week.
fn closed() -> Value {
    let minute = json!({"days": ["monday"], "from": "00:00", "to": "00:01"});
    json!({"zone": "UTC", "weekly": [minute], "outside": "wait"})
}

/// Ids by operation.
pub(super) fn make(ground: &Ground<'_>) -> Result<BTreeMap<&'static str, Vec<String>>> {
    let mut own: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    let mut set = |operation, id: String| {
        own.insert(operation, vec![id]);
    };
    deletable(ground, &mut set)?;
    deployments(ground, &mut set)?;
    tickets(ground, &mut set)?;
    executions(ground, &mut set)?;
    let sent = ground.owner.upload("sent.txt", BYTES, HASH)?;
    let send = json!({"fileIds": [sent], "hosts": [ground.away], "destination": "/srv/away/"});
    let send = ground.owner.post("/api/v1/files/sends", &send)?;
    set("POST /api/v1/files/sends/{id}/cancel", id_of(&send, "id")?);
    set("DELETE /api/v1/schema/documents/{id}", design(ground.owner)?);
    let upload = ground.owner.upload_pieces("whole.txt", BYTES, HASH)?;
    set("POST /api/v1/files/uploads/{id}/complete", upload);
    Ok(own)
}

/// A database with a table, and a document that nothing refers to: its id.
fn design(owner: &Api) -> Result<String> {
    let document = |kind: &str, name: &str, spec: Value| json!({"apiVersion": "v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec});
    let basic = json!({"basic": {"name": "shop", "comment": "Orders", "type": "Postgres"}});
    let column = json!({"name": "id", "dataType": "bigint", "primaryKey": true});
    let table = json!({"database": "shop", "columns": [column]});
    for document in [
        document("DatabaseSnapshot", "shop", basic),
        document("TableSnapshot", "orders", table),
    ] {
        owner.post("/api/v1/schema/apply", &document)?;
    }
    let unused = document("Project", "unused", json!({"description": "Nothing"}));
    let applied = owner.post("/api/v1/schema/apply", &unused)?;
    id_of(&applied["applied"][0], "id")
}

/// Things that go only when nothing uses them.
fn deletable(ground: &Ground<'_>, set: &mut impl FnMut(&'static str, String)) -> Result<()> {
    for (operation, path, body) in [
        (
            "DELETE /api/v1/registries/{id}",
            "/api/v1/registries",
            json!({"name": "unused", "url": "http://127.0.0.1:9"}),
        ),
        (
            "DELETE /api/v1/secrets/groups/{id}",
            "/api/v1/secrets/groups",
            json!({"name": "unused"}),
        ),
        (
            "DELETE /api/v1/alerts/receivers/{id}",
            "/api/v1/alerts/receivers",
            json!({"name": "unused", "kind": "mail", "addresses": ["ops@example.org"]}),
        ),
        (
            "DELETE /api/v1/applications/{id}",
            "/api/v1/applications",
            json!({"name": "unused", "image": "team/unused"}),
        ),
        (
            "DELETE /api/v1/environments/{id}",
            "/api/v1/environments",
            json!({"name": "unused", "type": "testing"}),
        ),
        (
            "DELETE /api/v1/schema/servers/{id}",
            "/api/v1/schema/servers",
            server("unused", "prod", ground.host),
        ),
    ] {
        set(operation, id_of(&ground.owner.post(path, &body)?, "id")?);
    }
    Ok(())
}

fn server(label: &str, environment: &str, host: &str) -> Value {
    json!({
        "label": label, "ip": "127.0.0.1", "environment": environment, "type": "Postgres", "username": "release",
        "password": "none", "hostId": host, "databases": ["shop"],
    })
}

/// Deployments that wait: for a host, for a window, for somebody's yes.
fn deployments(ground: &Ground<'_>, set: &mut impl FnMut(&'static str, String)) -> Result<()> {
    for (operation, name, environment) in [
        (
            "POST /api/v1/deployments/{id}/cancel",
            "to-cancel",
            json!({"hosts": [ground.away]}),
        ),
        (
            "POST /api/v1/deployments/{id}/pause",
            "to-pause",
            json!({"hosts": [ground.away]}),
        ),
        (
            "POST /api/v1/deployments/{id}/resume",
            "to-resume",
            json!({"hosts": [ground.away]}),
        ),
        (
            "POST /api/v1/deployments/{id}/start",
            "to-start",
            json!({"hosts": [ground.host], "windows": closed()}),
        ),
        (
            "POST /api/v1/deployments/{id}/approve",
            "to-approve",
            json!({"hosts": [ground.host], "approvalRequired": true}),
        ),
        (
            "POST /api/v1/deployments/{id}/reject",
            "to-reject",
            json!({"hosts": [ground.host], "approvalRequired": true}),
        ),
    ] {
        let body = json!({"name": name, "image": "team/shop", "environments": {"default": environment}});
        let application = id_of(&ground.owner.post("/api/v1/applications", &body)?, "id")?;
        let path = format!("/api/v1/applications/{application}/deployments");
        let deployment = ground.helper.post(&path, &json!({"version": "1"}))?;
        let deployment = id_of(&deployment, "deploymentId")?;
        if matches!(name, "to-pause" | "to-resume") {
            let path = format!("/api/v1/deployments/{deployment}");
            ground
                .owner
                .await_field(&path, "status", &["running"], &["failure"], PATIENCE)?;
        }
        if name == "to-resume" {
            let path = format!("/api/v1/deployments/{deployment}/pause");
            ground.owner.call("POST", &path, None)?;
        }
        set(operation, deployment);
    }
    Ok(())
}

/// A ticket of the server that is changed.
fn propose(ground: &Ground<'_>, (label, environment): (&str, &str), version: &str) -> Result<String> {
    let body = json!({
        "version": version, "database": "shop", "environment": environment, "servers": [label],
        "sql": "create table a (id int);",
    });
    id_of(
        &ground.helper.post("/api/v1/schema/proposals", &body)?,
        "ticketId",
    )
}

fn tickets(ground: &Ground<'_>, set: &mut impl FnMut(&'static str, String)) -> Result<()> {
    for (operation, version) in [
        ("POST /api/v1/schema/tickets/{id}/approve", "to-approve"),
        ("POST /api/v1/schema/tickets/{id}/reject", "to-reject"),
        ("POST /api/v1/schema/tickets/{id}/withdraw", "to-withdraw"),
        ("POST /api/v1/schema/tickets/{id}/comment", "to-comment"),
        ("POST /api/v1/schema/tickets/{id}/resubmit", "to-resubmit"),
    ] {
        let ticket = propose(ground, ("changed", "prod"), version)?;
        if version == "to-resubmit" {
            let path = format!("/api/v1/schema/tickets/{ticket}/reject");
            ground.owner.post(&path, &json!({"comment": "not like this"}))?;
        }
        set(operation, ticket);
    }
    // One whose server is not busy with another execution.
    ground
        .owner
        .post("/api/v1/schema/servers", &server("idle", "prod", ground.host))?;
    let release = release(ground, ("idle", "prod"), "to-execute")?;
    set("POST /api/v1/schema/releases/{id}/execute", release);
    Ok(())
}

fn release(ground: &Ground<'_>, place: (&str, &str), version: &str) -> Result<String> {
    let ticket = propose(ground, place, version)?;
    let path = format!("/api/v1/schema/tickets/{ticket}/approve");
    let approved = ground.owner.post(&path, &json!({}))?;
    id_of(&approved, "releaseId").context("the owner's yes was not enough")
}

/// Executions and rollouts that wait: for a window, or for a host that is away.
fn executions(ground: &Ground<'_>, set: &mut impl FnMut(&'static str, String)) -> Result<()> {
    let owner = ground.owner;
    let environment = json!({"name": "closed", "type": "testing"});
    owner.post("/api/v1/environments", &environment)?;
    let windows = json!({"windows": closed()});
    let path = "/api/v1/schema/policies/closed";
    let put = owner.call("PUT", path, Some(&windows))?;
    anyhow::ensure!(put.status == 200, "PUT {path} answered {}", put.text);
    for (label, environment, host) in [
        ("closed", "closed", ground.host),
        ("away", "prod", ground.away),
        ("away-too", "prod", ground.away),
    ] {
        owner.post("/api/v1/schema/servers", &server(label, environment, host))?;
    }
    let execute = |label: &str, environment: &str, version: &str| -> Result<String> {
        let release = release(ground, (label, environment), version)?;
        let path = format!("/api/v1/schema/releases/{release}/execute");
        id_of(&owner.post(&path, &json!({"server": label}))?, "executionId")
    };
    set(
        "POST /api/v1/schema/executions/{id}/start",
        execute("closed", "closed", "to-start")?,
    );
    set(
        "POST /api/v1/schema/executions/{id}/cancel",
        execute("closed", "closed", "to-cancel")?,
    );
    let rolled = release(ground, ("away", "prod"), "to-cancel-wave")?;
    let path = format!("/api/v1/schema/releases/{rolled}/rollouts");
    let rollout = id_of(&owner.post(&path, &json!({}))?, "rolloutId")?;
    set("POST /api/v1/schema/rollouts/{id}/cancel", rollout);
    let unrolled = release(ground, ("away-too", "prod"), "to-roll")?;
    set("POST /api/v1/schema/releases/{id}/rollouts", unrolled);
    Ok(())
}
