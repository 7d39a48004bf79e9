//! A project with its Git hook, a database server, tickets, and a release that was ordered and rolled out.

use super::{Makers, Things, id_of, made};
use anyhow::{Context as _, Result};
use serde_json::{Value, json};

/// Where releases go; they have an environment of their own, so that its policies are nobody else's.
const ENVIRONMENT: &str = "prod";

pub(super) fn make(makers: &Makers<'_>, name: &str, things: &mut Things) -> Result<()> {
    let owner = makers.owner;
    let server = json!({
        "label": name, "ip": "127.0.0.1", "environment": ENVIRONMENT, "type": "Postgres", "username": "release",
        "password": "none", "hostId": makers.host, "databases": ["shop"],
    });
    things.set("servers", &made(owner, "/api/v1/schema/servers", &server)?);
    let project = json!({
        "apiVersion": "v1alpha1", "kind": "Project", "metadata": {"name": name}, "spec": {"description": "Orders"},
    });
    let document = applied(makers, &project)?;
    // A second revision.
    let mut changed = project;
    changed["spec"]["description"] = json!("Orders and what comes of them");
    applied(makers, &changed)?;
    let hook = json!({"provider": "github", "repository": format!("acme/{name}")});
    let hook = made(owner, &format!("/api/v1/schema/projects/{document}/hooks"), &hook)?;
    things.set("projects/hooks", &hook);
    things.set("webhook/release", &hook);
    things.set("projects", &document);
    things.set("documents", &document);
    things.set("policies", ENVIRONMENT);
    things.set("forms", "Project");
    things.set("tickets", &ticket(makers, name, &format!("{name}-asked"))?);
    let release = release(makers, name, &format!("{name}-executed"))?;
    let executing = owner.post(
        &format!("/api/v1/schema/releases/{release}/execute"),
        &json!({"server": name}),
    )?;
    things.set("executions", &id_of(&executing, "executionId")?);
    things.set("rollouts", &rollout(makers, &release)?);
    things.set("releases", &release);
    Ok(())
}

/// A document that was applied; its id.
fn applied(makers: &Makers<'_>, document: &Value) -> Result<String> {
    // Each text of JSON is one of YAML.
    let applied = makers.owner.post("/api/v1/schema/apply", document)?;
    id_of(&applied["applied"][0], "id")
}

/// A ticket that waits for the owner's yes.
fn ticket(makers: &Makers<'_>, label: &str, version: &str) -> Result<String> {
    let body = json!({
        "version": version, "database": "shop", "environment": ENVIRONMENT, "servers": [label],
        "sql": "create table a (id int);",
    });
    let proposed = makers.helper.post("/api/v1/schema/proposals", &body)?;
    id_of(&proposed, "ticketId")
}

/// A release that nobody executed.
fn release(makers: &Makers<'_>, label: &str, version: &str) -> Result<String> {
    let ticket = ticket(makers, label, version)?;
    let path = format!("/api/v1/schema/tickets/{ticket}/approve");
    let approved = makers.owner.post(&path, &json!({}))?;
    id_of(&approved, "releaseId").context("the owner's yes was not enough")
}

/// Waves over the release's servers.
fn rollout(makers: &Makers<'_>, release: &str) -> Result<String> {
    let path = format!("/api/v1/schema/releases/{release}/rollouts");
    id_of(&makers.owner.post(&path, &json!({}))?, "rolloutId")
}
