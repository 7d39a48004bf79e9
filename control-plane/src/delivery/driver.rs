//! Carries deployments from "asked for" to "ordered", and picks up what a stopped process left.
//!
//! One task takes no input and looks at the tables: when it is woken, and every few seconds in case the waking was
//! lost or another control plane's. What it finds is leased for a moment, prepared in a task of its own that renews the
//! lease, and ordered in one transaction; a process that dies in between leaves a lease that runs out. Should two
//! prepare one deployment after all, one of them makes its orders.

use std::{convert::Infallible, sync::Arc, time::Duration};

use muster_base::{DeploymentId, HostId, OrgId, UnixMs};
use tokio::time::timeout;

use super::{
    DeliveryError, advance,
    application::Lifecycle,
    claim,
    deployment::{self, Deployment, Status, StepStatus},
    events, order, pinning, progress, store, told, truth_look, window,
};
use crate::{
    app::App,
    error::Error,
    fleet::{self, Host, HostSelector, Labels},
    in_tx, secrets,
    work::{self, OrderKind},
};

const LOOK_EVERY: Duration = Duration::from_secs(2);
const LEASE_MS: i64 = 3 * UnixMs::SECOND;
const RENEW_EVERY: Duration = Duration::from_secs(1);
const PREPARATION: Duration = Duration::from_secs(50);
const BATCH: i64 = 64;
/// Looked at for orders that are still to be stopped: more than a rollout has hosts at work.
const CALLED_OFF_ORDERS: i64 = 10_000;
/// Who stops an order whose deployment was called off, for people.
const CALLED_OFF: &str = "the deployment was called off";

/// Starts the driver and makes this room the one that deploy orders are of.
pub fn start(app: &App) {
    app.work
        .register(OrderKind::Deploy, Arc::new(progress::DeployOrders));
    app.tasks.keep("delivery.driver", run(app.clone()));
    truth_look::start(app);
}

async fn run(app: App) {
    let stopping = app.tasks.stopping();
    while !stopping.is_cancelled() {
        if let Err(error) = look(&app).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "deployments could not be looked at; trying again"
            );
        }
        tokio::select! {
            () = app.delivery.wake.notified() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = stopping.cancelled() => {}
        }
    }
}

/// Does everything that is due.
async fn look(app: &App) -> Result<(), DeliveryError> {
    for (org, id) in store::rollout::list_due(&app.db, BATCH).await? {
        match advance::advance(app, org, id).await {
            Ok(()) => {}
            Err(error) if error.is_lasting() => {
                advance::give_up(app, org, id, &error.for_record()).await?;
            }
            Err(error) => tracing::warn!(
                deployment.id = %id,
                error = &error as &dyn std::error::Error,
                "a rollout does not go on; trying again"
            ),
        }
    }
    // What keeps an order from being stopped, or a message from being written, keeps no deployment from starting.
    if let Err(error) = stop_what_was_called_off(app).await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "orders of a deployment that was called off could not be stopped; trying again"
        );
    }
    if let Err(error) = told::tell(app).await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "a failure could not be told; trying again"
        );
    }
    for (org, id) in store::turn::list_startable(&app.db, app.clock.now(), BATCH).await? {
        if begin(app, org, id).await? {
            spawn_preparation(app, org, id);
        }
    }
    for (org, id) in store::turn::list_unprepared(&app.db, app.clock.now(), BATCH).await? {
        let now = app.clock.now();
        let mine = in_tx!(app.db, |tx| store::turn::lease(
            tx,
            org,
            id,
            now,
            now.plus_ms(LEASE_MS)
        )
        .await?);
        if mine {
            spawn_preparation(app, org, id);
        }
    }
    Ok(())
}

/// Whoever called a deployment off asks its hosts after that, one by one: where they could not, this does.
async fn stop_what_was_called_off(app: &App) -> Result<(), DeliveryError> {
    let orders = store::rollout::list_called_off(&app.db, CALLED_OFF_ORDERS).await?;
    if orders.is_empty() {
        return Ok(());
    }
    for order in work::list_unstopped(app, &orders).await? {
        if let Err(error) = order::cancel(app, CALLED_OFF, order).await {
            tracing::warn!(
                order.id = %order,
                error = &error as &dyn std::error::Error,
                "an order that was called off could not be stopped; trying again"
            );
        }
    }
    Ok(())
}

