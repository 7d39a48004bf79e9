//! What a deployment does next: the steps that [`rollout::next`] decides, taken.
//!
//! [`settle`] takes those that need nothing but the tables, in whatever transaction changed them (a host's word, a
//! person's). [`advance`] takes the others, which make orders: the driver calls it when it is woken, so that no
//! transaction that a host's word runs in waits for anything but the database.

use std::collections::{BTreeMap, HashSet};

use muster_base::{DeploymentId, HostId, OrgId, UnixMs};
use muster_protocol::latest as wire;

use super::{
    DeliveryError,
    deployment::{self, Deployment, DeploymentHost, Phase, Status},
    events, order, progress,
    registry::Registry,
    rollout::{self, HostState, Next, State},
    rollout_policy::Offline,
    store,
};
use crate::{
    app::App,
    db::{DbError, Tx},
    error::Error,
    fleet::{self, HostSelector},
    in_tx,
};

const LEFT_OUT: &str = "not begun: the rollout stopped before it was this host's turn";
const CALLED_OFF: &str = "not begun: the deployment was called off";
const AWAY_SKIPPED: &str = "left out: the host was not connected when it was its turn";
const AWAY_FAILED: &str = "the host was not connected when it was its turn";
const NOTHING_BEFORE: &str = "can't go back: no deployment of this application succeeded here before";

fn state_of(deployment: &Deployment) -> State {
    State {
        phase: deployment.phase,
        cancel_asked: deployment.cancel_asked,
        back_asked: deployment.back_asked,
        pause_asked: deployment.pause_asked,
    }
}

fn next_of(deployment: &Deployment, hosts: &[DeploymentHost]) -> Next {
    let states: Vec<HostState> = hosts
        .iter()
        .map(|host| HostState {
            batch: host.batch,
            status: host.status,
            ordered: host.order_id.is_some(),
            back: host.back.as_ref().map(|back| back.status),
        })
        .collect();
    rollout::next(&deployment.plan.target.rollout, state_of(deployment), &states)
}

/// Takes the steps that need no order. The caller has locked the deployment.
pub(super) async fn settle(tx: &mut Tx, org: OrgId, id: DeploymentId, now: UnixMs) -> Result<(), DbError> {
    // Leaving hosts out is followed by nothing that leaves any out again.
    for _ in 0..3 {
        let Some(deployment) = store::deployment::find_in(tx, org, id).await? else {
            return Ok(());
        };
        if deployment.status != Status::Running || !deployment.prepared {
            return Ok(());
        }
        let hosts = store::progress::list_hosts_in(tx, id).await?;
        match next_of(&deployment, &hosts) {
            Next::Wait | Next::Order(_) | Next::Stop { back: true } => return Ok(()),
            Next::Pause => {
                store::rollout::set_phase(tx, org, id, Phase::Paused).await?;
                let line = format!(
                    "paused after batch {} of {}",
                    deployment.batch + 1,
                    deployment.batches
                );
                return events::note_line(tx, id, &format!("paused:{}", deployment.batch), (now, &line))
                    .await;
            }
            Next::Stop { back: false } => leave_out(tx, &deployment, now).await?,
            Next::End => return progress::end(tx, &deployment, &hosts, now).await,
        }
    }
    Ok(())
}

async fn leave_out(tx: &mut Tx, deployment: &Deployment, now: UnixMs) -> Result<(), DbError> {
    let (status, why) = if deployment.cancel_asked {
        (Status::Cancelled, CALLED_OFF)
    } else {
        (Status::Skipped, LEFT_OUT)
    };
    store::rollout::end_unordered(tx, deployment.id, None, status, why, now).await
}

