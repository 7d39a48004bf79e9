//! What a call of an application's webhook needs beside its token, by environment: an address among those that may call,
//! and a signature.
//!
//! # Data
//! `webhook_guards`: networks, and whether calls are signed; the signing secret is a credential of the guard's id, shown
//! once. `webhook_refusals`: the last calls that were refused and why, for people.
//!
//! How calls are signed is in [`super::webhook_proof`].
//!
//! # Who
//! Reading them is `application:read`; setting them and reading what was refused `application:write`.
//!
//! # What fails
//! Whoever calls is told nothing: a wrong address or signature answers as a wrong token does. A guard whose secret is gone
//! believes nobody. An environment that was taken out of its application keeps its guard, should it come back.

use std::net::IpAddr;

use muster_base::{ApplicationId, OrgId, SecretString, UnixMs, random_token};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    DeliveryError, application,
    fields::Fields,
    network::Network,
    store,
    webhook_proof::{Proof, WebhookRefused},
};
use crate::{
    access::{Caller, Object, Operation},
    app::App,
    audit::{self, Entry},
    flaw::Flaw,
    in_tx,
    secrets::{self, CredentialKind},
};

const PREFIX: &str = "whs_";
const MOST_NETWORKS: usize = 64;
/// So many refused calls of an application are kept.
pub(super) const KEPT_REFUSALS: i64 = 100;

/// What calls for an environment need beside the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookGuard {
    /// The environment.
    pub environment: String,
    /// Whence may be called; from anywhere if there is none.
    pub networks: Vec<String>,
    /// Whether calls must be signed.
    pub signed: bool,
    /// Who set it last.
    pub updated_by: String,
    /// When.
    pub updated_at: UnixMs,
    #[serde(skip)]
    pub(super) id: Uuid,
}

/// What is set of it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebhookGuardPatch {
    /// Networks such as `10.0.0.0/8`, or addresses; none: from anywhere.
    #[schema(max_items = 64)]
    pub networks: Option<Vec<String>>,
    /// False: calls need no signature any more, and the secret is forgotten. What makes them need one is a secret.
    pub signed: Option<bool>,
}

/// A signing secret, shown this once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookSecret {
    /// For CI, beside the token.
    pub secret: String,
    /// Where calls need it from now on.
    pub environment: String,
}

/// A call that was refused.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookRefusal {
    /// When.
    pub at: UnixMs,
    /// Where its token deploys; null if the token was nobody's.
    pub environment: Option<String>,
    /// Why.
    pub reason: WebhookRefused,
    /// Whence it came.
    pub ip: Option<String>,
}

/// Passes if the call brings what the guard wants.
pub(super) async fn check(
    app: &App,
    org: OrgId,
    guard: &WebhookGuard,
    ip: Option<IpAddr>,
    proof: Proof<'_>,
) -> Result<Result<(), WebhookRefused>, DeliveryError> {
    if !guard.networks.is_empty() {
        // One that can't be read lets nobody in.
        let networks = guard
            .networks
            .iter()
            .filter_map(|text| text.parse::<Network>().ok());
        let among = ip.is_some_and(|ip| networks.into_iter().any(|network| network.holds(ip)));
        if !among {
            return Ok(Err(WebhookRefused::Address));
        }
    }
    if !guard.signed {
        return Ok(Ok(()));
    }
    let kind = CredentialKind::WebhookSignature;
    let secret = secrets::find_credential(app, org, kind, guard.id).await?;
    let secret = secret.unwrap_or_else(|| SecretString::from(""));
    Ok(proof.check(&secret, app.clock.now()))
}

/// The guards of an application's environments that the caller reaches.
pub(super) async fn list(
    app: &App,
    caller: &Caller,
    id: ApplicationId,
) -> Result<Vec<WebhookGuard>, DeliveryError> {
    let application = application::find_for(app, caller, Operation::ApplicationRead, id).await?;
    let guards = store::webhook_guard::list(&app.db, caller.org(), id).await?;
    let seen = guards.into_iter().filter(|guard| {
        application.environments.contains_key(&guard.environment)
            && caller.reaches(&Object::ApplicationIn(id, &guard.environment))
    });
    Ok(seen.collect())
}

