//! The room that an org's readings take, by host: for who wonders what fills the disk, and what a shorter retention would give back.
//!
//! Adding it up reads every row's length, so an org's answer holds for a minute, and one is made at a time.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use muster_base::{HostId, OrgId, UnixMs};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use utoipa::{IntoParams, ToSchema};

use super::{TelemetryError, store, store::usage::Part};
use crate::{
    access::{Caller, Operation},
    app::App,
    error::Error,
    fleet,
};

const HOLDS_MS: i64 = UnixMs::MINUTE;
const USUAL_HOSTS: u32 = 50;
const MOST_HOSTS: u32 = 200;

/// How many hosts are told.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StorageQuery {
    /// So many hosts, those whose readings take the most; 50 by default.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
}

/// The room that readings take, in bytes, without the database's own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StorageUse {
    /// Raw samples: how many.
    pub samples: u64,
    /// Raw samples.
    pub raw_bytes: u64,
    /// Hourly rollups.
    pub hour_bytes: u64,
    /// Daily rollups.
    pub day_bytes: u64,
    /// All of it.
    pub bytes: u64,
    /// The oldest reading; null if there is none.
    #[schema(required)]
    pub oldest: Option<UnixMs>,
}

/// What a host's readings take.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostStorage {
    /// The host.
    pub host_id: HostId,
    /// Its name; null if it is gone.
    #[schema(required)]
    pub name: Option<String>,
    /// What they take.
    pub usage: StorageUse,
}

/// What an org's readings take.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReadingsStorage {
    /// When that was added up.
    pub at: UnixMs,
    /// Of all hosts that the caller may see.
    pub total: StorageUse,
    /// How many hosts have readings.
    pub hosts: u64,
    /// Those that take the most, most first.
    pub items: Vec<HostStorage>,
}

#[derive(Debug)]
struct Sum {
    at: UnixMs,
    hosts: Vec<(HostId, StorageUse)>,
}

/// What was added up last, by org.
#[derive(Debug, Default)]
pub struct Sums(Mutex<HashMap<OrgId, Arc<Sum>>>);

impl Sums {
    async fn of(&self, app: &App, org: OrgId) -> Result<Arc<Sum>, TelemetryError> {
        let mut sums = self.0.lock().await;
        let now = app.clock.now();
        let holds = |sum: &Arc<Sum>| (0..HOLDS_MS).contains(&now.ms_since(sum.at));
        if let Some(sum) = sums.get(&org).filter(|sum| holds(sum)) {
            return Ok(Arc::clone(sum));
        }
        let sum = Arc::new(Sum {
            at: now,
            hosts: add_up(app, org).await?,
        });
        sums.retain(|_, sum| holds(sum));
        sums.insert(org, Arc::clone(&sum));
        Ok(sum)
    }
}

async fn add_up(app: &App, org: OrgId) -> Result<Vec<(HostId, StorageUse)>, TelemetryError> {
    let mut hosts: HashMap<HostId, StorageUse> = HashMap::new();
    for part in Part::ALL {
        for row in store::usage::of_org(&app.telemetry_db, org, part).await? {
            let usage = hosts.entry(row.host_id).or_default();
            let bytes = row.bytes.unsigned_abs();
            match part {
                Part::Fresh | Part::Sealed => {
                    usage.samples += row.count.unsigned_abs();
                    usage.raw_bytes += bytes;
                }
                Part::Hours | Part::Packed => usage.hour_bytes += bytes,
                Part::Days => usage.day_bytes += bytes,
            }
            usage.bytes += bytes;
            usage.oldest = Some(usage.oldest.map_or(row.oldest, |oldest| oldest.min(row.oldest)));
        }
    }
    let mut hosts: Vec<_> = hosts.into_iter().collect();
    hosts.sort_by(|(a, left), (b, right)| right.bytes.cmp(&left.bytes).then(a.cmp(b)));
    Ok(hosts)
}

fn total<'a>(uses: impl Iterator<Item = &'a StorageUse>) -> StorageUse {
    uses.fold(StorageUse::default(), |sum, one| StorageUse {
        samples: sum.samples + one.samples,
        raw_bytes: sum.raw_bytes + one.raw_bytes,
        hour_bytes: sum.hour_bytes + one.hour_bytes,
        day_bytes: sum.day_bytes + one.day_bytes,
        bytes: sum.bytes + one.bytes,
        oldest: sum.oldest.into_iter().chain(one.oldest).min(),
    })
}

/// What the readings of the caller's org take, as far as they see its hosts.
pub(super) async fn storage(
    app: &App,
    caller: &Caller,
    query: &StorageQuery,
) -> Result<ReadingsStorage, TelemetryError> {
    caller.require(Operation::TelemetryRead)?;
    let in_reach: Option<HashSet<HostId>> = fleet::hosts_in_reach(app, caller).await.map_err(Error::from)?;
    let sum = app.storage_sums.of(app, caller.org()).await?;
    let seen: Vec<&(HostId, StorageUse)> = sum
        .hosts
        .iter()
        .filter(|(host, _)| in_reach.as_ref().is_none_or(|hosts| hosts.contains(host)))
        .collect();
    let limit = query.limit.unwrap_or(USUAL_HOSTS).clamp(1, MOST_HOSTS);
    let most: Vec<_> = seen.iter().take(limit as usize).collect();
    let ids: Vec<HostId> = most.iter().map(|(host, _)| *host).collect();
    let found = fleet::find_hosts(app, caller.org(), &ids)
        .await
        .map_err(Error::from)?;
    let mut names: HashMap<HostId, String> = found.into_iter().map(|host| (host.id, host.name)).collect();
    Ok(ReadingsStorage {
        at: sum.at,
        total: total(seen.iter().map(|(_, usage)| usage)),
        hosts: seen.len() as u64,
        items: most
            .into_iter()
            .map(|(host_id, usage)| HostStorage {
                host_id: *host_id,
                name: names.remove(host_id),
                usage: *usage,
            })
            .collect(),
    })
}
