//! Real things in the default org, so that calls with ids reach something, and right calls, so that each operation can
//! succeed.
//!
//! There are three of each thing: one that is only read, one that is changed, and one that is deleted; so that no call made
//! up at random takes away what the next one looks at. What an operation brings to an end (a ticket, a deployment) is its
//! own.

mod bodies;
mod single;

use super::callers::People;
use anyhow::{Context, Result};
use muster_tests::job::things::{self, Makers, Things};
use muster_tests::wait::{self, Found};
use muster_tests::{Agent, Api, agent, registry};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_mins(2);

/// What was made.
pub struct Objects {
    kept: Things,
    changed: Things,
    doomed: Things,
    /// The ids of a single operation (`POST /a/{id}/b`), in the order of its placeholders.
    own: BTreeMap<&'static str, Vec<String>>,
    /// A right body for an operation.
    pub bodies: BTreeMap<&'static str, Value>,
    /// An application that none of the deployments is of.
    pub other_application: String,
}

/// Who and what is there already.
pub struct Ground<'a> {
    pub super_admin: &'a Api,
    pub people: &'a People,
    /// The host that is online.
    pub host: &'a Value,
    /// Where other hosts may join.
    pub dir: &'a Path,
}

impl Objects {
    /// The placeholders of an operation's path, with ids of real things as far as there are any.
    pub fn parameters(&self, method: &str, path: &str) -> Vec<(String, String)> {
        let things = match method {
            "GET" => &self.kept,
            "DELETE" => &self.doomed,
            _ => &self.changed,
        };
        let own = self.own.get(format!("{method} {path}").as_str());
        let placeholders = things.placeholders(path).into_iter().enumerate();
        let found = placeholders.filter_map(|(place, (name, id))| {
            let own = own.and_then(|ids| ids.get(place)).map(String::as_str);
            Some((name.to_owned(), own.or(id)?.to_owned()))
        });
        found.collect()
    }
}

/// Makes them.
pub fn make(ground: &Ground<'_>) -> Result<Objects> {
    let owner = &ground.people.owner;
    let host = id_of(ground.host, "id")?;
    let [away, leaving] = ["away", "leaving"].map(|name| absent_host(ground, name));
    let platform_path = format!("/api/v1/platforms/{}", ground.people.platform);
    ground
        .super_admin
        .patch(&platform_path, &json!({"orgsByUsers": true}))?;
    let registry = registry::start()?;
    let makers = |host| Makers {
        owner,
        helper: &ground.people.admin,
        host,
        registry: &registry,
    };
    let mut kept = things::make(&makers(&host), "kept")?;
    let mut changed = things::make(&makers(&host), "changed")?;
    let mut doomed = things::make(&makers(&host), "doomed")?;
    doomed.set("hosts", &leaving?);
    changed.set("policies", "changed");
    for (things, name) in [
        (&mut kept, "kept"),
        (&mut changed, "changed"),
        (&mut doomed, "doomed"),
    ] {
        people(ground, name, things)?;
        platform(ground, name, things)?;
    }
    let alerts = alerts(owner)?;
    kept.set("alerts", &alerts[0]);
    changed.set("alerts", &alerts[1]);
    doomed.set("alerts", &alerts[1]);
    let messages = owner.list("/api/v1/messages")?;
    let message = messages.first().context("the owner has no message")?;
    changed.set("messages", &id_of(message, "id")?);
    let single = single::Ground {
        owner,
        helper: &ground.people.admin,
        host: &host,
        away: &away?,
    };
    let mut own = single::make(&single)?;
    let account = "DELETE /api/v1/hosts/{id}/accounts/{accountId}";
    own.insert(
        account,
        vec![host.clone(), doomed.get("hosts/accounts")?.to_owned()],
    );
    let mut turned_away = Things::default();
    people(ground, "turned-away", &mut turned_away)?;
    let applicant = turned_away.get("join-requests")?.to_owned();
    own.insert("POST /api/v1/join-requests/{userId}/reject", vec![applicant]);
    let other = json!({"name": "other", "image": "team/other"});
    let other_application = id_of(&owner.post("/api/v1/applications", &other)?, "id")?;
    let bodies = bodies::all(ground, &changed, &host)?;
    Ok(Objects {
        kept,
        changed,
        doomed,
        own,
        bodies,
        other_application,
    })
}