/// Takes the step that is due, if it makes orders; else as [`settle`].
pub(super) async fn advance(app: &App, org: OrgId, id: DeploymentId) -> Result<(), DeliveryError> {
    let deployment = deployment::find(app, org, id).await?;
    let hosts = store::progress::list_hosts(&app.db, id).await?;
    match next_of(&deployment, &hosts) {
        Next::Order(batch) => order_batch(app, &deployment, batch, false).await?,
        Next::Stop { back: true } => go_back(app, &deployment, &hosts).await?,
        Next::Wait | Next::Pause | Next::Stop { back: false } | Next::End => {
            let now = app.clock.now();
            in_tx!(app.db, |tx| {
                store::deployment::lock(tx, org, id).await?;
                settle(tx, org, id, now).await?;
            });
        }
    }
    app.delivery.changed(id);
    Ok(())
}

/// Orders a batch, unless something else is due by now. `resumed`: somebody said "go on".
pub(super) async fn order_batch(
    app: &App,
    deployment: &Deployment,
    batch: i64,
    resumed: bool,
) -> Result<(), DeliveryError> {
    let (org, id) = (deployment.org, deployment.id);
    let registry = order::registry_of(app, deployment).await?;
    let payload = order::payload(deployment, registry.as_ref(), deployment.digest.as_deref(), id);
    let away = away(app, deployment).await?;
    let now = app.clock.now();
    in_tx!(app.db, |tx| {
        store::deployment::lock(tx, org, id).await?;
        let Some(present) = store::deployment::find_in(tx, org, id).await? else {
            return Ok(());
        };
        let hosts = store::progress::list_hosts_in(tx, id).await?;
        let due = next_of(&present, &hosts) == Next::Order(batch);
        let may_go_on = resumed && present.phase == Phase::Paused && !present.cancel_asked;
        if present.status != Status::Running || !(due || may_go_on) {
            return Ok(());
        }
        store::rollout::begin_batch(tx, org, id, batch).await?;
        order_hosts(app, tx, &present, &payload, (batch, &hosts), &away).await?;
        settle(tx, org, id, now).await?;
    });
    app.work.wake();
    Ok(())
}

/// The orders of one batch; hosts that are away get what the policy says.
pub(super) async fn order_hosts(
    app: &App,
    tx: &mut Tx,
    deployment: &Deployment,
    payload: &wire::OrderPayload,
    (batch, hosts): (i64, &[DeploymentHost]),
    away: &HashSet<HostId>,
) -> Result<(), DeliveryError> {
    let policy = &deployment.plan.target.rollout;
    let now = app.clock.now();
    let turn = hosts
        .iter()
        .filter(|host| host.batch == batch && host.order_id.is_none() && host.status == Status::Pending);
    let mut left_out = Vec::new();
    for host in turn {
        if policy.offline != Offline::Wait && away.contains(&host.host_id) {
            left_out.push(host.host_id);
            continue;
        }
        let order = order::submit(app, tx, deployment, host.host_id, payload).await?;
        store::rollout::set_order(tx, deployment.id, host.host_id, order).await?;
    }
    if !left_out.is_empty() {
        let (status, why) = if policy.offline == Offline::Skip {
            (Status::Skipped, AWAY_SKIPPED)
        } else {
            (Status::Failure, AWAY_FAILED)
        };
        store::rollout::end_unordered(tx, deployment.id, Some(&left_out), status, why, now).await?;
    }
    Ok(())
}

/// Hosts of the deployment that are not connected; none if it does not matter.
pub(super) async fn away(app: &App, deployment: &Deployment) -> Result<HashSet<HostId>, DeliveryError> {
    if deployment.plan.target.rollout.offline == Offline::Wait {
        return Ok(HashSet::new());
    }
    let all = fleet::select_hosts(app, deployment.org, &HostSelector::default())
        .await
        .map_err(Error::from)?;
    let away = all.into_iter().filter(|host| host.connected_at.is_none());
    Ok(away.map(|host| host.id).collect())
}

/// What a host gets back: the deployment that ran there before, as it was ordered then.
struct Before {
    id: DeploymentId,
    payload: wire::OrderPayload,
}

