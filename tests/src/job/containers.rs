//! A container application: registered once, deployed by webhook, looked at from outside.

use crate::Api;
use crate::api::{self, Answer};
use crate::env::Registry;
use crate::wait::{self, Found};
use anyhow::{Result, ensure};
use muster_workbench::images;
use muster_workbench::random_hex;
use serde_json::{Value, json};
use std::time::Duration;

/// The secret that the application gets as the variable [`SECRET_VARIABLE`].
pub const SECRET_VARIABLE: &str = "MUSTER_DEMO_SECRET";

/// A registered application with its webhook token.
pub struct Application {
    admin: Api,
    /// Its id.
    pub id: String,
    token: String,
    port: u16,
}

impl Application {
    /// Registers everything that a deploy of the test image needs: the registry's credentials, a secret, a variable
    /// that refers to it, the application on `host` with its port published at `port`, and a webhook token.
    /// What is registered already under these names is used as it is, but for the registry, whose address
    /// and password are new in each run.
    pub fn register(api: &Api, registry: &Registry, host: &Value, name: &str, port: u16) -> Result<Self> {
        let secret = random_hex(16)?;
        Self::register_with_secret(api, registry, host, name, port, &secret)
    }

    /// As [`Self::register`], with a secret of the story's choice.
    pub fn register_with_secret(
        api: &Api,
        registry: &Registry,
        host: &Value,
        name: &str,
        port: u16,
        secret: &str,
    ) -> Result<Self> {
        let registered = api.post(
            "/api/v1/registries",
            &json!({
                "name": format!("{name}-{}", random_hex(3)?),
                "url": format!("http://{}", registry.address),
                "authType": "username-password",
                "username": registry.user,
                "password": registry.password,
            }),
        )?;
        let spec = json!({
            "name": name,
            "description": "the test image, a small web server",
            "image": images::REPOSITORY,
            "registryId": registered["id"],
            "container": {
                "name": name,
                "ports": [{"host": port, "container": images::PORT, "hostIp": "127.0.0.1"}],
                "healthCheck": {"type": "http", "port": images::PORT, "path": "/healthz", "intervalMs": 200, "timeoutMs": 1000},
                "healthTimeoutMs": 10_000,
                "stopGraceMs": 1_000,
            },
            "environments": {"default": {"hosts": [host["id"]]}},
        });
        let existing = api
            .list("/api/v1/applications")?
            .into_iter()
            .find(|application| application["name"] == name);
        let application = match existing {
            Some(existing) => api.patch(
                &format!("/api/v1/applications/{}", api::text(&existing, "id")?),
                &spec,
            )?,
            None => Self::create(api, &spec, name, secret)?,
        };
        let id = api::text(&application, "id")?.to_owned();
        let answer = api.post(&format!("/api/v1/applications/{id}/webhook-token"), &json!({}))?;
        Ok(Self {
            admin: api.clone(),
            token: api::text(&answer, "token")?.to_owned(),
            id,
            port,
        })
    }

    fn create(api: &Api, spec: &Value, name: &str, secret: &str) -> Result<Value> {
        let application = api.post("/api/v1/applications", spec)?;
        let group = api.post("/api/v1/secrets/groups", &json!({"name": name}))?;
        let secret = api.post(
            "/api/v1/secrets",
            &json!({"groupId": group["id"], "name": "demo", "value": secret}),
        )?;
        let variable = json!({
            "applicationId": application["id"],
            "name": SECRET_VARIABLE,
            "value": format!("@secret:{}", api::text(&secret, "id")?),
        });
        api.post("/api/v1/env-vars", &variable)?;
        Ok(application)
    }

    /// The webhook token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Deploys `version` as CI does: with the webhook and nothing but the token, waiting for the end.
    /// Returns the deployment, however it ended.
    pub fn deploy(&self, version: &str) -> Result<Value> {
        let answer = self.webhook(version, &self.token, true)?;
        ensure!(
            (200..300).contains(&answer.status),
            "the webhook answered {}: {}",
            answer.status,
            answer.text
        );
        let deployment = format!(
            "/api/v1/deployments/{}",
            api::text(&answer.json()?, "deploymentId")?
        );
        let ends = ["success", "failure", "cancelled", "rolledBack"];
        self.admin
            .await_field(&deployment, "status", &ends, &[], Duration::from_mins(1))
    }

    /// The webhook call itself; any status is an answer.
    pub fn webhook(&self, version: &str, token: &str, wait: bool) -> Result<Answer> {
        let body = json!({"applicationId": self.id, "version": version, "token": token});
        Api::new(self.admin.base()).call(
            "POST",
            if wait {
                "/webhook/deploy?wait=1"
            } else {
                "/webhook/deploy"
            },
            Some(&body),
        )
    }

    /// Waits until the container answers, and says which version it is.
    pub fn serving(&self, deadline: Duration) -> Result<String> {
        let outside = Api::new(&format!("http://127.0.0.1:{}", self.port));
        wait::until("the container to serve its version", deadline, || {
            Ok(match outside.call("GET", "/version", None) {
                Ok(answer) if answer.status == 200 => Found::Yes(answer.text),
                Ok(answer) => Found::No(answer.text),
                Err(error) => Found::No(format!("{error:#}")),
            })
        })
    }
}
