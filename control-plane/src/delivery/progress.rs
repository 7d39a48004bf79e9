//! What the hosts say of their orders, and what a deployment concludes from it.

use futures_util::future::BoxFuture;
use muster_base::{DeploymentId, SecretString, UnixMs};
use muster_protocol::latest as wire;

use super::{
    advance,
    application::Lifecycle,
    deployment::{Deployment, DeploymentHost, DeploymentStep, Phase, Status, StepStatus},
    events,
    image::is_digest,
    order,
    store::{self, rollout::Role},
};
use crate::{
    app::App,
    db::{DbError, Tx},
    work::{Listener, Order, OrderState, SecretsError},
};

/// Steps of the way back come after those of the way there.
const FIRST_STEP_BACK: i64 = 100;

/// The deployment's part of what [`crate::work`] tells of its orders, in the transactions that store it.
#[derive(Debug)]
pub(super) struct DeployOrders;

impl Listener for DeployOrders {
    fn secrets<'a>(
        &'a self,
        app: &'a App,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<Vec<(String, SecretString)>, SecretsError>> {
        Box::pin(secrets_of(app, order))
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

/// The secrets of what the order puts there: this deployment's, or those of the one that it goes back to.
async fn secrets_of(app: &App, order: &Order) -> Result<Vec<(String, SecretString)>, SecretsError> {
    let id = deployment_of(order);
    let planned = match store::rollout::find_role(&app.db, order.org, id, order.id).await? {
        Some(Role::Back(to)) => to,
        Some(Role::Forward) | None => id,
    };
    order::secrets(app, order.org, planned).await
}

/// Notes a host's event. Heard twice, it counts once.
async fn note_event(tx: &mut Tx, order: &Order, event: &wire::OrderEvent) -> Result<(), DbError> {
    let (id, host) = (deployment_of(order), order.host_id);
    let (source, first) = match store::rollout::role_of(tx, order.org, id, order.id).await? {
        None => return Ok(()),
        Some(Role::Forward) => (format!("{host}:{}", event.seq), 0),
        Some(Role::Back(_)) => (format!("{host}:back:{}", event.seq), FIRST_STEP_BACK),
    };
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
                position: first + i64::from(*index),
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
    let Some(role) = store::rollout::role_of(tx, order.org, id, order.id).await? else {
        return Ok(());
    };
    let status = match order.state {
        OrderState::Queued | OrderState::Sent => return Ok(()),
        OrderState::WaitingForHost => {
            let line = format!(
                "the host is not connected; the order waits for it until {}",
                order.expires_at
            );
            let source = format!("{}:waiting", order.id);
            return events::note_log(tx, id, &source, host, (now, &line)).await;
        }
        OrderState::Accepted => match role {
            Role::Forward => return store::progress::set_host_running(tx, id, host, now).await,
            Role::Back(_) => Status::Running,
        },
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
    let (digest, error) = (order.digest.as_deref(), order.error.as_deref());
    if status != Status::Running {
        let shown = match role {
            Role::Back(_) if status == Status::Success => Status::RolledBack,
            Role::Back(_) => Status::Failure,
            Role::Forward => status,
        };
        events::note_host(tx, id, &format!("{}:end", order.id), host, (shown, error), now).await?;
    }
    match role {
        Role::Back(to) => {
            store::rollout::note_back(tx, id, host, status, (digest, error)).await?;
            if status == Status::Success {
                note_placed(tx, order, to, now).await?;
            }
        }
        Role::Forward => {
            let end = store::progress::HostEnd {
                status,
                digest,
                error,
                at: now,
            };
            if store::progress::finish_host(tx, id, host, &end).await? && status == Status::Success {
                note_placed(tx, order, id, now).await?;
            }
            // A host's word: it chooses among the images of this repository, and nothing else.
            if let (Status::Success, Some(digest)) = (status, digest.filter(|digest| is_digest(digest))) {
                store::progress::pin(tx, order.org, id, digest).await?;
            }
        }
    }
    advance::settle(tx, order.org, id, now).await
}

/// The host has what the deployment `what` says, by this order: what is there is compared with that from now on.
async fn note_placed(tx: &mut Tx, order: &Order, what: DeploymentId, now: UnixMs) -> Result<(), DbError> {
    let Some(put) = store::deployment::find_in(tx, order.org, what).await? else {
        return Ok(());
    };
    let at = (order.host_id, order.id);
    let trigger = put.trigger_type.clone();
    store::placement::put(tx, &put, at, order.digest.as_deref(), trigger, now).await
}

/// Ends a deployment that has nothing left to do. The caller has locked it.
pub(super) async fn end(
    tx: &mut Tx,
    deployment: &Deployment,
    hosts: &[DeploymentHost],
    now: UnixMs,
) -> Result<(), DbError> {
    let status = overall(deployment, hosts);
    let error = first_error(hosts);
    let digest = hosts.iter().find_map(|host| host.digest.clone());
    finish(tx, deployment, status, error.as_deref(), digest.as_deref(), now).await
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
        Status::Pending | Status::WaitingApproval | Status::Running | Status::Cancelled | Status::Skipped => {
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

/// One word for all hosts: what all of them say, hosts that were left out aside; success, too, if no more failed than
/// may; else failure if any failed or if they now differ; else cancelled.
fn overall(deployment: &Deployment, hosts: &[DeploymentHost]) -> Status {
    let asked = || hosts.iter().filter(|host| host.status != Status::Skipped);
    let all = |status| asked().all(|host| host.status == status);
    let any = |status| asked().any(|host| host.status == status);
    let count = |status| asked().filter(|host| host.status == status).count();
    if asked().next().is_none() {
        return Status::Failure;
    }
    if deployment.phase == Phase::RollingBack {
        let back = !any(Status::Success);
        return if back { Status::RolledBack } else { Status::Failure };
    }
    let failed = count(Status::Failure) + count(Status::RolledBack);
    let may_fail = deployment.plan.target.rollout.max_failures.of(hosts.len(), false);
    if all(Status::Success) || (any(Status::Success) && failed <= may_fail && !any(Status::Cancelled)) {
        Status::Success
    } else if all(Status::RolledBack) {
        Status::RolledBack
    } else if any(Status::Cancelled) && failed == 0 {
        Status::Cancelled
    } else {
        Status::Failure
    }
}

fn first_error(hosts: &[DeploymentHost]) -> Option<String> {
    let wrong = hosts
        .iter()
        .filter(|host| host.status != Status::Success || host.back.is_some());
    let count = hosts.len();
    // What could not go back says most, then what failed by itself, then what went back with the rest, then what was left
    // out.
    let told = wrong.clone().filter_map(|host| {
        let of_back = host.back.as_ref().and_then(|back| back.error.as_ref());
        let error = of_back.or(host.error.as_ref())?;
        let rank = match host.status {
            _ if of_back.is_some() => 0,
            Status::Failure | Status::RolledBack | Status::Success if host.back.is_none() => 1,
            Status::Failure | Status::RolledBack | Status::Success => 2,
            _ => 3,
        };
        Some((rank, host, error))
    });
    let (_, host, error) = told.min_by_key(|(rank, ..)| *rank)?;
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
    use crate::delivery::{deployment::HostBack, tests::a_deployment};

    fn hosts(statuses: &[Status]) -> Vec<DeploymentHost> {
        let clock = Clock::system();
        statuses
            .iter()
            .map(|status| DeploymentHost {
                host_id: clock.new_id(),
                host_name: "h".to_owned(),
                batch: 0,
                order_id: None,
                status: *status,
                digest: None,
                error: (*status != Status::Success).then(|| "broken".to_owned()),
                started_at: None,
                ended_at: Some(clock.now()),
                back: None,
            })
            .collect()
    }

    #[test]
    fn hosts_that_now_differ_are_a_failure_unless_so_many_may_fail() {
        use Status::{Cancelled, Failure, RolledBack, Skipped, Success};
        let mut deployment = a_deployment();
        for (statuses, expected) in [
            (vec![Success, Success], Success),
            (vec![Success, Skipped], Success),
            (vec![Skipped], Failure),
            (vec![RolledBack, RolledBack], RolledBack),
            (vec![RolledBack, Skipped], RolledBack),
            (vec![Success, RolledBack], Failure),
            (vec![Success, Cancelled], Cancelled),
            (vec![Cancelled, Failure], Failure),
            (vec![Cancelled, RolledBack], Failure),
        ] {
            assert_eq!(overall(&deployment, &hosts(&statuses)), expected, "{statuses:?}");
        }
        deployment.plan.target.rollout.max_failures = serde_json::from_str("\"50%\"").unwrap();
        assert_eq!(overall(&deployment, &hosts(&[Success, RolledBack])), Success);
        deployment.phase = Phase::RollingBack;
        assert_eq!(
            overall(&deployment, &hosts(&[RolledBack, Failure, Skipped])),
            RolledBack
        );
        assert_eq!(overall(&deployment, &hosts(&[RolledBack, Success])), Failure);
    }

    #[test]
    fn the_error_of_one_of_many_names_its_host() {
        let told = first_error(&hosts(&[Status::Success, Status::Failure])).unwrap();
        assert_eq!(told, "1 of 2 hosts not done; h: broken");
        assert_eq!(first_error(&hosts(&[Status::RolledBack])).unwrap(), "broken");
        assert_eq!(first_error(&hosts(&[Status::Success])), None);
        let mut left_out = hosts(&[Status::Skipped, Status::Failure]);
        left_out[0].error = Some("left out".to_owned());
        assert_eq!(
            first_error(&left_out).unwrap(),
            "2 of 2 hosts not done; h: broken"
        );
        let mut with_the_rest = hosts(&[Status::RolledBack, Status::RolledBack]);
        with_the_rest[0].error = Some("rolled back with the rest".to_owned());
        with_the_rest[0].back = Some(HostBack {
            status: Status::Success,
            order_id: None,
            to: None,
            error: None,
        });
        assert_eq!(
            first_error(&with_the_rest).unwrap(),
            "2 of 2 hosts not done; h: broken",
            "why it stopped, not what came of that"
        );
    }
}