/// A host that has joined and was never seen since.
fn absent_host(ground: &Ground<'_>, name: &str) -> Result<String> {
    let agent = Agent::prepare(&ground.dir.join(name), agent::Options::default())?;
    let token = json!({"uses": 1, "expiresInS": 600});
    agent.enrol(&ground.super_admin.post("/api/v1/join-tokens", &token)?)?;
    let hosts = ground.super_admin.list("/api/v1/hosts")?;
    let newest = hosts.iter().filter_map(|host| host["id"].as_str()).max();
    Ok(newest.context("nobody joined")?.to_owned())
}

/// A member, an administrator, somebody who asks to come in.
fn people(ground: &Ground<'_>, name: &str, things: &mut Things) -> Result<()> {
    let admin = ground.super_admin;
    let user = ground.people.add_user(admin, &format!("{name}-member"))?;
    let member = json!({"username": format!("{name}-member"), "role": "VIEWER"});
    admin.post("/api/v1/members", &member)?;
    let operator = ground.people.add_user(admin, &format!("{name}-operator"))?;
    let platform = ground.people.platform.clone();
    let body = json!({"userId": operator.id, "platformId": platform, "kind": "operator"});
    admin.post("/api/v1/administrators", &body)?;
    let entry = ground
        .people
        .owner
        .call("PUT", "/api/v1/org/entry", Some(&json!({"fields": []})))?
        .json()?;
    let applicant = ground.people.add_user(admin, &format!("{name}-applicant"))?;
    applicant
        .api
        .post("/api/v1/join-requests", &json!({"code": entry["code"]}))?;
    things.set("members", &user.id);
    things.set("users", &user.id);
    things.set("administrators", &operator.id);
    things.set("administrators/platforms", &platform);
    things.set("join-requests", &applicant.id);
    Ok(())
}

/// A platform with an operation and a role of its own; the one that is read is the one that there is.
fn platform(ground: &Ground<'_>, name: &str, things: &mut Things) -> Result<()> {
    let admin = ground.super_admin;
    let platform = if name == "kept" {
        ground.people.platform.clone()
    } else {
        let body = json!({"code": name, "name": name, "orgsByUsers": true});
        id_of(&admin.post("/api/v1/platforms", &body)?, "id")?
    };
    let path = format!("/api/v1/platforms/{platform}");
    let made = |what: &str, body: Value| id_of(&admin.post(&format!("{path}/{what}"), &body)?, "id");
    let module = made("modules", json!({"name": name}))?;
    let code = format!("{name}:do");
    let operation = made(
        "operations",
        json!({"moduleId": module, "code": code, "name": name}),
    )?;
    let role = made(
        "roles",
        json!({"code": name, "name": name, "operations": ["host:read"]}),
    )?;
    // A module goes when nothing is in it.
    let empty = made("modules", json!({"name": format!("{name}-empty")}))?;
    things.set("platforms", &platform);
    things.set(
        "platforms/modules",
        if name == "doomed" { &empty } else { &module },
    );
    things.set("platforms/operations", &operation);
    things.set("platforms/roles", &role);
    admin.call(
        "PUT",
        &format!("/api/v1/binding-types/{name}"),
        Some(&json!({"name": name})),
    )?;
    things.set("binding-types", name);
    things.set("keys", "signing");
    Ok(())
}

/// Two alerts that fire as soon as there is a reading.
fn alerts(owner: &Api) -> Result<Vec<String>> {
    for name in ["always", "always too"] {
        let rule = json!({
            "name": name, "forS": 0,
            "check": {"kind": "threshold", "series": "cpu.total", "comparison": "atLeast", "threshold": 0},
        });
        owner.post("/api/v1/alerts/rules", &rule)?;
    }
    wait::until("two alerts", PATIENCE, || {
        let alerts = owner.list("/api/v1/alerts")?;
        let ids: Vec<String> = alerts
            .iter()
            .filter(|alert| {
                alert["ruleName"]
                    .as_str()
                    .is_some_and(|name| name.starts_with("always"))
            })
            .filter_map(|alert| alert["id"].as_str().map(str::to_owned))
            .collect();
        Ok(if ids.len() == 2 {
            Found::Yes(ids)
        } else {
            Found::No(format!("there are {alerts:?}"))
        })
    })
}

/// An id in an answer.
fn id_of(answer: &Value, field: &str) -> Result<String> {
    let id = answer[field].as_str();
    Ok(id.with_context(|| format!("no {field} in {answer}"))?.to_owned())
}
