//! Deployments that another system did and tells of, so that the record of an application is whole: `tracker:<name>`.
//!
//! # Data
//! A row of `deployments` that has ended, without hosts, steps or orders: nothing is asked of anybody. It has the
//! application's image and container of the moment when it is told.
//!
//! # Who
//! `deployment:create`, as for a deployment that Muster does: a person, or an API key of the kind `deploy`.
//!
//! # What fails
//! Told twice with one `Idempotency-Key`, it is one. It is never what a rollback goes back to by itself: Muster has not seen
//! it succeed. A rollout that stopped before it does not go on after it.

use muster_base::{ApplicationId, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    DeliveryError,
    application::{self, DEFAULT_ENVIRONMENT},
    deployment::{Deployment, Status, TriggerType},
    draft::draft,
    events,
    fields::Fields,
    image::{is_digest, is_tag},
    progress, store, trigger,
};
use crate::{
    access::{Caller, Object, Operation},
    app::App,
    audit::{self, Entry},
    flaw::Flaw,
    in_tx,
};

/// Clocks differ by so much.
const AHEAD_MS: i64 = 5 * UnixMs::MINUTE;
const MOST_ERROR: usize = 2_000;

/// A deployment that another system did.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TrackedDeployment {
    /// The system's name: lower-case letters, digits and dashes.
    #[schema(max_length = 32)]
    pub tracker: String,
    /// The version: an image tag.
    pub version: String,
    /// Where; `default` if not given, or the only environment there is.
    pub environment: Option<String>,
    /// How it ended.
    pub status: TrackedStatus,
    /// When it began; when it ended, if not given.
    pub started_at: Option<UnixMs>,
    /// When it ended; now if not given.
    pub completed_at: Option<UnixMs>,
    /// The image's digest, `sha256:…`.
    pub digest: Option<String>,
    /// What went wrong.
    #[schema(max_length = 2_000)]
    pub error: Option<String>,
}

/// How another system's deployment ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum TrackedStatus {
    /// Done.
    Success,
    /// Failed.
    Failure,
    /// Stopped.
    Cancelled,
    /// What ran before runs again.
    RolledBack,
}

impl TrackedStatus {
    const fn as_status(self) -> Status {
        match self {
            Self::Success => Status::Success,
            Self::Failure => Status::Failure,
            Self::Cancelled => Status::Cancelled,
            Self::RolledBack => Status::RolledBack,
        }
    }
}

/// Puts it on record.
pub(super) async fn report(
    app: &App,
    caller: &Caller,
    id: ApplicationId,
    tracked: TrackedDeployment,
    key: Option<String>,
) -> Result<Deployment, DeliveryError> {
    let application = application::find_for(app, caller, Operation::DeploymentCreate, id).await?;
    let (org, now) = (caller.org(), app.clock.now());
    let mut names = application.environments.keys();
    let only = match (names.next(), names.next()) {
        (Some(only), None) => Some(only.clone()),
        _ => None,
    };
    let environment = tracked.environment.clone().or(only);
    let environment = environment.unwrap_or_else(|| DEFAULT_ENVIRONMENT.to_owned());
    let known = application.environments.contains_key(&environment);
    if !known || !caller.reaches(&Object::ApplicationIn(id, &environment)) {
        return Err(DeliveryError::NoEnvironment(environment));
    }
    let trigger = check(&tracked, now)?;
    trigger::check_key(key.as_deref())?;
    let ended = tracked.completed_at.unwrap_or(now);
    let request = trigger::Request {
        application: id,
        environment: Some(environment.clone()),
        version: tracked.version.clone(),
        trigger,
        origin: None,
        only: Vec::new(),
        override_reason: None,
        key: key.clone(),
        payload: None,
    };
    let made = draft(app, caller, &application, environment, &request).await?;
    let made = Deployment {
        status: Status::Pending,
        digest: tracked.digest.clone(),
        ..made
    };
    let told = in_tx!(app.db, |tx| {
        if !store::application::lock(tx, org, id).await? {
            return Err(DeliveryError::NotFound("application"));
        }
        let first = match &key {
            Some(key) => store::deployment::find_by_key(tx, org, id, key).await?,
            None => None,
        };
        if let Some(first) = first {
            return trigger::same_call(first, &made.version, &made.environment);
        }
        store::deployment::insert(tx, &made, key.as_deref()).await?;
        store::version::note(tx, org, id, &made.version, now).await?;
        events::note_status(tx, made.id, Status::Pending, None, now).await?;
        store::turn::set_started(tx, org, made.id, tracked.started_at.unwrap_or(ended)).await?;
        let (status, error) = (tracked.status.as_status(), tracked.error.as_deref());
        progress::finish(tx, &made, status, error, None, ended).await?;
        let entry = Entry::done(Operation::DeploymentCreate, "deployment", made.id)
            .detail(format!("told by {}", made.trigger_type))
            .after(&made);
        audit::record(app, tx, caller, Some(org), entry).await?;
        store::deployment::find_in(tx, org, made.id).await?
    });
    app.delivery.wake.notify_one();
    told.ok_or(DeliveryError::NotFound("deployment"))
}

fn check(tracked: &TrackedDeployment, now: UnixMs) -> Result<TriggerType, DeliveryError> {
    let mut fields = Fields::default();
    let trigger = TriggerType::tracker(&tracked.tracker);
    fields.check(trigger.is_some(), "tracker", Flaw::Slug(32));
    fields.check(is_tag(&tracked.version), "version", Flaw::Tag);
    let digest = tracked.digest.as_deref().is_none_or(is_digest);
    fields.check(digest, "digest", "must be sha256: and 64 hexadecimal digits");
    let error = tracked
        .error
        .as_deref()
        .is_none_or(|text| text.chars().count() <= MOST_ERROR);
    fields.check(error, "error", Flaw::TooLong(MOST_ERROR));
    let ended = tracked.completed_at.unwrap_or(now);
    let past = ended.ms_since(now) <= AHEAD_MS;
    fields.check(past, "completedAt", "must not be in the future");
    let order = tracked.started_at.is_none_or(|began| began <= ended);
    fields.check(order, "completedAt", Flaw::AfterStart);
    fields.finish()?;
    trigger.ok_or_else(|| DeliveryError::invalid("tracker", Flaw::Slug(32)))
}
