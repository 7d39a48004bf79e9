//! `POST /webhook/git/{id}`: a Git host tells of a push, a tag or a merged pull request, and what fits an environment's
//! `triggerSpec` is deployed there.
//!
//! Whoever calls is nobody until the proof held ([`super::git_verify`]), and learns nothing before. A call that comes
//! twice deploys once: its key is the deployment's idempotency key, so that a host may repeat itself after any crash.
//!
//! Where the host's proof does not cover the body, somebody who saw one call could write others. What is acted on is
//! therefore checked: the repository must be the application's, the environment's rules must fit, and the version must
//! be one that the application's own registry has (`driver` stops a deployment by such a host without a registry).
//! So the most that can come of it is a version that the team itself has built and pushed.

use std::net::IpAddr;

use muster_base::{ApplicationId, DeploymentId, ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    DeliveryError, application,
    application::Application,
    git_event::{self, GitEvent, Heard},
    git_verify::{Call, Header},
    payload::TriggerPayload,
    store, trigger,
    trigger_spec::GitProvider,
    webhook,
};
use crate::{
    access::Caller,
    app::App,
    error::Error,
    secrets::{self, CredentialKind},
};

/// The answer to a Git host.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitAnswer {
    /// The call was understood.
    pub success: bool,
    /// For a person who looks at the host's list of deliveries.
    pub message: String,
    /// What is deployed where.
    pub deployments: Vec<GitDeployment>,
}

/// A deployment that a call asked for, or why there is none.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitDeployment {
    /// Where.
    pub environment: String,
    /// The version.
    pub version: String,
    /// The deployment.
    pub deployment_id: Option<DeploymentId>,
    /// Why there is none.
    pub error: Option<String>,
}

/// Hears a Git host's call.
pub(super) async fn hear(
    app: &App,
    ip: Option<IpAddr>,
    id: &str,
    header: Header<'_>,
    body: &[u8],
) -> Result<GitAnswer, DeliveryError> {
    app.delivery.limits.address(ip)?;
    let id = id.parse().unwrap_or(ApplicationId::from_uuid(Uuid::nil()));
    let org = store::application::find_org(&app.db, id).await?;
    let (application, secret) = match org {
        Some(org) => (
            Some(application::find(app, org, id).await?),
            secrets::find_credential(app, org, CredentialKind::GitHook, *id.as_uuid()).await?,
        ),
        None => (None, None),
    };
    let call = Call {
        header,
        body,
        now: app.clock.now(),
    };
    let repository = application
        .as_ref()
        .and_then(|application| application.repository.as_ref());
    let provider = repository.map_or(GitProvider::Github, |repository| repository.provider);
    // As long as for somebody who is there. An application whose secret was never made believes nobody.
    let is_set = secret.is_some();
    let known =
        secret.unwrap_or_else(|| SecretString::from("gwh_0000000000000000000000000000000000000000000"));
    let holds = call.is_from(provider, &known) && is_set;
    let (Some(application), Some(org), Some(repository), true) = (&application, org, repository, holds)
    else {
        webhook::refuse(app, ip, id, org).await;
        return Err(DeliveryError::WebhookRefused);
    };
    app.delivery.limits.application(id)?;
    let event = header(git_event::event_header(provider));
    let body: Value = serde_json::from_slice(body).map_err(|_| {
        DeliveryError::invalid(
            "",
            "the body is not JSON: choose application/json at the Git host",
        )
    })?;
    let event = match git_event::read(provider, event, &body) {
        Heard::Event(event) => event,
        Heard::Ping => return Ok(nothing("pong")),
        Heard::Nothing(why) => return Ok(nothing(why)),
        Heard::Unreadable => {
            return Err(DeliveryError::invalid(
                "",
                "this is not what the Git host is known to send",
            ));
        }
    };
    if event.repo_id != repository.repo_id {
        return Ok(nothing("this is about another repository than the application's"));
    }
    let caller = Caller::webhook(id, org, ip);
    let asked = Asked {
        key: call.key(provider),
        payload: TriggerPayload::of(&body, known.expose_secret()),
    };
    deploy(app, &caller, application, (provider, &event), &asked).await
}

/// A call that is believed.
struct Asked {
    /// What makes two calls the same one.
    key: String,
    payload: TriggerPayload,
}

async fn deploy(
    app: &App,
    caller: &Caller,
    application: &Application,
    (provider, event): (GitProvider, &GitEvent),
    Asked { key, payload }: &Asked,
) -> Result<GitAnswer, DeliveryError> {
    let mut deployments = Vec::new();
    for (name, environment) in &application.environments {
        let Some(version) = environment.trigger_spec.version_for(provider, event) else {
            continue;
        };
        let request = trigger::Request {
            application: application.id,
            environment: Some(name.clone()),
            version: version.clone(),
            trigger: provider.trigger(),
            origin: None,
            only: Vec::new(),
            override_reason: None,
            key: Some(format!("git:{key}:{name}")),
            payload: Some(payload.clone()),
        };
        let (deployment_id, error) = match trigger::enqueue(app, caller, request).await {
            Ok(deployment) => (Some(deployment.id), None),
            // The host repeats its call.
            Err(DeliveryError::Db(error)) => return Err(error.into()),
            Err(error) => (None, Some(told(error))),
        };
        deployments.push(GitDeployment {
            environment: name.clone(),
            version,
            deployment_id,
            error,
        });
    }
    if deployments.is_empty() {
        return Ok(nothing("no environment's triggerSpec fits"));
    }
    Ok(GitAnswer {
        success: deployments.iter().all(|deployment| deployment.error.is_none()),
        message: "heard".to_owned(),
        deployments,
    })
}

fn told(error: DeliveryError) -> String {
    match Error::from(error) {
        Error::Invalid(errors) => {
            let texts = errors
                .into_iter()
                .map(|error| format!("{}: {}", error.field, error.message));
            texts.collect::<Vec<_>>().join("; ")
        }
        Error::Internal(source) => {
            tracing::error!(
                error = format!("{source:#}"),
                "a Git host's call failed by our own fault"
            );
            "internal error; the log of the control plane says more".to_owned()
        }
        other => other.to_string(),
    }
}

fn nothing(why: &str) -> GitAnswer {
    GitAnswer {
        success: true,
        message: why.to_owned(),
        deployments: Vec::new(),
    }
}
