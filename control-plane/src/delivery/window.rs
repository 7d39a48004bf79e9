//! Deployment windows: when deployments may begin in an environment of an application.
//!
//! # Data
//! The windows are part of the environment ([`ApplicationEnvironment::windows`]), as in [`crate::windows`]. A deployment
//! that waits for one is *pending*, and says so and when it opens (`look_at`, `opens_at` of its row).
//!
//! # What is held up
//! Every deployment but a rollback, whatever asked for it, by the windows as they are when its turn comes. What has begun
//! goes on when a window closes, batch after batch. One that waits can be called off, and is superseded as any that waits.
//! Where the windows say so, what comes while none is open is refused instead.
//!
//! # Who
//! Setting them is `application:write`; making them looser takes `window:override` too. Beginning outside of them takes
//! `deployment:create`, a reason, and `window:override` unless the windows let everybody.
//!
//! # What fails
//! Waiting deployments are looked at again every half a minute and when their window opens: a stop or a crash loses
//! nothing, and windows that are changed hold for what waits already.

use muster_base::{DeploymentId, UnixMs};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    DeliveryError,
    application::Application,
    deployment::{self, Deployment, Status, TriggerType},
    environment::ApplicationEnvironment,
    events, steer, store,
};
use crate::{
    access::{Caller, Object, Operation},
    app::App,
    audit::{self, Entry},
    db::{DbError, Tx},
    flaw::Flaw,
    in_tx,
    windows::{
        MaintenanceWindows, OutsideWindows, WindowNow,
        opening::{self, Standing},
    },
};

/// Windows may be changed while a deployment waits for them.
const LOOK_AGAIN_MS: i64 = 30 * UnixMs::SECOND;
const MOST_REASON: usize = 500;

/// Why a deployment that waits for its window is to begin at once.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StartDeployment {
    /// Stands on the deployment and in the audit log.
    #[schema(min_length = 1, max_length = 500)]
    pub override_reason: String,
}

/// How a deployment waits for a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WindowWait {
    pub look_at: UnixMs,
    /// None: none ever does, as the windows are.
    pub opens: Option<UnixMs>,
}

/// How it waits by these windows, if it has to.
fn wait_of(deployment: &Deployment, windows: Option<&MaintenanceWindows>, now: UnixMs) -> Option<WindowWait> {
    let exempt = deployment.trigger_type == TriggerType::Rollback || deployment.override_reason.is_some();
    match opening::at(windows.filter(|_| !exempt)?, now) {
        Standing::Open { .. } => None,
        Standing::Shut { opens } => {
            let again = now.plus_ms(LOOK_AGAIN_MS);
            Some(WindowWait {
                look_at: opens.map_or(again, |opens| opens.min(again)),
                opens,
            })
        }
    }
}

/// How one that is just asked for will wait, or that it is refused.
pub(super) fn ahead(deployment: &Deployment, now: UnixMs) -> Result<Option<WindowWait>, DeliveryError> {
    let windows = deployment.plan.target.windows.as_ref();
    let wait = wait_of(deployment, windows, now);
    match (wait, windows) {
        (Some(wait), Some(windows)) if windows.outside == OutsideWindows::Refuse => {
            Err(DeliveryError::OutsideWindows(wait.opens))
        }
        (wait, _) => Ok(wait.filter(|_| deployment.status == Status::Pending)),
    }
}

/// Whether its turn has to wait for a window, as they are now; then that is noted. The caller has locked it.
pub(super) async fn holds(tx: &mut Tx, deployment: &Deployment, now: UnixMs) -> Result<bool, DbError> {
    let (org, environment) = (deployment.org, &deployment.environment);
    let today = store::environment::find_in(tx, org, deployment.application_id, environment).await?;
    let windows = today.and_then(|environment| environment.windows);
    let Some(wait) = wait_of(deployment, windows.as_ref(), now) else {
        return Ok(false);
    };
    store::turn::wait_for_window(tx, org, deployment.id, wait).await?;
    let (source, line) = match wait.opens {
        Some(opens) => (
            format!("window:{}", opens.0),
            format!("no window of {environment} is open; it waits for the one that opens at {opens}"),
        ),
        None => (
            "window:none".to_owned(),
            format!("no window of {environment} is open, and none ever opens as they are"),
        ),
    };
    events::note_line(tx, deployment.id, &source, (now, &line)).await?;
    Ok(true)
}