/// Leaves out whoever was not asked yet, and has the changed hosts go back.
async fn go_back(app: &App, deployment: &Deployment, hosts: &[DeploymentHost]) -> Result<(), DeliveryError> {
    let (org, id) = (deployment.org, deployment.id);
    let changed: Vec<HostId> = changed(hosts).map(|host| host.host_id).collect();
    let before = before(app, deployment, &changed).await?;
    let now = app.clock.now();
    in_tx!(app.db, |tx| {
        store::deployment::lock(tx, org, id).await?;
        let Some(present) = store::deployment::find_in(tx, org, id).await? else {
            return Ok(());
        };
        let hosts = store::progress::list_hosts_in(tx, id).await?;
        if present.status != Status::Running || next_of(&present, &hosts) != (Next::Stop { back: true }) {
            return Ok(());
        }
        leave_out(tx, &present, now).await?;
        store::rollout::set_phase(tx, org, id, Phase::RollingBack).await?;
        let line = "the rollout stopped; hosts that were changed go back to what ran there before";
        events::note_line(tx, id, "rolling-back", (now, line)).await?;
        // One that was changed since they were read has its turn at the next look.
        for host in changed_among(&hosts, &changed) {
            match before.get(&host.host_id) {
                Some(before) => {
                    let order = order::submit(app, tx, &present, host.host_id, &before.payload).await?;
                    store::rollout::set_back(tx, id, host.host_id, order, before.id).await?;
                }
                None => store::rollout::fail_back(tx, id, host.host_id, NOTHING_BEFORE).await?,
            }
        }
        settle(tx, org, id, now).await?;
    });
    app.work.wake();
    app.delivery.wake.notify_one();
    Ok(())
}

/// Ends what can't go on: hosts that were not asked have failed, and those that were to go back stay as they are.
pub(super) async fn give_up(
    app: &App,
    org: OrgId,
    id: DeploymentId,
    reason: &str,
) -> Result<(), DeliveryError> {
    let now = app.clock.now();
    in_tx!(app.db, |tx| {
        store::deployment::lock(tx, org, id).await?;
        let Some(present) = store::deployment::find_in(tx, org, id).await? else {
            return Ok(());
        };
        let hosts = store::progress::list_hosts_in(tx, id).await?;
        let goes_back = next_of(&present, &hosts) == (Next::Stop { back: true });
        store::rollout::end_unordered(tx, id, None, Status::Failure, reason, now).await?;
        if goes_back {
            store::rollout::set_phase(tx, org, id, Phase::RollingBack).await?;
            for host in changed(&hosts) {
                store::rollout::fail_back(tx, id, host.host_id, reason).await?;
            }
        }
        settle(tx, org, id, now).await?;
    });
    app.delivery.changed(id);
    Ok(())
}

fn changed(hosts: &[DeploymentHost]) -> impl Iterator<Item = &DeploymentHost> {
    hosts
        .iter()
        .filter(|host| host.status == Status::Success && host.back.is_none())
}

fn changed_among<'a>(
    hosts: &'a [DeploymentHost],
    known: &'a [HostId],
) -> impl Iterator<Item = &'a DeploymentHost> {
    changed(hosts).filter(|host| known.contains(&host.host_id))
}

/// What ran on each of these hosts before.
async fn before(
    app: &App,
    deployment: &Deployment,
    hosts: &[HostId],
) -> Result<BTreeMap<HostId, Before>, DeliveryError> {
    let (org, id) = (deployment.org, deployment.id);
    let found = store::rollout::list_before(&app.db, deployment, hosts).await?;
    let ids: HashSet<DeploymentId> = found.iter().map(|(_, before)| *before).collect();
    let mut payloads: BTreeMap<DeploymentId, wire::OrderPayload> = BTreeMap::new();
    for before in ids {
        let earlier = deployment::find(app, org, before).await?;
        let registry: Option<Registry> = order::registry_of(app, &earlier).await?;
        // It is this deployment's order: what the host says of it belongs here.
        let payload = order::payload(&earlier, registry.as_ref(), earlier.digest.as_deref(), id);
        payloads.insert(before, payload);
    }
    let before = found.into_iter().filter_map(|(host, id)| {
        let payload = payloads.get(&id)?.clone();
        Some((host, Before { id, payload }))
    });
    Ok(before.collect())
}
