//! Asking for deployments: by hand, by webhook, again, back.
//!
//! One application in one environment has at most one deployment that runs. A new one supersedes the one that waits,
//! which ends as cancelled: whoever deploys twice in a row wants the second. Where the environment says so, it waits
//! behind it instead.

use muster_base::{ApplicationId, DeploymentId, HostId, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    DeliveryError, application, approval,
    deployment::{self, Deployment, Status, TriggerType},
    draft::{choose_environment, draft},
    events,
    image::is_tag,
    payload::TriggerPayload,
    progress, resume,
    rollout_policy::Queue,
    store,
    window::{self, WindowWait},
};
use crate::{
    access::{self, Caller, Object, Operation},
    app::App,
    audit::{self, Entry},
    db::Tx,
    error::Error,
    flaw::Flaw,
    in_tx,
};

/// A deployment to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewDeployment {
    /// The version: an image tag.
    pub version: String,
    /// Where; `default` if not given, or the only environment there is.
    pub environment: Option<String>,
    /// Why it is to begin now, should no window of the environment be open: takes `window:override`, unless the windows let
    /// everybody.
    #[schema(min_length = 1, max_length = 500)]
    pub override_reason: Option<String>,
}

/// Where to go back to.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RollbackTo {
    /// A successful deployment of the same application in the same environment.
    pub to: Option<DeploymentId>,
}

/// A deployment was accepted.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Accepted {
    /// The deployment.
    pub deployment_id: DeploymentId,
}

impl Deployment {
    /// The answer to whoever asked for it.
    pub(super) fn accepted(&self) -> Accepted {
        Accepted {
            deployment_id: self.id,
        }
    }
}

/// What is asked for.
pub(super) struct Request {
    pub application: ApplicationId,
    /// None: the default one.
    pub environment: Option<String>,
    pub version: String,
    pub trigger: TriggerType,
    /// The deployment to do again: its plan and digest instead of the application's present ones.
    pub origin: Option<Deployment>,
    /// Only these hosts; none: all of the environment's.
    pub only: Vec<HostId>,
    /// Why it begins whatever the windows say. Whoever asks may, or it is refused.
    pub override_reason: Option<String>,
    /// A call with the same key is the same call.
    pub key: Option<String>,
    /// What was sent, of a call from outside.
    pub payload: Option<TriggerPayload>,
}

/// A deployment by hand.
pub(super) async fn deploy(
    app: &App,
    caller: &Caller,
    application: ApplicationId,
    new: NewDeployment,
    key: Option<String>,
) -> Result<Deployment, DeliveryError> {
    let request = Request {
        application,
        environment: new.environment,
        version: new.version,
        trigger: TriggerType::Manual,
        origin: None,
        only: Vec::new(),
        override_reason: window::read_reason(new.override_reason.as_deref())?.map(str::to_owned),
        key,
        payload: None,
    };
    Box::pin(enqueue(app, caller, request)).await
}

/// The same version, with the same digest and settings, again.
pub(super) async fn redeploy(
    app: &App,
    caller: &Caller,
    id: DeploymentId,
) -> Result<Deployment, DeliveryError> {
    let origin = deployment::find_for(app, caller, Operation::DeploymentCreate, id).await?;
    repeat(app, caller, origin, TriggerType::Redeploy).await
}

/// Goes back: to `to` if it is given; to this deployment if it succeeded and another one did after it; else to the last
/// one that succeeded before it ended.
pub(super) async fn rollback(
    app: &App,
    caller: &Caller,
    id: DeploymentId,
    wanted: RollbackTo,
) -> Result<Deployment, DeliveryError> {
    let org = caller.org();
    let from = deployment::find_for(app, caller, Operation::DeploymentCreate, id).await?;
    if !from.status.is_final() {
        return Err(DeliveryError::NotEnded);
    }
    if let Some(to) = wanted.to {
        let to = deployment::find_for(app, caller, Operation::DeploymentCreate, to).await?;
        let same = to.application_id == from.application_id && to.environment == from.environment;
        if !same || to.status != Status::Success {
            let message = "a successful deployment of the same application in the same environment";
            return Err(DeliveryError::invalid("to", message));
        }
        return repeat(app, caller, to, TriggerType::Rollback).await;
    }
    let success = async |before| {
        store::deployment::find_success(&app.db, org, from.application_id, &from.environment, before).await
    };
    let newest = success(None).await?;
    let ours = !matches!(from.trigger_type, TriggerType::Tracker(_));
    let is_earlier =
        ours && from.status == Status::Success && newest.is_some_and(|newest| newest.id != from.id);
    let to = if is_earlier {
        Some(from.clone())
    } else {
        let ended = from.completed_at.unwrap_or(from.created_at);
        success(Some((ended, from.id))).await?
    };
    let to = to.ok_or(DeliveryError::NothingToGoBackTo)?;
    repeat(app, caller, to, TriggerType::Rollback).await
}

