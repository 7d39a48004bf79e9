//! `POST /webhook/deploy`: CI deploys with one call. Only the version is chosen from outside. What CI says of its builds
//! with the same token is in [`super::version_report`].
//!
//! Whoever calls is nobody until the token proved otherwise, and learns nothing before: an application that is not
//! there, one whose webhook is off, a token that is wrong, expired or missing all take the same query, the same
//! comparison and the same answer. So does whoever has the token and not what the environment wants beside it: an address
//! that may call, a signature ([`super::webhook_guard`]). Why a call was refused is kept for people.

use std::{net::IpAddr, time::Duration};

use muster_base::{ApplicationId, DeploymentId, ExposeSecret, OrgId, SecretString, UnixMs};
use serde::{Deserialize, Serialize};
use serde_json::json;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    DeliveryError,
    deployment::{self, Deployment, Status, TriggerType},
    events,
    payload::TriggerPayload,
    store::{self, token::Candidate},
    token, trigger,
    webhook_guard::{self, WebhookGuard},
    webhook_proof::{Proof, WebhookRefused},
};
use crate::{
    access::Caller,
    app::App,
    audit::{self, Entry},
    db::DbError,
    in_tx,
};

/// Longest time that `?wait=1` waits; then the answer is 202 as without it.
const PATIENCE: Duration = Duration::from_mins(9);

/// When a token was last used is told to the minute: a storm of calls writes it once.
const TOUCH_EVERY_MS: i64 = UnixMs::MINUTE;

/// What CI sends.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebhookCall {
    /// The application's id.
    #[serde(default)]
    #[schema(required)]
    pub application_id: String,
    /// The version: an image tag.
    #[serde(default)]
    #[schema(required)]
    pub version: String,
    /// The application's token, `whk_…`.
    #[serde(default = "no_token")]
    #[schema(value_type = String, format = Password, required)]
    pub token: SecretString,
}

/// The answer to CI.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookAnswer {
    /// Accepted; or, when it was waited for the end, that it succeeded.
    pub success: bool,
    /// The deployment.
    pub deployment_id: DeploymentId,
    /// The application.
    pub application: WebhookApplication,
    /// For a person.
    pub message: String,
    /// Where the deployment is.
    pub status: Status,
}

/// The application in the answer to CI.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookApplication {
    /// Id.
    pub id: ApplicationId,
    /// Name.
    pub name: String,
    /// The version that is deployed.
    pub version: String,
}

impl WebhookAnswer {
    pub(super) fn of(deployment: &Deployment) -> Self {
        let (success, message) = match deployment.status {
            Status::WaitingApproval => (true, "Deployment waits for approval".to_owned()),
            Status::Pending if deployment.waits_for_window => {
                let opens = deployment
                    .opens_at
                    .map_or_else(|| "never opens".to_owned(), |at| format!("opens at {at}"));
                (true, format!("Deployment waits for its window, which {opens}"))
            }
            Status::Pending | Status::Running => (true, "Deployment accepted".to_owned()),
            Status::Success => (true, "Deployment completed successfully".to_owned()),
            Status::Failure | Status::Cancelled | Status::RolledBack | Status::Skipped => {
                let reason = deployment.error.as_deref().unwrap_or("no reason was given");
                (
                    false,
                    format!("Deployment ended as {}: {reason}", deployment.status.as_str()),
                )
            }
        };
        Self {
            success,
            deployment_id: deployment.id,
            application: WebhookApplication {
                id: deployment.application_id,
                name: deployment.application_name.clone(),
                version: deployment.version.clone(),
            },
            message,
            status: deployment.status,
        }
    }

    /// Whether the deployment has ended.
    pub(super) const fn ended(&self) -> bool {
        self.status.is_final()
    }
}

