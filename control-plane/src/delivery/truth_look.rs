//! Looks at every target, again and again: what is there now against what was put there last.
//!
//! One task, woken by time alone. A look reads three tables and what the agents said of their containers, one question per org
//! for hosts and one for the containers that have the names that something was put there by, each by its key: not the thousand
//! others that a host may have. All containers of a host are read only while one of those is missing there, since somebody may
//! have given it another name. It writes what changed. Where a deployment runs nothing is judged: containers come and go
//! there on purpose. Nor is a host in its first moments, after a deploy or after it connected: its agent may not have said
//! everything yet.
//!
//! Several control planes may look at once: a row is written only while the host still has what was compared, all of them would
//! write the same, and telling and putting right are each decided by one row's change. A look that fails is done again.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use muster_base::{HostId, OrgId, UnixMs};

use super::{
    DeliveryError,
    environment::ApplicationEnvironment,
    reconcile,
    store::{
        self,
        placement::{Placed, Placement},
    },
    truth::{Compared, Expected, TargetState, compare},
    truth_told,
};
use crate::{
    app::App,
    error::Error,
    fleet::{self, Host, Labels},
    in_tx,
    telemetry::{self, Container, ContainerFilter},
};

const LOOK_EVERY: Duration = Duration::from_secs(5);
/// An agent says within this time what became of its containers.
pub(super) const SETTLE_MS: i64 = 15 * UnixMs::SECOND;
/// What is in step for so long after the policy put it right may be put right as often again.
const FORGET_MS: i64 = UnixMs::HOUR;

/// Starts the task.
pub(super) fn start(app: &App) {
    let task = app.clone();
    app.tasks.keep("delivery.truth", async move {
        let stopping = task.tasks.stopping();
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = stopping.cancelled() => return,
            }
            if let Some(Err(error)) = stopping.run_until_cancelled(Box::pin(look(&task))).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "what runs where could not be looked at; trying again"
                );
            }
        }
    });
}

/// The targets of one environment of an application, as they are now.
pub(super) struct Place<'a> {
    pub application: &'a Placed,
    pub target: &'a ApplicationEnvironment,
    /// With the hosts' names; never empty.
    pub targets: Vec<(Placement, String)>,
    /// A deployment waits there.
    pub waits: bool,
}

/// Compares all of them, keeps what changed, tells of it and, where the policy says so, has it put right.
pub(super) async fn look(app: &App) -> Result<(), DeliveryError> {
    let rows = store::placement::list_all(&app.db).await?;
    if rows.is_empty() {
        return Ok(());
    }
    let applications = store::placement::list_applications(&app.db).await?;
    let unfinished = store::placement::list_unfinished(&app.db).await?;
    let mut by_org = BTreeMap::<OrgId, Vec<Placement>>::new();
    for row in rows {
        by_org.entry(row.org).or_default().push(row);
    }
    for (org, rows) in by_org {
        let here = Here::read(app, org, &rows).await?;
        let now = app.clock.now();
        let mut changed = Vec::new();
        let mut places = BTreeMap::new();
        for row in rows {
            let key = (row.application, row.environment.clone());
            let Some(application) = applications.get(&row.application) else {
                continue;
            };
            let (Some(target), Some(host)) = (
                application.environments.get(&row.environment),
                here.hosts.get(&row.host),
            ) else {
                continue;
            };
            if unfinished.get(&key) == Some(&true) || !is_target(target, host) {
                continue;
            }
            let seen = seen(row.clone(), here.of(app, host, &row, now), now);
            if differs(&row, &seen) {
                changed.push(seen.clone());
            }
            let place = places.entry(key).or_insert_with_key(|key| Place {
                application,
                target,
                targets: Vec::new(),
                waits: unfinished.contains_key(key),
            });
            place.targets.push((seen, host.name.clone()));
        }
        if !changed.is_empty() {
            in_tx!(app.db, |tx| {
                for seen in &changed {
                    store::placement::set_seen(tx, seen).await?;
                }
            });
        }
        for place in places.values() {
            truth_told::tell(app, place, now).await?;
            reconcile::by_policy(app, place, now).await?;
        }
    }
    Ok(())
}

/// The org's hosts that something was put on, with what is on them.
struct Here {
    hosts: HashMap<HostId, Host>,
    containers: HashMap<HostId, Vec<Container>>,
}