async fn repeat(
    app: &App,
    caller: &Caller,
    origin: Deployment,
    trigger: TriggerType,
) -> Result<Deployment, DeliveryError> {
    let request = Request {
        application: origin.application_id,
        environment: Some(origin.environment.clone()),
        version: origin.version.clone(),
        trigger,
        origin: Some(origin),
        only: Vec::new(),
        override_reason: None,
        key: None,
        payload: None,
    };
    Box::pin(enqueue(app, caller, request)).await
}

/// Records what is asked for and wakes the driver.
pub(super) async fn enqueue(
    app: &App,
    caller: &Caller,
    request: Request,
) -> Result<Deployment, DeliveryError> {
    caller.require(Operation::DeploymentCreate)?;
    caller.require_on(
        Operation::DeploymentCreate,
        &Object::Application(request.application),
    )?;
    if !is_tag(&request.version) {
        return Err(DeliveryError::invalid("version", Flaw::Tag));
    }
    check_key(request.key.as_deref())?;
    let org = caller.org();
    if let Some(first) = repeated(app, caller, &request).await? {
        return Ok(first);
    }
    let application = application::find(app, org, request.application).await?;
    let environment = choose_environment(&application, request.environment.clone())?;
    let object = Object::ApplicationIn(application.id, &environment);
    if !caller.reaches(&object) {
        return Err(DeliveryError::NoEnvironment(environment));
    }
    let mut draft = draft(app, caller, &application, environment, &request).await?;
    if draft.override_reason.is_some() {
        let windows = draft.plan.target.windows.as_ref();
        window::require_override(caller, &object_of(&draft), windows)?;
    }
    let wait = window::ahead(&draft, draft.created_at)?;
    draft.waits_for_window = wait.is_some();
    draft.opens_at = wait.and_then(|wait| wait.opens);
    let approvers = match draft.status {
        Status::WaitingApproval => {
            access::approvers(app, org, &object_of(&draft), &draft.triggered_by.person)
                .await
                .map_err(Error::from)?
        }
        _ => Vec::new(),
    };
    let made = in_tx!(app.db, |tx| {
        if !store::application::lock(tx, org, application.id).await? {
            return Err(DeliveryError::NotFound("application"));
        }
        let id = draft.id;
        let made = insert(app, caller, tx, (draft, wait), request.key.as_deref()).await?;
        // Not for a call that came again.
        if made.deployment.id == id {
            if let Some(payload) = &request.payload {
                store::deployment_payload::set(tx, org, id, payload).await?;
            }
            approval::ask(app, tx, &approvers, &made.deployment, org).await?;
        }
        made
    });
    for id in made.superseded {
        app.delivery.changed(id);
    }
    app.delivery.wake.notify_one();
    Ok(made.deployment)
}

fn object_of(draft: &Deployment) -> Object<'_> {
    Object::ApplicationIn(draft.application_id, &draft.environment)
}

/// What an earlier call with the same key asked for. A repeat costs one look, writes nothing and waits for nobody; of two
/// that come at the same moment, [`insert`] decides.
async fn repeated(
    app: &App,
    caller: &Caller,
    request: &Request,
) -> Result<Option<Deployment>, DeliveryError> {
    let (Some(key), Some(environment)) = (&request.key, &request.environment) else {
        return Ok(None);
    };
    if !caller.reaches(&Object::ApplicationIn(request.application, environment)) {
        return Err(DeliveryError::NoEnvironment(environment.clone()));
    }
    let first = store::deployment::find_keyed(&app.db, caller.org(), request.application, key).await?;
    match first {
        Some(first) => same_call(first, &request.version, environment).map(Some),
        None => Ok(None),
    }
}

