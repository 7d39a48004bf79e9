//! One real thing of each kind in an org, made through the API, and the ids by which paths name them.
//!
//! For whoever calls every route: so that a call with an id reaches something. What a host or a database server has to do
//! first (containers, alerts, columns set aside) is not among them.

mod delivered;
mod designed;

use crate::Api;
use crate::wait::{self, Found};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long the first order may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// The bytes of the file that is uploaded; [`HASH`] is their SHA-256.
pub const BYTES: &[u8] = b"s";
/// See [`BYTES`].
pub const HASH: &str = "043a718774c572bd8a25adbeb1bfcd5c0256ae11cecf9f9c3f925d0e52beaf89";

/// Who makes them.
pub struct Makers<'a> {
    /// Owner of the org.
    pub owner: &'a Api,
    /// Another one who may propose, so that the owner approves nothing of their own.
    pub helper: &'a Api,
    /// A host of the org.
    pub host: &'a str,
    /// The URL of a registry that can be asked what it has.
    pub registry: &'a str,
}

/// What was made.
#[derive(Clone, Debug, Default)]
pub struct Things {
    ids: BTreeMap<String, String>,
}

impl Things {
    /// Says which id belongs behind `place`: the part of the path before it, or with the part that names what it is
    /// within (`projects/hooks`) where two have the same word.
    pub fn set(&mut self, place: &str, id: &str) {
        self.ids.insert(place.to_owned(), id.to_owned());
    }

    /// The id behind a place that was set.
    pub fn get(&self, place: &str) -> Result<&str> {
        let id = self.ids.get(place);
        Ok(id
            .with_context(|| format!("nothing was made for {place}"))?
            .as_str())
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.ids.iter().map(|(place, id)| (place.as_str(), id.as_str()))
    }

    /// The id for the placeholder at the end of this beginning of a path (`/api/v1/projects/{id}/hooks/{hookId}`).
    fn find(&self, path: &str) -> Option<&str> {
        let mut parts = path.rsplit('/').skip(1);
        let last = parts.next()?;
        let before = parts.next().unwrap_or_default();
        let within = parts.next().unwrap_or_default();
        let id = self
            .ids
            .get(&format!("{within}/{last}"))
            .or_else(|| self.ids.get(&format!("{before}/{last}")))
            .or_else(|| self.ids.get(last))?;
        Some(id)
    }

    /// The placeholders of a path with the ids for them; none for those that nothing was made for.
    pub fn placeholders<'p>(&self, path: &'p str) -> Vec<(&'p str, Option<&str>)> {
        let mut found = Vec::new();
        let mut end = 0;
        for part in path.split('/') {
            end += part.len();
            if let Some(name) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
                found.push((name, self.find(&path[..end])));
            }
            end += 1;
        }
        found
    }

    /// The path with ids in the place of its placeholders.
    pub fn fill(&self, path: &str) -> Result<String> {
        let mut filled = path.to_owned();
        for (name, id) in self.placeholders(path) {
            let id = id.with_context(|| format!("nothing was made for {{{name}}} of {path}"))?;
            filled = filled.replacen(&format!("{{{name}}}"), id, 1);
        }
        Ok(filled)
    }
}

/// Makes one of each; `name` is their name, so that there can be several.
pub fn make(makers: &Makers<'_>, name: &str) -> Result<Things> {
    let mut things = Things::default();
    org(makers, name, &mut things)?;
    secrets(makers.owner, name, &mut things)?;
    delivered::make(makers, name, &mut things)?;
    files(makers, name, &mut things)?;
    designed::make(makers, name, &mut things)?;
    alerts(makers.owner, name, &mut things)?;
    let order = wait::until("an order", PATIENCE, || {
        let orders = makers.owner.get("/api/v1/orders?limit=1")?;
        let id = orders["items"][0]["id"].as_str().map(str::to_owned);
        Ok(Found::from_option(id, "there is none".to_owned()))
    })?;
    things.set("orders", &order);
    Ok(things)
}

/// Makes something and returns its id.
fn made(api: &Api, path: &str, body: &Value) -> Result<String> {
    id_of(&api.post(path, body)?, "id")
}

/// An id in an answer.
fn id_of(answer: &Value, field: &str) -> Result<String> {
    let id = answer[field].as_str();
    Ok(id.with_context(|| format!("no {field} in {answer}"))?.to_owned())
}

/// The id of the first item of a list.
fn first(api: &Api, path: &str, field: &str) -> Result<String> {
    let items = api.list(path)?;
    id_of(items.first().with_context(|| format!("{path} is empty"))?, field)
}