impl Here {
    async fn read(app: &App, org: OrgId, rows: &[Placement]) -> Result<Self, DeliveryError> {
        let mut ids: Vec<HostId> = rows.iter().map(|row| row.host).collect();
        ids.sort_unstable();
        ids.dedup();
        let hosts = fleet::find_hosts(app, org, &ids).await.map_err(Error::from)?;
        let mut named: Vec<_> = rows
            .iter()
            .map(|row| (row.host, row.container.as_str()))
            .collect();
        named.sort_unstable();
        named.dedup();
        let mut containers = HashMap::<HostId, Vec<Container>>::new();
        for (host, container) in telemetry::list_named_containers(app, org, &named).await? {
            containers.entry(host).or_default().push(container);
        }
        let is_there = |(host, name): &(HostId, &str)| {
            let here = containers.get(host);
            here.is_some_and(|here| here.iter().any(|container| container.name == *name))
        };
        let mut missing: Vec<HostId> = named
            .iter()
            .filter(|one| !is_there(one))
            .map(|(host, _)| *host)
            .collect();
        missing.dedup();
        if !missing.is_empty() {
            let filter = ContainerFilter {
                reach: Some(store::to_json(&missing, "placements.host_id")?),
                ..ContainerFilter::default()
            };
            for host in &missing {
                containers.remove(host);
            }
            for (host, container) in telemetry::list_containers(app, org, &filter, None, i64::MAX).await? {
                containers.entry(host).or_default().push(container);
            }
        }
        Ok(Self {
            hosts: hosts.into_iter().map(|host| (host.id, host)).collect(),
            containers,
        })
    }

    /// How what is on the host compares; nothing if it can't be said yet.
    fn of(&self, app: &App, host: &Host, row: &Placement, now: UnixMs) -> Option<Compared> {
        let away = !app.links.is_online(host.id) || host.facts.docker_version.is_none();
        if away {
            return Some(Compared {
                state: TargetState::Unknown,
                found: row.found.clone(),
                ids: None,
            });
        }
        let none = Vec::new();
        let here: Vec<&Container> = self.containers.get(&host.id).unwrap_or(&none).iter().collect();
        let expected = Expected {
            container: &row.container,
            order: row.order,
            stays: row.stays,
            container_id: row.container_id.as_deref(),
            image_id: row.image_id.as_deref(),
        };
        let compared = compare(&expected, &here);
        let fresh = |at: Option<UnixMs>| at.is_some_and(|at| now.ms_since(at) < SETTLE_MS);
        let settling = fresh(Some(row.placed_at)) || fresh(host.connected_at);
        (!compared.state.is_drift() || !settling).then_some(compared)
    }
}

/// How many containers a look at an org reads.
#[cfg(test)]
pub(super) async fn count_read_for_tests(app: &App, org: OrgId) -> usize {
    let rows = store::placement::list_all(&app.db).await.unwrap();
    let here = Here::read(app, org, &rows).await.unwrap();
    here.containers.values().map(Vec::len).sum()
}

/// Whether the environment is for that host today.
pub(super) fn is_target(target: &ApplicationEnvironment, host: &Host) -> bool {
    let selected = !target.selector.is_empty() && host.labels.contain(&Labels(target.selector.clone()));
    selected || target.hosts.contains(&host.id)
}

/// The row as it is to be, after this look.
fn seen(mut row: Placement, compared: Option<Compared>, now: UnixMs) -> Placement {
    let Some(compared) = compared else {
        return row;
    };
    if row.state != compared.state {
        row.state = compared.state;
        row.since = now;
    }
    row.found = compared.found;
    // Seen first with the order's label: from then on it is that one.
    if let (None, Some((container, image))) = (&row.container_id, compared.ids) {
        row.container_id = Some(container);
        row.image_id = Some(image);
    }
    match compared.state {
        state if state.is_drift() => row.drift_since = row.drift_since.or(Some(now)),
        TargetState::InStep | TargetState::Ended => {
            row.drift_since = None;
            if row.attempted_at.is_some_and(|at| now.ms_since(at) >= FORGET_MS) {
                row.attempts = 0;
                row.held = None;
            }
        }
        // What was found before is still so, as far as anybody knows.
        _ => {}
    }
    row
}

fn differs(before: &Placement, after: &Placement) -> bool {
    before.state != after.state
        || before.found != after.found
        || before.container_id != after.container_id
        || before.drift_since != after.drift_since
        || before.attempts != after.attempts
        || before.held != after.held
}
