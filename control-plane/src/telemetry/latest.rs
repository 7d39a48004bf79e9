//! Every host's newest sample, in memory: lists and fleet views ask for it all the time.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, PoisonError, RwLock},
};

use muster_base::{HostId, OrgId, UnixMs};
use muster_metrics::{Kind, Sample, Subject};
use serde::Serialize;
use utoipa::ToSchema;

use super::{store::sample, values::shown};
use crate::{app::App, db::DbError, fleet};

/// The newest sample of each host.
#[derive(Debug, Default)]
pub(super) struct Newest(RwLock<HashMap<HostId, HostNewest>>);

#[derive(Debug, Clone)]
pub(super) struct HostNewest {
    pub(super) org: OrgId,
    pub(super) sample: Arc<Sample>,
    /// When something of the host came last, by our clock.
    pub(super) heard: UnixMs,
}

/// A host's newest sample.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The host.
    pub host: HostId,
    /// When something of it came last, by our clock.
    pub heard: UnixMs,
    /// What it read.
    pub sample: Arc<Sample>,
}

/// What an update did.
pub(super) struct Updated {
    /// Time of the newest sample before.
    pub(super) before: Option<UnixMs>,
    /// Time of the newest sample now.
    pub(super) newest: UnixMs,
}

impl Newest {
    /// Takes a sample that was heard then in, if it is newer.
    pub(super) fn update(&self, org: OrgId, host: HostId, sample: &Sample, heard: UnixMs) -> Updated {
        let mut hosts = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let before = hosts.get(&host).map(|newest| newest.sample.at);
        if before.is_some_and(|before| before > sample.at) {
            if let Some(known) = hosts.get_mut(&host) {
                known.heard = known.heard.max(heard);
            }
            return Updated {
                before,
                newest: before.unwrap_or(sample.at),
            };
        }
        let mut sample = sample.clone();
        // Consecutive reports decode to equal layouts: keep one of them.
        if let Some(known) = hosts.get(&host)
            && known.sample.layout == sample.layout
        {
            sample.layout = Arc::clone(&known.sample.layout);
        }
        let newest = sample.at;
        let sample = Arc::new(sample);
        hosts.insert(host, HostNewest { org, sample, heard });
        Updated { before, newest }
    }

    /// The newest sample of one host of the org.
    pub(super) fn get(&self, org: OrgId, host: HostId) -> Option<Arc<Sample>> {
        let hosts = self.0.read().unwrap_or_else(PoisonError::into_inner);
        hosts
            .get(&host)
            .filter(|newest| newest.org == org)
            .map(|newest| Arc::clone(&newest.sample))
    }

    /// The newest sample of each host of the org.
    pub(super) fn of_org(&self, org: OrgId) -> Vec<(HostId, Arc<Sample>)> {
        let hosts = self.0.read().unwrap_or_else(PoisonError::into_inner);
        hosts
            .iter()
            .filter(|(_, newest)| newest.org == org)
            .map(|(host, newest)| (*host, Arc::clone(&newest.sample)))
            .collect()
    }

    fn readings(&self, org: OrgId) -> Vec<Reading> {
        let hosts = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let of_org = hosts.iter().filter(|(_, newest)| newest.org == org);
        of_org
            .map(|(host, newest)| Reading {
                host: *host,
                heard: newest.heard,
                sample: Arc::clone(&newest.sample),
            })
            .collect()
    }

    /// Every host that has samples.
    pub(super) fn hosts(&self) -> Vec<HostId> {
        let hosts = self.0.read().unwrap_or_else(PoisonError::into_inner);
        hosts.keys().copied().collect()
    }

    /// A host's org, and when its newest sample was taken.
    pub(super) fn find(&self, host: HostId) -> Option<(OrgId, UnixMs)> {
        let hosts = self.0.read().unwrap_or_else(PoisonError::into_inner);
        hosts.get(&host).map(|newest| (newest.org, newest.sample.at))
    }

    /// Something of these hosts came then.
    fn hear(&self, times: &[(HostId, UnixMs)]) {
        let mut hosts = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (host, at) in times {
            if let Some(known) = hosts.get_mut(host) {
                known.heard = known.heard.max(*at);
            }
        }
    }

