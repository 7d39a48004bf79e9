//! What is stored of a host: for people who wonder about space, and for checks that nothing is lost or doubled.

use std::collections::{BTreeMap, HashSet};

use muster_base::{HostId, UnixMs};
use muster_metrics::{Period, chunk::Chunk};
use serde::Serialize;
use utoipa::ToSchema;

use super::{TelemetryError, query, store};
use crate::{access::Caller, app::App};

/// What is stored of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stored {
    /// Raw samples, each counted once.
    pub samples: u64,
    /// Those of them that are sealed in chunks.
    pub sealed_samples: u64,
    /// Bytes of the chunks.
    pub chunk_bytes: u64,
    /// Hours of the host and its containers.
    pub hour_rollups: u64,
    /// Days of the host and its containers.
    pub day_rollups: u64,
    /// Bytes of hours and days.
    pub rollup_bytes: u64,
    /// Series of containers in the newest sample.
    pub container_series: u64,
}

/// Counts what is stored of a host.
pub(super) async fn stored(app: &App, caller: &Caller, host: HostId) -> Result<Stored, TelemetryError> {
    query::require_host(app, caller, host).await?;
    let (db, org) = (&app.telemetry_db, caller.org());
    // Rows before chunks: an hour that is sealed in between is counted once by its times.
    let fresh = store::sample::times(db, org, host).await?;
    let chunks = store::chunk::spans(db, org, host).await?;
    let sealed: i64 = chunks.iter().map(|span| span.samples).sum();
    let chunk_bytes: i64 = chunks.iter().map(|span| span.bytes).sum();
    let mut late: BTreeMap<UnixMs, Vec<UnixMs>> = BTreeMap::new();
    let mut only_fresh = 0;
    for at in fresh {
        match chunks.iter().find(|span| span.covers(at)) {
            Some(span) => late.entry(span.hour).or_default().push(at),
            None => only_fresh += 1,
        }
    }
    for (hour, times) in late {
        let Some((_, bytes)) = store::chunk::find(db, org, host, hour).await? else {
            continue;
        };
        let chunk = Chunk::open(&bytes)?;
        only_fresh += times
            .iter()
            .filter(|at| chunk.times().binary_search(at).is_err())
            .count();
    }
    // Single hours before packed ones: one that is packed in between is counted by its time.
    let singles = store::rollup::sizes(db, org, host, Period::Hour).await?;
    let packed = store::packed::sizes(db, org, host).await?;
    let days = store::rollup::sizes(db, org, host, Period::Day).await?;
    let hours: HashSet<(&str, UnixMs)> = singles
        .iter()
        .map(|size| (size.subject.as_str(), size.start))
        .chain(
            packed
                .iter()
                .flat_map(|size| size.hours().map(|hour| (size.subject.as_str(), hour))),
        )
        .collect();
    let rollup_bytes: i64 = [&singles, &days]
        .into_iter()
        .flatten()
        .map(|size| size.bytes)
        .chain(packed.iter().map(|size| size.bytes))
        .sum();
    let container_series = app.ingest.latest().get(org, host).map_or(0, |sample| {
        sample
            .iter()
            .filter(|(subject, ..)| !subject.name().is_empty())
            .count()
    });
    let sealed = sealed.unsigned_abs();
    Ok(Stored {
        samples: sealed + only_fresh as u64,
        sealed_samples: sealed,
        chunk_bytes: chunk_bytes.unsigned_abs(),
        hour_rollups: hours.len() as u64,
        day_rollups: days.len() as u64,
        rollup_bytes: rollup_bytes.unsigned_abs(),
        container_series: container_series as u64,
    })
}