/// What an org consists of, but for people.
fn org(makers: &Makers<'_>, name: &str, things: &mut Things) -> Result<()> {
    let owner = makers.owner;
    things.set("hosts", makers.host);
    for (place, body) in [
        ("clusters", json!({"name": name})),
        ("environments", json!({"name": name, "type": "testing"})),
        ("departments", json!({"name": name})),
        ("invitations", json!({"role": "VIEWER"})),
        ("join-tokens", json!({})),
        ("permission-templates", json!({"name": name})),
        (
            "roles",
            json!({"code": name, "name": name, "operations": ["host:read"]}),
        ),
        ("api-keys", json!({"name": name, "kind": "readonly"})),
        ("registries", json!({"name": name, "url": makers.registry})),
    ] {
        things.set(place, &made(owner, &format!("/api/v1/{place}"), &body)?);
    }
    let account = json!({"username": name, "password": "planted"});
    let path = format!("/api/v1/hosts/{}/accounts", makers.host);
    things.set("hosts/accounts", &made(owner, &path, &account)?);
    let instances = json!({"instances": [{"provider": "aws", "instanceId": name, "instanceName": name}]});
    owner.post("/api/v1/instances/import", &instances)?;
    things.set(
        "instances",
        &first(owner, &format!("/api/v1/instances?search={name}"), "id")?,
    );
    let token = json!({"provider": "github", "accessToken": "none"});
    owner.call("PUT", "/api/v1/org/third-parts", Some(&token))?;
    things.set("third-parts", "github");
    Ok(())
}

/// A group, a secret with two versions, and a provider.
fn secrets(owner: &Api, name: &str, things: &mut Things) -> Result<()> {
    let group = made(owner, "/api/v1/secrets/groups", &json!({"name": name}))?;
    let secret = json!({"groupId": group, "name": "KEY", "value": "v"});
    let secret = made(owner, "/api/v1/secrets", &secret)?;
    owner.patch(&format!("/api/v1/secrets/{secret}"), &json!({"value": "w"}))?;
    let provider = json!({
        "name": name, "url": "http://127.0.0.1:9", "clientId": "c", "clientSecret": "s", "projectId": "p",
        "environment": "prod", "autoSync": false,
    });
    let provider = made(owner, "/api/v1/secrets/providers", &provider)?;
    things.set("secrets/groups", &group);
    things.set("secrets", &secret);
    things.set("secrets/providers", &provider);
    Ok(())
}

/// A folder, a file, an upload that is not finished, and a send that no host has to have carried out.
fn files(makers: &Makers<'_>, name: &str, things: &mut Things) -> Result<()> {
    let owner = makers.owner;
    let folder = made(owner, "/api/v1/files", &json!({"name": name}))?;
    let file = owner.upload(&format!("{name}.txt"), BYTES, HASH)?;
    let upload = json!({"name": format!("{name}.bin"), "size": BYTES.len(), "hash": HASH});
    let upload = made(owner, "/api/v1/files/uploads", &upload)?;
    let send = json!({"fileIds": [file], "hosts": [makers.host], "destination": format!("/srv/{name}/")});
    let send = made(owner, "/api/v1/files/sends", &send)?;
    things.set("folders", &folder);
    things.set("files", &file);
    things.set("uploads", &upload);
    things.set("sends", &send);
    Ok(())
}

/// A receiver, a rule that tells it, and a silence.
fn alerts(owner: &Api, name: &str, things: &mut Things) -> Result<()> {
    let receiver = json!({"name": name, "kind": "mail", "addresses": ["ops@example.org"]});
    let receiver = made(owner, "/api/v1/alerts/receivers", &receiver)?;
    let rule = json!({"name": name, "check": {"kind": "hostDown"}, "receivers": [receiver]});
    let rule = made(owner, "/api/v1/alerts/rules", &rule)?;
    // A silence has to end within a year; an invitation ends in some days.
    let invitations = owner.get("/api/v1/invitations?limit=1")?;
    let silence = json!({"endsAt": invitations["items"][0]["expiresAt"], "reason": name});
    let silence = made(owner, "/api/v1/alerts/silences", &silence)?;
    things.set("alerts/receivers", &receiver);
    things.set("alerts/rules", &rule);
    things.set("alerts/silences", &silence);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_found_by_the_words_before_it() -> Result<()> {
        let mut things = Things::default();
        things.set("projects", "p");
        things.set("projects/hooks", "h");
        things.set("alerts", "a");
        things.set("alerts/rules", "r");
        things.set("words", "k");
        things.set("words/{kind}", "c");
        for (path, filled) in [
            ("/api/v1/projects/{id}", "/api/v1/projects/p"),
            (
                "/api/v1/projects/{id}/hooks/{hookId}",
                "/api/v1/projects/p/hooks/h",
            ),
            ("/api/v1/alerts/{id}", "/api/v1/alerts/a"),
            ("/api/v1/alerts/rules/{id}", "/api/v1/alerts/rules/r"),
            ("/api/v1/words/{kind}/{code}", "/api/v1/words/k/c"),
            ("/api/v1/hosts", "/api/v1/hosts"),
        ] {
            assert_eq!(things.fill(path)?, filled);
        }
        assert!(things.fill("/api/v1/hosts/{id}").is_err());
        Ok(())
    }
}