    fn heard(&self, host: HostId) -> Option<UnixMs> {
        let hosts = self.0.read().unwrap_or_else(PoisonError::into_inner);
        hosts.get(&host).map(|newest| newest.heard)
    }

    pub(super) fn forget(&self, host: HostId) {
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&host);
    }
}

/// Fills the memory from the database.
pub(super) async fn rebuild(app: &App) -> Result<(), DbError> {
    for (host, org, frame) in sample::newest_of_each_host(&app.telemetry_db).await? {
        match muster_metrics::frame::decode_one(&frame) {
            Ok(sample) => {
                let heard = sample.at.min(app.clock.now());
                app.ingest.latest().update(org, host, &sample, heard);
            }
            Err(error) => tracing::error!(host.id = %host, "a stored sample can't be read: {error}"),
        }
    }
    app.ingest.want_seal(app.ingest.latest().hosts());
    Ok(())
}

/// Reads the newest samples of hosts that report to another control plane, and that they were heard then.
pub(crate) async fn read_newest(app: &App, hosts: &[(HostId, UnixMs)]) -> Result<(), DbError> {
    let latest = app.ingest.latest();
    let asked: Vec<_> = hosts
        .iter()
        .map(|(host, _)| (*host, latest.find(*host).map_or(UnixMs(0), |(_, at)| at)))
        .collect();
    for (host, org, frame) in sample::newest_after(&app.telemetry_db, &asked).await? {
        match muster_metrics::frame::decode_one(&frame) {
            Ok(sample) => {
                latest.update(org, host, &sample, sample.at.min(app.clock.now()));
            }
            Err(error) => tracing::error!(host.id = %host, "a stored sample can't be read: {error}"),
        }
    }
    latest.hear(hosts);
    Ok(())
}

/// Forgets a host that was removed elsewhere.
pub(crate) fn forget_newest(app: &App, host: HostId) {
    app.ingest.latest().forget(host);
}

/// The newest sample of each host of the org, from memory.
pub fn readings_of(app: &App, org: OrgId) -> Vec<Reading> {
    app.ingest.latest().readings(org)
}

/// Whether a host has sent nothing for so long that it counts as silent.
pub(super) fn silent(app: &App, host: HostId, now: UnixMs) -> bool {
    let heard = app.ingest.latest().heard(host);
    heard.is_none_or(|heard| now.ms_since(heard) > fleet::silence_ms(app))
}

/// Newest readings by series name, for instance `cpu.total`.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Latest {
    /// When they were taken.
    pub at: UnixMs,
    /// The readings, in the units that `GET /api/v1/metrics/series` names.
    pub values: BTreeMap<String, f64>,
}

/// What a list of hosts shows: enough for every column, without each core and counter.
const HEADLINES: &[Kind] = &[
    Kind::CPU_TOTAL,
    Kind::CPU_IOWAIT,
    Kind::CPU_STEAL,
    Kind::LOAD_1,
    Kind::MEMORY_TOTAL,
    Kind::MEMORY_USED,
    Kind::SWAP_TOTAL,
    Kind::SWAP_USED,
    Kind::DISK_TOTAL,
    Kind::DISK_USED,
    Kind::DISK_AVAILABLE,
    Kind::NET_RX_BYTES,
    Kind::NET_TX_BYTES,
];

/// The newest headline readings of a host of the org; `None` if it never sent any.
pub fn latest_of(app: &App, org: OrgId, host: HostId) -> Option<Latest> {
    let sample = app.ingest.latest().get(org, host)?;
    let wanted = |subject: &Subject, kind| *subject == Subject::Host && HEADLINES.contains(&kind);
    Some(Latest::of(&sample, wanted))
}

impl Latest {
    /// The readings of a sample that are wanted.
    pub(super) fn of(sample: &Sample, wanted: impl Fn(&Subject, Kind) -> bool) -> Self {
        Self {
            at: sample.at,
            values: sample
                .iter()
                .filter(|(subject, series, _)| wanted(subject, series.kind()))
                .map(|(_, series, value)| (series.to_string(), shown(series, value)))
                .collect(),
        }
    }
}