async fn begin(app: &App, org: OrgId, id: DeploymentId) -> Result<bool, DeliveryError> {
    let now = app.clock.now();
    let begun = in_tx!(app.db, |tx| {
        store::deployment::lock(tx, org, id).await?;
        let held = match store::deployment::find_in(tx, org, id).await? {
            Some(deployment) if deployment.status == Status::Pending => {
                window::holds(tx, &deployment, now).await?
            }
            _ => false,
        };
        let begun = !held && store::turn::start(tx, org, id, now, now.plus_ms(LEASE_MS)).await?;
        if begun {
            events::note_status(tx, id, Status::Running, None, now).await?;
            if let Some(deployment) = store::deployment::find_in(tx, org, id).await? {
                let status = Lifecycle::Deploying;
                store::application::set_status(tx, org, deployment.application_id, status).await?;
            }
        }
        begun
    });
    app.delivery.changed(id);
    Ok(begun)
}

fn spawn_preparation(app: &App, org: OrgId, id: DeploymentId) {
    let task = {
        let app = app.clone();
        async move {
            let prepared = tokio::select! {
                prepared = timeout(PREPARATION, prepare(&app, org, id)) => prepared,
                never = keep_lease(&app, org, id) => match never {},
            };
            let failed = match prepared {
                Ok(Ok(())) => None,
                // The lease runs out, and whoever reaches the database then takes over.
                Ok(Err(DeliveryError::Db(error))) => {
                    tracing::warn!(deployment.id = %id, error = &error as &dyn std::error::Error, "not prepared");
                    None
                }
                Ok(Err(error)) => Some(error.for_record()),
                Err(_) => Some("preparing took too long: the registry or the database is slow".to_owned()),
            };
            if let Some(reason) = failed
                && let Err(error) = fail(&app, org, id, &reason).await
            {
                tracing::warn!(deployment.id = %id, error = &error as &dyn std::error::Error, "not ended");
            }
            app.delivery.changed(id);
            app.delivery.wake.notify_one();
        }
    };
    app.tasks.spawn("delivery.prepare", task);
}

/// Renews the lease for as long as this is polled.
async fn keep_lease(app: &App, org: OrgId, id: DeploymentId) -> Infallible {
    loop {
        tokio::time::sleep(RENEW_EVERY).await;
        if let Err(error) = renew_lease(app, org, id).await {
            tracing::debug!(deployment.id = %id, error = &error as &dyn std::error::Error, "a lease was not renewed");
        }
    }
}

async fn renew_lease(app: &App, org: OrgId, id: DeploymentId) -> Result<(), DeliveryError> {
    let lease = app.clock.now().plus_ms(LEASE_MS);
    in_tx!(app.db, |tx| store::turn::renew(tx, org, id, lease).await?);
    Ok(())
}

/// Finds out where and what exactly, and makes the orders.
async fn prepare(app: &App, org: OrgId, id: DeploymentId) -> Result<(), DeliveryError> {
    let mut deployment = deployment::find(app, org, id).await?;
    if deployment.status != Status::Running || deployment.prepared {
        return Ok(());
    }
    let targets = step(app, &deployment, 0, "targets", find_targets(app, &deployment)).await?;
    step(
        app,
        &deployment,
        1,
        "resolve-env",
        check_secrets(app, &deployment),
    )
    .await?;
    let registry = order::registry_of(app, &deployment).await?;
    if pinning::awaits_image(app, &deployment, registry.as_ref()).await? {
        // The lease runs out, and the next look asks again.
        return Ok(());
    }
    let digest = step(
        app,
        &deployment,
        2,
        "digest",
        pinning::pin(app, &deployment, registry.as_ref()),
    )
    .await?;
    deployment.image_bytes = pinning::size(app, &deployment, registry.as_ref(), digest.as_deref()).await;
    let payload = order::payload(&deployment, registry.as_ref(), digest.as_deref(), id);
    let batches = deployment.plan.target.rollout.batches(targets.len());
    let count = batches.last().map_or(1, |last| last + 1);
    let away = advance::away(app, &deployment).await?;
    let now = app.clock.now();
    let ordered = in_tx!(app.db, |tx| {
        store::deployment::lock(tx, org, id).await?;
        let mine = store::turn::set_prepared(tx, org, id, (digest.as_deref(), count, deployment.image_bytes))
            .await?;
        if mine {
            for ((host, name), batch) in targets.iter().zip(batches) {
                store::progress::insert_host(tx, id, *host, name, batch).await?;
            }
            let hosts = store::progress::list_hosts_in(tx, id).await?;
            advance::order_hosts(app, tx, &deployment, &payload, (0, &hosts), &away).await?;
            advance::settle(tx, org, id, now).await?;
        }
        mine
    });
    if ordered {
        app.work.wake();
    }
    Ok(())
}

