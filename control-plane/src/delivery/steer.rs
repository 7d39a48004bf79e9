//! Steering deployments that are under way: pausing, going on, calling off.

use muster_base::DeploymentId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    DeliveryError, advance,
    deployment::{self, Deployment, Phase, Status},
    order, progress, resume, store,
};
use crate::{
    access::{Caller, Operation},
    app::App,
    audit::{self, Entry},
    db::Tx,
    in_tx,
};

/// How a deployment is called off.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CallOff {
    /// Whether hosts that are done already go back to what ran there before.
    #[serde(default)]
    pub roll_back: bool,
}

/// Calls a deployment off: one that waits ends at once, one that runs when its hosts have put things back.
pub(super) async fn cancel(
    app: &App,
    caller: &Caller,
    id: DeploymentId,
    how: CallOff,
) -> Result<Deployment, DeliveryError> {
    let org = caller.org();
    let now = app.clock.now();
    let orders = in_tx!(app.db, |tx| {
        let deployment = locked(caller, tx, id, Operation::DeploymentCancel).await?;
        if deployment.status.is_final() {
            return Err(DeliveryError::Ended(deployment.status.as_str()));
        }
        let back = how.roll_back || deployment.back_asked;
        store::deployment::ask_cancel(tx, org, id, back).await?;
        let hosts = store::progress::list_hosts_in(tx, id).await?;
        if hosts.is_empty() {
            progress::finish(tx, &deployment, Status::Cancelled, Some("called off"), None, now).await?;
        }
        let entry = Entry::done(Operation::DeploymentCancel, "deployment", id);
        let entry = if how.roll_back {
            entry.detail("changed hosts go back")
        } else {
            entry
        };
        audit::record(app, tx, caller, Some(org), entry).await?;
        advance::settle(tx, org, id, now).await?;
        let unfinished = hosts.into_iter().filter(|host| host.ended_at.is_none());
        unfinished.filter_map(|host| host.order_id).collect::<Vec<_>>()
    });
    // Each in a transaction of its own: whoever holds an order's row goes on to the deployment's, never back.
    for order in orders {
        order::cancel(app, &caller.actor.name(), order).await?;
    }
    app.delivery.changed(id);
    app.delivery.wake.notify_one();
    deployment::find(app, org, id).await
}

/// Asks no further batch until somebody says "go on".
pub(super) async fn pause(app: &App, caller: &Caller, id: DeploymentId) -> Result<Deployment, DeliveryError> {
    let (org, now) = (caller.org(), app.clock.now());
    in_tx!(app.db, |tx| {
        let deployment = locked(caller, tx, id, Operation::DeploymentCreate).await?;
        require_phase(&deployment, Phase::Rolling)?;
        store::rollout::ask_pause(tx, org, id).await?;
        let entry = Entry::done(Operation::DeploymentCreate, "deployment", id).detail("paused");
        audit::record(app, tx, caller, Some(org), entry).await?;
        advance::settle(tx, org, id, now).await?;
    });
    app.delivery.changed(id);
    deployment::find(app, org, id).await
}

/// Goes on with the next batch of a paused deployment; with one that has ended, by another on the hosts that it left.
pub(super) async fn resume(
    app: &App,
    caller: &Caller,
    id: DeploymentId,
) -> Result<Deployment, DeliveryError> {
    let org = caller.org();
    let deployment = deployment::find_for(app, caller, Operation::DeploymentCreate, id).await?;
    if deployment.status.is_final() {
        return resume::go_on(app, caller, deployment).await;
    }
    require_phase(&deployment, Phase::Paused)?;
    let hosts = store::progress::list_hosts(&app.db, id).await?;
    let waiting = hosts
        .iter()
        .filter(|host| host.order_id.is_none() && host.ended_at.is_none());
    let batch = waiting.map(|host| host.batch).min();
    in_tx!(app.db, |tx| {
        let entry = Entry::done(Operation::DeploymentCreate, "deployment", id).detail("went on");
        audit::record(app, tx, caller, Some(org), entry).await?;
    });
    if let Some(batch) = batch {
        advance::order_batch(app, &deployment, batch, true).await?;
    }
    app.delivery.changed(id);
    app.delivery.wake.notify_one();
    deployment::find(app, org, id).await
}

pub(super) async fn locked(
    caller: &Caller,
    tx: &mut Tx,
    id: DeploymentId,
    operation: Operation,
) -> Result<Deployment, DeliveryError> {
    caller.require(operation)?;
    let org = caller.org();
    store::deployment::lock(tx, org, id).await?;
    let found = store::deployment::find_in(tx, org, id).await?;
    let deployment = found.ok_or(DeliveryError::NotFound("deployment"))?;
    deployment.require(caller, operation)?;
    Ok(deployment)
}

fn require_phase(deployment: &Deployment, phase: Phase) -> Result<(), DeliveryError> {
    if deployment.status != Status::Running {
        return Err(DeliveryError::NotInPhase(
            phase.as_str(),
            deployment.status.as_str(),
        ));
    }
    if deployment.phase != phase || deployment.cancel_asked {
        return Err(DeliveryError::NotInPhase(
            phase.as_str(),
            deployment.phase.as_str(),
        ));
    }
    Ok(())
}