/// Deploys. With `wait` it answers when the deployment has ended, or after nine minutes.
pub(super) async fn deploy(
    app: &App,
    ip: Option<IpAddr>,
    call: WebhookCall,
    (key, proof): (Option<String>, Proof<'_>),
    wait: bool,
) -> Result<WebhookAnswer, DeliveryError> {
    let pass = authenticate(app, ip, (&call.application_id, &call.token), proof).await?;
    let signed = pass.guard.as_ref().is_some_and(|guard| guard.signed);
    let key = key.or_else(|| proof.key().filter(|_| signed));
    if call.version.contains(call.token.expose_secret()) {
        return Err(DeliveryError::invalid(
            "version",
            "is an image tag: it must not contain the token",
        ));
    }
    let caller = Caller::webhook(pass.application, pass.org, ip);
    let sent = json!({"applicationId": call.application_id, "version": call.version});
    let payload = TriggerPayload::of(&sent, call.token.expose_secret());
    let request = trigger::Request {
        application: pass.application,
        environment: Some(pass.environment.clone()),
        version: call.version,
        trigger: TriggerType::Webhook,
        origin: None,
        only: Vec::new(),
        override_reason: None,
        key,
        payload: Some(payload),
    };
    let deployment = trigger::enqueue(app, &caller, request).await?;
    pass.touch(app).await?;
    let deployment = if wait {
        wait_for_end(app, deployment).await?
    } else {
        deployment
    };
    Ok(WebhookAnswer::of(&deployment))
}

/// Finds out whose token this is. Counts the call; puts it on record if nobody's.
pub(super) async fn authenticate(
    app: &App,
    ip: Option<IpAddr>,
    (application, token): (&str, &SecretString),
    proof: Proof<'_>,
) -> Result<Pass, DeliveryError> {
    app.delivery.limits.address(ip)?;
    let named = application.parse::<ApplicationId>().ok();
    let id = named.unwrap_or(ApplicationId::from_uuid(Uuid::nil()));
    let now = app.clock.now();
    let candidates = store::token::candidates(&app.db, id, now, i64::from(token::MOST)).await?;
    let offered = token::hash(token.expose_secret());
    let Some(pass) = check(id, &candidates, &offered, app)? else {
        let org = candidates.first().map(|row| row.org_id);
        refuse_for(app, ip, (id, org, None), WebhookRefused::Token).await;
        return Err(DeliveryError::WebhookRefused);
    };
    if let Some(guard) = &pass.guard
        && let Err(reason) = webhook_guard::check(app, pass.org, guard, ip, proof).await?
    {
        let place = (id, Some(pass.org), Some(pass.environment.as_str()));
        refuse_for(app, ip, place, reason).await;
        return Err(DeliveryError::WebhookRefused);
    }
    app.delivery.limits.application(id)?;
    Ok(pass)
}

/// A token that holds: what it is for.
pub(super) struct Pass {
    pub application: ApplicationId,
    pub org: OrgId,
    token: Uuid,
    last_used: Option<UnixMs>,
    environment: String,
    guard: Option<WebhookGuard>,
}

impl Pass {
    /// Notes that the token was used.
    pub(super) async fn touch(&self, app: &App) -> Result<(), DeliveryError> {
        let now = app.clock.now();
        if self.last_used.is_none_or(|at| now.ms_since(at) >= TOUCH_EVERY_MS) {
            in_tx!(app.db, |tx| store::token::touch(tx, self.token, now).await?);
        }
        Ok(())
    }
}

/// Compares with every stored token, or with as many zeros as there could be, and always to the end.
fn check(
    id: ApplicationId,
    candidates: &[Candidate],
    offered: &[u8; 32],
    app: &App,
) -> Result<Option<Pass>, DeliveryError> {
    let now = app.clock.now();
    let mut found = 0_u16;
    for position in 1..=token::MOST {
        let row = candidates.get(usize::from(position) - 1);
        let stored: [u8; 32] = row
            .and_then(|row| row.token_hash.as_deref()?.try_into().ok())
            .unwrap_or([0; 32]);
        let usable =
            row.is_some_and(|row| row.webhook_enabled && row.token_expires_at.is_none_or(|end| end > now));
        let matches = stored.ct_eq(offered) & Choice::from(u8::from(usable));
        found = u16::conditional_select(&found, &position, matches);
    }
    let row = usize::from(found)
        .checked_sub(1)
        .and_then(|place| candidates.get(place));
    let Some((row, token, environment)) =
        row.and_then(|row| Some((row, row.token_id?, row.token_environment.clone()?)))
    else {
        return Ok(None);
    };
    let guard = match (row.guard_id, &row.guard_networks, row.guard_signed) {
        (Some(guard), Some(networks), Some(signed)) => Some(WebhookGuard {
            id: guard,
            environment: environment.clone(),
            networks: store::webhook_guard::networks(networks)?,
            signed,
            updated_by: String::new(),
            updated_at: now,
        }),
        _ => None,
    };
    Ok(Some(Pass {
        application: id,
        org: row.org_id,
        token,
        last_used: row.token_last_used_at,
        environment,
        guard,
    }))
}

/// Puts the attempt on record: in the application's org if there is one, else above orgs.
pub(super) async fn refuse(app: &App, ip: Option<IpAddr>, id: ApplicationId, org: Option<OrgId>) {
    record_refusal(app, ip, id, org, WebhookRefused::Token).await;
}

async fn record_refusal(
    app: &App,
    ip: Option<IpAddr>,
    id: ApplicationId,
    org: Option<OrgId>,
    reason: WebhookRefused,
) {
    let nobody = Caller::webhook(id, org.unwrap_or(OrgId::from_uuid(Uuid::nil())), ip);
    let entry =
        Entry::refused("deployment:create", "application", id).detail(format!("webhook: {}", reason.said()));
    audit::record_refusal(app, &nobody, org, entry).await;
}

/// The same of a call of the deploy webhook, and in the application's own list of them.
async fn refuse_for(
    app: &App,
    ip: Option<IpAddr>,
    (id, org, environment): (ApplicationId, Option<OrgId>, Option<&str>),
    reason: WebhookRefused,
) {
    record_refusal(app, ip, id, org, reason).await;
    let Some(org) = org else { return };
    let refusal = store::webhook_guard::NewRefusal {
        id: app.clock.new_id(),
        org,
        application: id,
        environment,
        reason,
        ip: ip.map(|ip| ip.to_string()),
        at: app.clock.now(),
    };
    let write = async || -> Result<(), DbError> {
        in_tx!(app.db, |tx| {
            store::webhook_guard::insert_refusal(tx, &refusal, webhook_guard::KEPT_REFUSALS).await?;
        });
        Ok(())
    };
    // Nobody is let in for it.
    if let Err(error) = write().await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "a refused call was not put on record"
        );
    }
}

async fn wait_for_end(app: &App, asked: Deployment) -> Result<Deployment, DeliveryError> {
    let (org, id) = (asked.org, asked.id);
    let mut changes = app.delivery.changes.subscribe();
    let stopping = app.tasks.stopping();
    let waiting = async {
        loop {
            let deployment = deployment::find(app, org, id).await?;
            if deployment.status.is_final() {
                return Ok(deployment);
            }
            events::wait_for(&mut changes, id).await;
        }
    };
    tokio::select! {
        ended = waiting => return ended,
        () = tokio::time::sleep(PATIENCE) => {}
        () = stopping.cancelled() => {}
    }
    deployment::find(app, org, id).await
}

pub(super) fn no_token() -> SecretString {
    SecretString::from("")
}
