//! What the hosts say of their orders, and what a deployment concludes from it.

use futures_util::future::BoxFuture;
use muster_base::{DeploymentId, OrgId, SecretString, UnixMs};
use muster_protocol::latest as wire;

use super::{
    application::Lifecycle,
    deployment::{Deployment, DeploymentHost, DeploymentStep, Status, StepStatus},
    events, order, store,
};
use crate::{
    app::App,
    db::{DbError, Tx},
    work::{Listener, Order, OrderState, SecretsError},
};

/// The deployment's part of what [`crate::work`] tells of its orders, in the transactions that store it.
#[derive(Debug)]
pub(super) struct DeployOrders;

impl Listener for DeployOrders {
    fn secrets<'a>(
        &'a self,
        app: &'a App,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<Vec<(String, SecretString)>, SecretsError>> {
        Box::pin(order::secrets(app, order.org, deployment_of(order)))
    }

    fn moved<'a>(
        &'a self,
        app: &'a App,
        tx: &'a mut Tx,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<(), DbError>> {
        Box::pin(note_move(app, tx, order))
    }

    fn event<'a>(
        &'a self,
        _app: &'a App,
        tx: &'a mut Tx,
        order: &'a Order,
        event: &'a wire::OrderEvent,
    ) -> BoxFuture<'a, Result<(), DbError>> {
        Box::pin(note_event(tx, order, event))
    }

    fn committed(&self, app: &App, order: &Order) {
        app.delivery.changed(deployment_of(order));
        app.delivery.wake.notify_one();
    }
}

fn deployment_of(order: &Order) -> DeploymentId {
    DeploymentId::from_uuid(order.subject_id)
}

/// Notes a host's event. Heard twice, it counts once.
async fn note_event(tx: &mut Tx, order: &Order, event: &wire::OrderEvent) -> Result<(), DbError> {
    let (id, host) = (deployment_of(order), order.host_id);
    if !store::deployment::exists(tx, order.org, id).await? {
        return Ok(());
    }
    let source = format!("{host}:{}", event.seq);
    match &event.what {
        wire::StepReport::Log(line) => events::note_log(tx, id, &source, host, (event.at, line)).await,
        wire::StepReport::Step {
            index,
            name,
            status,
            duration_ms,
            rows: _,
            detail,
        } => {
            let step = DeploymentStep {
                host_id: Some(host),
                position: i64::from(*index),
                name: name.clone(),
                status: step_status(*status),
                duration_ms: duration_ms.and_then(|ms| i64::try_from(ms).ok()),
                detail: detail.clone(),
                at: event.at,
            };
            events::note_step(tx, id, &source, &step).await?;
            Ok(())
        }
    }
}

/// Notes where an order stands, and the deployment's own end if that was the last order's.
async fn note_move(app: &App, tx: &mut Tx, order: &Order) -> Result<(), DbError> {
    let (id, host, now) = (deployment_of(order), order.host_id, app.clock.now());
    let status = match order.state {
        OrderState::Queued | OrderState::Sent => return Ok(()),
        OrderState::WaitingForHost => {
            if !store::deployment::exists(tx, order.org, id).await? {
                return Ok(());
            }
            let line = format!(
                "the host is not connected; the order waits for it until {}",
                order.expires_at
            );
            return events::note_log(tx, id, &format!("{host}:waiting"), host, (now, &line)).await;
        }
        OrderState::Accepted => return store::progress::set_host_running(tx, id, host, now).await,
        OrderState::Done => Status::Success,
        OrderState::RolledBack => Status::RolledBack,
        OrderState::Cancelled => Status::Cancelled,
        OrderState::Failed | OrderState::Refused | OrderState::Expired | OrderState::NeedsAttention => {
            Status::Failure
        }
    };
    if !store::deployment::lock(tx, order.org, id).await? {
        return Ok(());
    }
    let end = store::progress::HostEnd {
        status,
        digest: order.digest.as_deref(),
        error: order.error.as_deref(),
        at: now,
    };
    store::progress::finish_host(tx, id, host, &end).await?;
    conclude(tx, order.org, id, now).await
}

/// Ends the deployment if all of its hosts have ended. The caller has locked it.
pub(super) async fn conclude(tx: &mut Tx, org: OrgId, id: DeploymentId, now: UnixMs) -> Result<(), DbError> {
    let hosts = store::progress::list_hosts_in(tx, id).await?;
    if hosts.is_empty() || hosts.iter().any(|host| host.ended_at.is_none()) {
        return Ok(());
    }
    let Some(deployment) = store::deployment::find_in(tx, org, id).await? else {
        return Ok(());
    };
    let status = overall(&hosts);
    let error = first_error(&hosts);
    let digest = hosts.iter().find_map(|host| host.digest.clone());
    finish(tx, &deployment, status, error.as_deref(), digest.as_deref(), now).await
}

