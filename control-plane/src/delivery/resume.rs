//! Going on with a rollout that has stopped: at its threshold, because it was called off, or with hosts that failed.
//!
//! What has ended stays as it ended. Going on is a deployment of its own (`resume`, with `originId`): the same version,
//! digest and container, on those hosts of the first that are not on it and are still the environment's, by the
//! environment's rollout policy of today. What was approved stays approved: it is what was approved of. Windows hold as
//! for any other deployment.
//!
//! # Who
//! `deployment:create`, as for the deployment itself.
//!
//! # What fails
//! - Another deployment began there, or waits to: going on would put an older version beside a newer one. It is refused.
//! - The changed hosts went back, or nothing was left undone: there is nothing to go on with.
//! - While it runs it holds the place as any deployment does, by the same unique index; two who go on at once make one.

use muster_base::HostId;

use super::{
    DeliveryError,
    deployment::{Deployment, Phase, Status, TriggerType},
    store, trigger,
};
use crate::{access::Caller, app::App, db::Tx};

/// Goes on with what has ended.
pub(super) async fn go_on(
    app: &App,
    caller: &Caller,
    stopped: Deployment,
) -> Result<Deployment, DeliveryError> {
    let hosts = store::progress::list_hosts(&app.db, stopped.id).await?;
    let left: Vec<HostId> = hosts
        .iter()
        .filter(|host| host.status != Status::Success)
        .map(|host| host.host_id)
        .collect();
    if left.is_empty() || stopped.phase == Phase::RollingBack {
        return Err(DeliveryError::NothingToGoOnWith);
    }
    let request = trigger::Request {
        application: stopped.application_id,
        environment: Some(stopped.environment.clone()),
        version: stopped.version.clone(),
        trigger: TriggerType::Resume,
        origin: Some(stopped),
        only: left,
        override_reason: None,
        key: None,
        payload: None,
    };
    Box::pin(trigger::enqueue(app, caller, request)).await
}

/// Passes if nothing came after what is gone on with. The application is locked: nothing comes in between.
pub(super) async fn check_last(tx: &mut Tx, draft: &Deployment) -> Result<(), DeliveryError> {
    let (org, application, environment) = (draft.org, draft.application_id, draft.environment.as_str());
    let waiting = store::deployment::list_pending(tx, org, application, environment).await?;
    let last = store::turn::last_begun(tx, org, application, environment).await?;
    if waiting.is_empty() && last == draft.origin_id {
        return Ok(());
    }
    Err(DeliveryError::Overtaken)
}