/// The windows that hold for a deployment that has not begun, as they are now.
pub(super) async fn now_for(app: &App, deployment: &Deployment) -> Result<Option<WindowNow>, DeliveryError> {
    let waits = matches!(deployment.status, Status::Pending | Status::WaitingApproval);
    if !waits || deployment.trigger_type == TriggerType::Rollback || deployment.override_reason.is_some() {
        return Ok(None);
    }
    let windows = windows_of(app, deployment).await?;
    Ok(windows.map(|windows| WindowNow::of(windows, app.clock.now())))
}

async fn windows_of(app: &App, deployment: &Deployment) -> Result<Option<MaintenanceWindows>, DeliveryError> {
    let application = store::application::find(&app.db, deployment.org, deployment.application_id).await?;
    let environment = application
        .and_then(|mut application: Application| application.environments.remove(&deployment.environment));
    Ok(environment.and_then(|environment| environment.windows))
}

/// Begins a deployment that waits for its window at once, or when what runs in its place has ended.
pub(super) async fn start_now(
    app: &App,
    caller: &Caller,
    id: DeploymentId,
    request: StartDeployment,
) -> Result<Deployment, DeliveryError> {
    let seen = deployment::find_for(app, caller, Operation::DeploymentCreate, id).await?;
    let object = Object::ApplicationIn(seen.application_id, &seen.environment);
    let windows = windows_of(app, &seen).await?;
    require_override(caller, &object, windows.as_ref())?;
    let reason = read_reason(Some(&request.override_reason))?;
    let org = caller.org();
    in_tx!(app.db, |tx| {
        let deployment = steer::locked(caller, tx, id, Operation::DeploymentCreate).await?;
        if deployment.status != Status::Pending || !deployment.waits_for_window {
            return Err(DeliveryError::NoWindowWaitedFor(deployment.status.as_str()));
        }
        if let Some(reason) = reason {
            store::turn::override_window(tx, org, id, reason).await?;
            audit::record(app, tx, caller, Some(org), overridden(id, reason)).await?;
        }
    });
    app.delivery.changed(id);
    app.delivery.wake.notify_one();
    deployment::find(app, org, id).await
}

/// Beginning outside the windows takes `window:override`, unless they let everybody who deploys.
pub(super) fn require_override(
    caller: &Caller,
    object: &Object<'_>,
    windows: Option<&MaintenanceWindows>,
) -> Result<(), DeliveryError> {
    if windows.is_some_and(|windows| windows.anyone_may_override) {
        return Ok(());
    }
    Ok(caller.require_on(Operation::WindowOverride, object)?)
}

/// Making windows looser, or taking an environment with windows away, takes what beginning outside of them does.
pub(super) fn check_change(
    caller: &Caller,
    before: &Application,
    after: &Application,
    now: UnixMs,
) -> Result<(), DeliveryError> {
    for (name, environment) in &before.environments {
        let today = after.environments.get(name);
        let windows = today.and_then(|today: &ApplicationEnvironment| today.windows.as_ref());
        if MaintenanceWindows::is_looser(environment.windows.as_ref(), windows, now) {
            caller.require_on(Operation::WindowOverride, &Object::ApplicationIn(before.id, name))?;
        }
    }
    Ok(())
}

/// The reason without space around it.
pub(super) fn read_reason(reason: Option<&str>) -> Result<Option<&str>, DeliveryError> {
    let Some(reason) = reason.map(str::trim) else {
        return Ok(None);
    };
    let plain = !reason.chars().any(|c| c.is_control() && c != '\n');
    if plain && (1..=MOST_REASON).contains(&reason.chars().count()) {
        return Ok(Some(reason));
    }
    Err(DeliveryError::invalid(
        "overrideReason",
        Flaw::Length(1, MOST_REASON),
    ))
}

/// That somebody deploys whatever the windows say, for the audit.
pub(super) fn overridden(id: DeploymentId, reason: &str) -> Entry {
    Entry::done(Operation::WindowOverride, "deployment", id).detail(format!("begins at once: {reason}"))
}