/// Ends a deployment, with its event and what it means for the application. Does nothing if it has ended.
pub(super) async fn finish(
    tx: &mut Tx,
    deployment: &Deployment,
    status: Status,
    error: Option<&str>,
    digest: Option<&str>,
    at: UnixMs,
) -> Result<(), DbError> {
    // The digest that was ordered stays: what ran before is not what this deployment is about.
    let digest = if deployment.digest.is_none() && status == Status::Success {
        digest
    } else {
        None
    };
    let end = store::deployment::End {
        status,
        error,
        digest,
        at,
    };
    if !store::deployment::finish(tx, deployment.org, deployment.id, &end).await? {
        return Ok(());
    }
    events::note_status(tx, deployment.id, status, error, at).await?;
    let lifecycle = match status {
        Status::Success => Lifecycle::Deployed,
        Status::Failure | Status::RolledBack => Lifecycle::DeployFailed,
        Status::Pending | Status::WaitingApproval | Status::Running | Status::Cancelled => {
            let before =
                store::deployment::has_success(tx, deployment.org, deployment.application_id).await?;
            if before {
                Lifecycle::Deployed
            } else {
                Lifecycle::Created
            }
        }
    };
    store::application::set_status(tx, deployment.org, deployment.application_id, lifecycle).await?;
    Ok(())
}

/// One word for all hosts: what all of them say; else failure if any failed or if they now differ; else cancelled.
fn overall(hosts: &[DeploymentHost]) -> Status {
    let all = |status| hosts.iter().all(|host| host.status == status);
    let any = |status| hosts.iter().any(|host| host.status == status);
    if all(Status::Success) {
        Status::Success
    } else if all(Status::RolledBack) {
        Status::RolledBack
    } else if any(Status::Cancelled) && !any(Status::Failure) && !any(Status::RolledBack) {
        Status::Cancelled
    } else {
        Status::Failure
    }
}

fn first_error(hosts: &[DeploymentHost]) -> Option<String> {
    let wrong = hosts.iter().filter(|host| host.status != Status::Success);
    let (count, mut told) = (
        hosts.len(),
        wrong
            .clone()
            .filter_map(|host| host.error.as_ref().map(|e| (host, e))),
    );
    let (host, error) = told.next()?;
    if count == 1 {
        return Some(error.clone());
    }
    Some(format!(
        "{} of {count} hosts not done; {}: {error}",
        wrong.count(),
        host.host_name
    ))
}

fn step_status(status: wire::StepStatus) -> StepStatus {
    match status {
        wire::StepStatus::Running => StepStatus::Running,
        wire::StepStatus::Done => StepStatus::Done,
        wire::StepStatus::Failed => StepStatus::Failed,
        wire::StepStatus::Skipped => StepStatus::Skipped,
    }
}

#[cfg(test)]
mod tests {
    use muster_base::Clock;

    use super::*;

    fn hosts(statuses: &[Status]) -> Vec<DeploymentHost> {
        let clock = Clock::system();
        statuses
            .iter()
            .map(|status| DeploymentHost {
                host_id: clock.new_id(),
                host_name: "h".to_owned(),
                order_id: None,
                status: *status,
                digest: None,
                error: (*status != Status::Success).then(|| "broken".to_owned()),
                started_at: None,
                ended_at: Some(clock.now()),
            })
            .collect()
    }

    #[test]
    fn hosts_that_now_differ_are_a_failure() {
        use Status::{Cancelled, Failure, RolledBack, Success};
        for (statuses, expected) in [
            (vec![Success, Success], Success),
            (vec![RolledBack, RolledBack], RolledBack),
            (vec![Success, RolledBack], Failure),
            (vec![Success, Cancelled], Cancelled),
            (vec![Cancelled, Failure], Failure),
            (vec![Cancelled, RolledBack], Failure),
        ] {
            assert_eq!(overall(&hosts(&statuses)), expected, "{statuses:?}");
        }
    }

    #[test]
    fn the_error_of_one_of_many_names_its_host() {
        let told = first_error(&hosts(&[Status::Success, Status::Failure])).unwrap();
        assert_eq!(told, "1 of 2 hosts not done; h: broken");
        assert_eq!(first_error(&hosts(&[Status::RolledBack])).unwrap(), "broken");
        assert_eq!(first_error(&hosts(&[Status::Success])), None);
    }
}