async fn fail(app: &App, org: OrgId, id: DeploymentId, reason: &str) -> Result<(), DeliveryError> {
    let now = app.clock.now();
    in_tx!(app.db, |tx| {
        store::deployment::lock(tx, org, id).await?;
        let found = store::deployment::find_in(tx, org, id).await?;
        if let Some(deployment) = found.filter(|deployment| !deployment.prepared) {
            progress::finish(tx, &deployment, Status::Failure, Some(reason), None, now).await?;
        }
    });
    Ok(())
}

/// What a step yields, and what it says.
pub(super) type Said<T> = Result<(T, String), DeliveryError>;

/// Runs one of the control plane's own steps and puts it on record.
async fn step<T>(
    app: &App,
    deployment: &Deployment,
    position: i64,
    name: &'static str,
    work: impl Future<Output = Said<T>>,
) -> Result<T, DeliveryError> {
    let began = app.clock.now();
    let note = async |status, detail: String| -> Result<(), DeliveryError> {
        let now = app.clock.now();
        in_tx!(app.db, |tx| {
            let what = (name, status, detail.as_str());
            events::note_own_step(tx, deployment.id, position, what, (began, now)).await?;
        });
        app.delivery.changed(deployment.id);
        Ok(())
    };
    match work.await {
        Ok((value, detail)) => {
            note(StepStatus::Done, detail).await?;
            Ok(value)
        }
        Err(DeliveryError::Db(error)) => Err(error.into()),
        Err(error) => {
            let reason = error.for_record();
            note(StepStatus::Failed, reason.clone()).await?;
            Err(DeliveryError::Stopped(reason))
        }
    }
}

/// The hosts named and those that the selector fits, in the order that they are asked in, if none of them runs another
/// application's container of the same name.
async fn find_targets(app: &App, deployment: &Deployment) -> Said<Vec<(HostId, String)>> {
    let target = &deployment.plan.target;
    let named = HostSelector {
        ids: target.hosts.clone(),
        ..HostSelector::default()
    };
    let labelled = HostSelector {
        labels: Labels(target.selector.clone()),
        ..HostSelector::default()
    };
    let mut hosts = Vec::new();
    // An empty list or selector would mean every host.
    for (selector, used) in [
        (named, !target.hosts.is_empty()),
        (labelled, !target.selector.is_empty()),
    ] {
        if used {
            let found = fleet::select_hosts(app, deployment.org, &selector)
                .await
                .map_err(Error::from)?;
            hosts.extend(found);
        }
    }
    let label = target.rollout.order_by.as_deref();
    let mut hosts = in_order(hosts, label);
    let only = &deployment.plan.only;
    if !only.is_empty() {
        hosts.retain(|(host, _)| only.contains(host));
        if hosts.is_empty() {
            return Err(DeliveryError::Stopped(
                "none of the hosts that were left is the environment's any more".to_owned(),
            ));
        }
    }
    if hosts.is_empty() {
        return Err(DeliveryError::Stopped(
            "no host matches: the environment's hosts are gone, or none has the selector's labels".to_owned(),
        ));
    }
    claim::check(app, deployment, &hosts).await?;
    let names: Vec<&str> = hosts.iter().map(|(_, name)| name.as_str()).collect();
    let shown = names.iter().take(20).copied().collect::<Vec<_>>().join(", ");
    let said = match names.len().checked_sub(20) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    };
    Ok((hosts, said))
}

/// By the label's value, those without it last, then by name; each host once.
fn in_order(mut hosts: Vec<Host>, label: Option<&str>) -> Vec<(HostId, String)> {
    let key = |host: &Host| {
        let value = label.and_then(|label| host.labels.0.get(label)).cloned();
        (value.is_none(), value, host.name.clone())
    };
    hosts.sort_by_cached_key(key);
    hosts.dedup_by_key(|host| host.id);
    hosts.into_iter().map(|host| (host.id, host.name)).collect()
}

/// Opens every secret that will be needed, so that one that is gone stops the deployment before anything is ordered.
async fn check_secrets(app: &App, deployment: &Deployment) -> Said<()> {
    let wanted = order::referred(&deployment.plan);
    secrets::resolve(app, deployment.org, &wanted).await?;
    let variables = deployment.plan.env.len();
    Ok((
        (),
        format!("{variables} variables, {} of them secret", wanted.len()),
    ))
}
