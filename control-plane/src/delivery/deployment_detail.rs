//! A deployment with everything that is known of it: its hosts, its steps, and what it waits for.

use muster_base::DeploymentId;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    DeliveryError,
    deployment::{self, Deployment, DeploymentHost, DeploymentStep, Phase, Status, TriggeredBy},
    payload::TriggerPayload,
    store, window,
};
use crate::{
    access::{Caller, Operation},
    app::App,
    windows::WindowNow,
};

/// Reads of a deployment that goes on meanwhile.
const TRIES: usize = 5;

/// A deployment with what happened on each host.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentDetail {
    /// The deployment.
    #[serde(flatten)]
    pub deployment: Deployment,
    /// How many hosts are where.
    pub counts: HostCounts,
    /// What was sent, of one that came of a call from outside: without secrets, and not all of it if it was large.
    pub trigger_payload: Option<TriggerPayload>,
    /// The deployment that runs in the same place while this one waits.
    pub waits_for: Option<Holder>,
    /// The windows of its environment, while it has not begun and they hold for it.
    pub window: Option<WindowNow>,
    /// Each host, batch by batch.
    pub hosts: Vec<DeploymentHost>,
    /// Each step: the control plane's own first, then each host's.
    pub steps: Vec<DeploymentStep>,
}

/// How many hosts are where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostCounts {
    /// All of them.
    pub total: usize,
    /// Not asked yet, or not there.
    pub pending: usize,
    /// At it, on the way there or back.
    pub running: usize,
    /// On the new version.
    pub success: usize,
    /// Failed.
    pub failure: usize,
    /// On what ran there before.
    pub rolled_back: usize,
    /// Called off.
    pub cancelled: usize,
    /// Left out.
    pub skipped: usize,
}

impl HostCounts {
    fn of(hosts: &[DeploymentHost]) -> Self {
        let mut counts = Self {
            total: hosts.len(),
            ..Self::default()
        };
        for host in hosts {
            let goes_back = host.back.as_ref().is_some_and(|back| !back.status.is_final());
            // It has the new version until it has gone back, and is not where it is to stay.
            let status = if goes_back { Status::Running } else { host.status };
            let count = match status {
                Status::Pending | Status::WaitingApproval => &mut counts.pending,
                Status::Running => &mut counts.running,
                Status::Success => &mut counts.success,
                Status::Failure => &mut counts.failure,
                Status::Cancelled => &mut counts.cancelled,
                Status::RolledBack => &mut counts.rolled_back,
                Status::Skipped => &mut counts.skipped,
            };
            *count += 1;
        }
        counts
    }
}

/// Who holds the place that a deployment waits for.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Holder {
    /// The deployment that runs there.
    pub deployment_id: DeploymentId,
    /// Its version.
    pub version: String,
    /// Where it is on its way.
    pub phase: Phase,
    /// Who asked for it.
    pub triggered_by: TriggeredBy,
}

pub(super) async fn get(
    app: &App,
    caller: &Caller,
    id: DeploymentId,
) -> Result<DeploymentDetail, DeliveryError> {
    let (mut deployment, mut hosts) = read(app, caller, id).await?;
    // Its row and its hosts' are two reads: what went on in between would be shown as if it had been at one moment.
    for _ in 0..TRIES {
        let again = deployment::find(app, caller.org(), id).await?;
        let same = (again.batch, again.phase, again.status)
            == (deployment.batch, deployment.phase, deployment.status);
        if same {
            break;
        }
        (deployment, hosts) = read(app, caller, id).await?;
    }
    Ok(DeploymentDetail {
        counts: HostCounts::of(&hosts),
        waits_for: holder(app, &deployment).await?,
        trigger_payload: store::deployment_payload::find(&app.db, caller.org(), id).await?,
        window: window::now_for(app, &deployment).await?,
        hosts,
        steps: store::progress::list_steps(&app.db, id).await?,
        deployment,
    })
}

async fn read(
    app: &App,
    caller: &Caller,
    id: DeploymentId,
) -> Result<(Deployment, Vec<DeploymentHost>), DeliveryError> {
    let deployment = deployment::find_for(app, caller, Operation::DeploymentRead, id).await?;
    let hosts = store::progress::list_hosts(&app.db, id).await?;
    Ok((deployment, hosts))
}

async fn holder(app: &App, deployment: &Deployment) -> Result<Option<Holder>, DeliveryError> {
    if deployment.status != Status::Pending {
        return Ok(None);
    }
    let Some(id) = store::rollout::find_holder(&app.db, deployment).await? else {
        return Ok(None);
    };
    let holder = store::deployment::find(&app.db, deployment.org, id).await?;
    Ok(holder.map(|holder| Holder {
        deployment_id: holder.id,
        version: holder.version,
        phase: holder.phase,
        triggered_by: holder.triggered_by,
    }))
}

#[cfg(test)]
mod tests {
    use muster_base::Clock;

    use super::*;
    use crate::delivery::deployment::HostBack;

    #[test]
    fn a_host_on_its_way_back_is_at_it_and_one_that_could_not_go_has_the_new_version() {
        let clock = Clock::system();
        let backs = [
            None,
            Some(Status::Pending),
            Some(Status::Running),
            Some(Status::Failure),
        ];
        let hosts = backs.map(|back| DeploymentHost {
            host_id: clock.new_id(),
            host_name: "h".to_owned(),
            batch: 0,
            order_id: None,
            status: Status::Success,
            digest: None,
            error: None,
            started_at: None,
            ended_at: Some(clock.now()),
            back: back.map(|status| HostBack {
                status,
                order_id: None,
                to: None,
                error: None,
            }),
        });
        let counts = HostCounts::of(&hosts);
        assert_eq!(
            (counts.total, counts.success, counts.running),
            (4, 2, 2),
            "{counts:?}"
        );
    }
}