/// Sets whence may be called, or ends that calls must be signed.
pub(super) async fn set(
    app: &App,
    caller: &Caller,
    id: ApplicationId,
    environment: &str,
    patch: WebhookGuardPatch,
) -> Result<WebhookGuard, DeliveryError> {
    may_set(app, caller, id, environment).await?;
    let (org, now) = (caller.org(), app.clock.now());
    let mut fields = Fields::default();
    let networks = read_networks(patch.networks, &mut fields);
    fields.check(patch.signed != Some(true), "signed", "is set by making a secret");
    fields.finish()?;
    let by = caller.actor.name();
    Ok(in_tx!(app.db, |tx| {
        store::application::lock(tx, org, id).await?;
        let before = store::webhook_guard::find(tx, org, id, environment).await?;
        let mut guard = before
            .clone()
            .unwrap_or_else(|| blank(app.clock.new_id(), environment, &by, now));
        if let Some(networks) = networks {
            guard.networks = networks;
        }
        if patch.signed == Some(false) && guard.signed {
            guard.signed = false;
            secrets::delete_credential(tx, org, CredentialKind::WebhookSignature, guard.id).await?;
        }
        (guard.updated_by, guard.updated_at) = (by, now);
        store::webhook_guard::upsert(tx, org, id, &guard).await?;
        let mut entry = Entry::done(Operation::ApplicationWrite, "application", id)
            .detail(format!("what webhook calls for {environment} need"))
            .after(&guard);
        if let Some(before) = &before {
            entry = entry.before(before);
        }
        audit::record(app, tx, caller, Some(org), entry).await?;
        guard
    }))
}

/// Makes a new signing secret: from now on calls for the environment need it. The one before ends at once.
pub(super) async fn make_secret(
    app: &App,
    caller: &Caller,
    id: ApplicationId,
    environment: &str,
) -> Result<WebhookSecret, DeliveryError> {
    may_set(app, caller, id, environment).await?;
    let (org, now, by) = (caller.org(), app.clock.now(), caller.actor.name());
    let secret = random_token(PREFIX);
    in_tx!(app.db, |tx| {
        store::application::lock(tx, org, id).await?;
        let found = store::webhook_guard::find(tx, org, id, environment).await?;
        let guard = WebhookGuard {
            signed: true,
            updated_by: by.clone(),
            updated_at: now,
            ..found.unwrap_or_else(|| blank(app.clock.new_id(), environment, &by, now))
        };
        store::webhook_guard::upsert(tx, org, id, &guard).await?;
        let (kind, value) = (
            CredentialKind::WebhookSignature,
            SecretString::from(secret.as_str()),
        );
        secrets::put_credential(app, tx, org, kind, guard.id, &value).await?;
        let entry = Entry::done(Operation::ApplicationWrite, "application", id).detail(format!(
            "a new signing secret for webhook calls for {environment}"
        ));
        audit::record(app, tx, caller, Some(org), entry).await?;
    });
    Ok(WebhookSecret {
        secret,
        environment: environment.to_owned(),
    })
}

/// The last calls that were refused, newest first.
pub(super) async fn refusals(
    app: &App,
    caller: &Caller,
    id: ApplicationId,
) -> Result<Vec<WebhookRefusal>, DeliveryError> {
    application::find_for(app, caller, Operation::ApplicationWrite, id).await?;
    let all = store::webhook_guard::list_refusals(&app.db, caller.org(), id, KEPT_REFUSALS).await?;
    let seen = all.into_iter().filter(|refusal| {
        let environment = refusal.environment.as_deref();
        environment.is_none_or(|name| caller.reaches(&Object::ApplicationIn(id, name)))
    });
    Ok(seen.collect())
}

async fn may_set(
    app: &App,
    caller: &Caller,
    id: ApplicationId,
    environment: &str,
) -> Result<(), DeliveryError> {
    let application = application::find_for(app, caller, Operation::ApplicationWrite, id).await?;
    caller.require_on(
        Operation::ApplicationWrite,
        &Object::ApplicationIn(id, environment),
    )?;
    if application.environments.contains_key(environment) {
        Ok(())
    } else {
        Err(DeliveryError::NotFound("environment of this application"))
    }
}

fn blank(id: Uuid, environment: &str, by: &str, now: UnixMs) -> WebhookGuard {
    WebhookGuard {
        id,
        environment: environment.to_owned(),
        networks: Vec::new(),
        signed: false,
        updated_by: by.to_owned(),
        updated_at: now,
    }
}

/// As they are kept: each once, in one way of writing.
fn read_networks(given: Option<Vec<String>>, fields: &mut Fields) -> Option<Vec<String>> {
    let given = given?;
    let few = given.len() <= MOST_NETWORKS;
    fields.check(few, "networks", Flaw::TooMany(MOST_NETWORKS));
    let mut networks = Vec::new();
    for (i, text) in given.iter().enumerate() {
        let network = text.trim().parse::<Network>().ok();
        fields.check(
            network.is_some(),
            format!("networks[{i}]"),
            "must be an address or a network such as 10.0.0.0/8 or 2001:db8::/32",
        );
        let Some(network) = network.map(|network| network.to_string()) else {
            continue;
        };
        if !networks.contains(&network) {
            networks.push(network);
        }
    }
    Some(networks)
}