pub(super) fn same_call(
    first: Deployment,
    version: &str,
    environment: &str,
) -> Result<Deployment, DeliveryError> {
    if first.version == version && first.environment == environment {
        Ok(first)
    } else {
        Err(DeliveryError::KeyReused(first.version))
    }
}

struct Made {
    deployment: Deployment,
    superseded: Vec<DeploymentId>,
}

/// The application is locked: of two calls with the same key the second finds what the first made.
async fn insert(
    app: &App,
    caller: &Caller,
    tx: &mut Tx,
    (draft, wait): (Deployment, Option<WindowWait>),
    key: Option<&str>,
) -> Result<Made, DeliveryError> {
    let org = caller.org();
    let first = match key {
        Some(key) => store::deployment::find_by_key(tx, org, draft.application_id, key).await?,
        None => None,
    };
    if let Some(first) = first {
        return Ok(Made {
            deployment: same_call(first, &draft.version, &draft.environment)?,
            superseded: Vec::new(),
        });
    }
    if draft.trigger_type == TriggerType::Reconcile {
        yields(tx, &draft).await?;
    }
    if draft.trigger_type == TriggerType::Resume {
        resume::check_last(tx, &draft).await?;
    }
    let waiting = supersede(tx, &draft, draft.created_at).await?;
    store::deployment::insert(tx, &draft, key).await?;
    if let Some(wait) = wait {
        store::turn::wait_for_window(tx, org, draft.id, wait).await?;
    }
    store::version::note(tx, org, draft.application_id, &draft.version, draft.created_at).await?;
    events::note_status(tx, draft.id, draft.status, None, draft.created_at).await?;
    let entry = Entry::done(Operation::DeploymentCreate, "deployment", draft.id).after(&draft);
    audit::record(app, tx, caller, Some(org), entry).await?;
    if let Some(reason) = &draft.override_reason {
        let entry = window::overridden(draft.id, reason);
        audit::record(app, tx, caller, Some(org), entry).await?;
    }
    Ok(Made {
        deployment: draft,
        superseded: waiting,
    })
}

/// What puts right what somebody changed by hand takes nobody's place: what waits or runs there changes the hosts anyway.
async fn yields(tx: &mut Tx, to: &Deployment) -> Result<(), DeliveryError> {
    let (org, application, environment) = (to.org, to.application_id, to.environment.as_str());
    let waits = store::deployment::list_pending(tx, org, application, environment).await?;
    if !waits.is_empty()
        || store::turn::holder(tx, org, application, environment)
            .await?
            .is_some()
    {
        return Err(DeliveryError::DeploymentUnderWay);
    }
    Ok(())
}

/// Ends what waits in the same place, unless it is to be waited behind. What this one still has to be approved of
/// takes nobody's place yet.
pub(super) async fn supersede(
    tx: &mut Tx,
    by: &Deployment,
    now: UnixMs,
) -> Result<Vec<DeploymentId>, DeliveryError> {
    if by.plan.target.rollout.queue == Queue::Queue {
        return Ok(Vec::new());
    }
    let mut superseded = Vec::new();
    for id in store::deployment::list_pending(tx, by.org, by.application_id, &by.environment).await? {
        let Some(waiting) = store::deployment::find_in(tx, by.org, id).await? else {
            continue;
        };
        let stays = by.status == Status::WaitingApproval && waiting.status == Status::Pending;
        if id == by.id || stays {
            continue;
        }
        let reason = format!("superseded by {} before it began", by.id);
        progress::finish(tx, &waiting, Status::Cancelled, Some(&reason), None, now).await?;
        superseded.push(id);
    }
    Ok(superseded)
}

pub(super) fn check_key(key: Option<&str>) -> Result<(), DeliveryError> {
    let plain =
        key.is_none_or(|key| (1..=200).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic()));
    if plain {
        return Ok(());
    }
    Err(DeliveryError::invalid("Idempotency-Key", Flaw::Visible(200)))
}
