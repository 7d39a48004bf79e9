//! An application with all that belongs to one, deployments, and the image hub.

use super::{Makers, Things, id_of, made};
use crate::Api;
use anyhow::Result;
use serde_json::json;

pub(super) fn make(makers: &Makers<'_>, name: &str, things: &mut Things) -> Result<()> {
    let owner = makers.owner;
    let application = application(makers, name)?;
    let variable = json!({"applicationId": application, "name": "A", "value": "1"});
    things.set("env-vars", &made(owner, "/api/v1/env-vars", &variable)?);
    let path = format!("/api/v1/applications/{application}");
    owner.post(&format!("{path}/webhook-token"), &json!({}))?;
    owner.patch(
        &format!("{path}/webhook-guards/default"),
        &json!({"networks": ["10.0.0.0/8"]}),
    )?;
    let report = json!({"status": "built", "branch": "main", "log": "done"});
    let reported = owner.call("PUT", &format!("{path}/versions/1"), Some(&report))?;
    anyhow::ensure!(
        reported.status == 200,
        "a build can't be reported: {}",
        reported.text
    );
    things.set("deployments", &deployment(owner, &application, "1")?);
    things.set("applications/environments", "default");
    things.set("applications/webhook-guards", "default");
    things.set("applications/versions", "1");
    things.set("git", &application);
    things.set("applications", &application);

    let (kind, code) = ("type", name);
    let word = json!({"kind": kind, "code": code, "name": name});
    owner.post("/api/v1/image-words", &word)?;
    things.set("image-words", kind);
    things.set("image-words/{kind}", code);
    let image = json!({
        "name": name, "image": "team/nginx", "source": "private", "type": "server", "versions": ["1", "2"],
    });
    things.set("images", &made(owner, "/api/v1/images", &image)?);
    Ok(())
}

/// An application that is deployed to the host.
fn application(makers: &Makers<'_>, name: &str) -> Result<String> {
    let environments = json!({"default": {"hosts": [makers.host]}});
    let body = json!({"name": name, "image": "team/shop", "environments": environments});
    made(makers.owner, "/api/v1/applications", &body)
}

/// A deployment of it.
fn deployment(owner: &Api, application: &str, version: &str) -> Result<String> {
    let path = format!("/api/v1/applications/{application}/deployments");
    id_of(&owner.post(&path, &json!({"version": version}))?, "deploymentId")
}
