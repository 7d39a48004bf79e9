//! One real thing of each kind in the default org, so that reads have something to show.

use super::callers::People;
use anyhow::{Context, Result};
use muster_tests::Api;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What was made.
pub struct Objects {
    /// Ids, by the part of the path before them.
    pub ids: BTreeMap<&'static str, String>,
    /// An application that none of the deployments is of.
    pub other_application: String,
}

/// Makes them.
pub fn make(super_admin: &Api, host: &Value, people: &People) -> Result<Objects> {
    let owner = &people.owner;
    let made = |path: &str, body: Value| id_of(&owner.post(path, &body)?, "id");
    let mut ids = BTreeMap::from([
        ("hosts", id_of(host, "id")?),
        ("clusters", made("/api/v1/clusters", json!({"name": "main"}))?),
        (
            "environments",
            made("/api/v1/environments", json!({"name": "qa", "type": "testing"}))?,
        ),
        ("groups", made("/api/v1/secrets/groups", json!({"name": "shop"}))?),
        (
            "registries",
            made(
                "/api/v1/registries",
                json!({"name": "nowhere", "url": "http://127.0.0.1:9"}),
            )?,
        ),
        (
            "permission-templates",
            made("/api/v1/permission-templates", json!({"name": "mine"}))?,
        ),
        (
            "roles",
            made(
                "/api/v1/roles",
                json!({"code": "mine", "name": "Mine", "operations": ["host:read"]}),
            )?,
        ),
        (
            "servers",
            made(
                "/api/v1/schema/servers",
                json!({
                    "label": "one", "ip": "127.0.0.1", "environment": "prod", "type": "Postgres",
                    "username": "release", "password": "none", "hostId": host["id"], "databases": ["shop"],
                }),
            )?,
        ),
    ]);
    made("/api/v1/departments", json!({"name": "IT"}))?;
    made("/api/v1/invitations", json!({"role": "VIEWER"}))?;
    let secret = json!({"groupId": ids["groups"], "name": "KEY", "value": "v"});
    ids.insert("secrets", made("/api/v1/secrets", secret)?);
    delivery(owner, &host["id"], &mut ids)?;
    releases(people, &mut ids)?;
    alerts(owner, &mut ids)?;
    document(owner, &mut ids)?;
    let provider = json!({
        "name": "vault", "url": "http://127.0.0.1:9", "clientId": "c", "clientSecret": "s", "projectId": "p",
        "environment": "prod",
    });
    ids.insert("providers", made("/api/v1/secrets/providers", provider)?);
    let instances = json!({"instances": [{"provider": "aws", "instanceId": "i-1"}]});
    owner.post("/api/v1/instances/import", &instances)?;
    let instances = owner.list("/api/v1/instances")?;
    let instance = instances.first().context("no instance was imported")?;
    ids.insert("instances", id_of(instance, "id")?);
    let orders = owner.list("/api/v1/orders")?;
    let order = orders.first().context("nothing was ordered")?;
    ids.insert("orders", id_of(order, "id")?);
    let members = owner.list("/api/v1/members")?;
    let member = members.first().context("the org has no member")?;
    ids.insert("members", id_of(member, "userId")?);
    ids.insert("users", id_of(member, "userId")?);
    let platforms = super_admin.list("/api/v1/platforms")?;
    let platform = platforms.first().context("there is no platform")?;
    ids.insert("platforms", id_of(platform, "id")?);
    let other = json!({"name": "other", "image": "team/other"});
    Ok(Objects {
        ids,
        other_application: made("/api/v1/applications", other)?,
    })
}

/// An application with a variable and a deployment, which fails: there is no such registry.
fn delivery(owner: &Api, host: &Value, ids: &mut BTreeMap<&'static str, String>) -> Result<()> {
    let body = json!({
        "name": "shop", "image": "team/shop", "registryId": ids["registries"],
        "environments": {"default": {"hosts": [host]}},
    });
    let application = id_of(&owner.post("/api/v1/applications", &body)?, "id")?;
    let variable = owner.post(
        "/api/v1/env-vars",
        &json!({"applicationId": application, "name": "A", "value": "1"}),
    )?;
    ids.insert("env-vars", id_of(&variable, "id")?);
    let path = format!("/api/v1/applications/{application}/deployments");
    let deployment = owner.post(&path, &json!({"version": "1"}))?;
    ids.insert("deployments", id_of(&deployment, "deploymentId")?);
    ids.insert("applications", application);
    Ok(())
}

/// A receiver of alerts and a rule that tells it.
fn alerts(owner: &Api, ids: &mut BTreeMap<&'static str, String>) -> Result<()> {
    let receiver = json!({"name": "ops", "kind": "mail", "addresses": ["ops@example.org"]});
    let receiver = id_of(&owner.post("/api/v1/alerts/receivers", &receiver)?, "id")?;
    let rule = json!({"name": "down", "check": {"kind": "hostDown"}, "receivers": [receiver]});
    let rule = owner.post("/api/v1/alerts/rules", &rule)?;
    ids.insert("rules", id_of(&rule, "id")?);
    ids.insert("receivers", receiver);
    Ok(())
}

/// A document of change.
fn document(owner: &Api, ids: &mut BTreeMap<&'static str, String>) -> Result<()> {
    let project = json!({
        "apiVersion": "v1alpha1", "kind": "Project", "metadata": {"name": "shop"}, "spec": {"description": "Orders"},
    });
    // Each text of JSON is one of YAML.
    let applied = owner.post("/api/v1/schema/apply", &project)?;
    ids.insert("documents", id_of(&applied["applied"][0], "id")?);
    Ok(())
}

/// A ticket, and a release that was ordered.
fn releases(people: &People, ids: &mut BTreeMap<&'static str, String>) -> Result<()> {
    let body = json!({
        "version": "1", "database": "shop", "environment": "prod", "servers": ["one"],
        "sql": "create table a (id int);",
    });
    let proposed = people.admin.post("/api/v1/schema/proposals", &body)?;
    let ticket = id_of(&proposed, "ticketId")?;
    let path = format!("/api/v1/schema/tickets/{ticket}/approve");
    let approved = people.owner.post(&path, &json!({}))?;
    let release = id_of(&approved, "releaseId")?;
    let path = format!("/api/v1/schema/releases/{release}/execute");
    let executing = people.owner.post(&path, &json!({"server": "one"}))?;
    ids.insert("executions", id_of(&executing, "executionId")?);
    ids.insert("releases", release);
    ids.insert("tickets", ticket);
    Ok(())
}

/// An id in an answer.
fn id_of(answer: &Value, field: &str) -> Result<String> {
    let id = answer[field].as_str();
    Ok(id.with_context(|| format!("no {field} in {answer}"))?.to_owned())
}
