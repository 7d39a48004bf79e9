//! What is stored and was not taken yet, in pieces.

use std::collections::BTreeMap;

use muster_base::{HostId, OrgId, UnixMs};
use muster_metrics::{Period, Sample, chunk::Chunk, frame};
use tracing::error;

use crate::{
    app::App,
    telemetry::{TelemetryError, store},
};

/// Readings in a request, more or less.
const READINGS: usize = 10_000;
/// Hosts that are asked for at once.
const HOSTS: usize = 100;
/// Samples that are read at once: more would not go into a request.
const SAMPLES: i64 = 2_000;

/// A host with newer samples than were taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Behind {
    pub(super) host: HostId,
    pub(super) org: OrgId,
    pub(super) until: UnixMs,
    pub(super) newest: UnixMs,
}

/// What one request holds.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) samples: Vec<(HostId, UnixMs, Sample)>,
    /// Up to when each host is done with it.
    pub(super) until: Vec<(HostId, UnixMs)>,
}

impl Behind {
    pub(super) fn ms(&self) -> i64 {
        self.newest.ms_since(self.until)
    }

    /// Whether what it lacks may be sealed already.
    fn is_long(&self) -> bool {
        Period::Hour.start_of(self.until.plus_ms(1)) < Period::Hour.start_of(self.newest)
    }
}

/// The next piece of what those that are behind most lack.
pub(super) async fn next(app: &App, behind: &[Behind]) -> Result<Batch, TelemetryError> {
    match behind.first() {
        Some(first) if first.is_long() => an_hour(app, first).await,
        Some(_) => fresh(app, &behind[..behind.len().min(HOSTS)]).await,
        None => Ok(Batch::default()),
    }
}

/// The rest of the hour that a host lacks next, from rows and chunks.
async fn an_hour(app: &App, behind: &Behind) -> Result<Batch, TelemetryError> {
    let db = &app.telemetry_db;
    let from = behind.until.plus_ms(1);
    let end = Period::Hour.start_of(from).plus_ms(UnixMs::HOUR);
    // Rows first: one that is sealed in between is then seen twice, and never missed.
    let rows = store::sample::list(db, behind.org, behind.host, from, end).await?;
    let chunks = store::chunk::list(db, behind.org, behind.host, from, end).await?;
    let read = move || {
        let mut samples = BTreeMap::new();
        for (hour, bytes) in &chunks {
            match Chunk::open(bytes).and_then(|chunk| chunk.samples()) {
                Ok(all) => samples.extend(all.into_iter().map(|sample| (sample.at, sample))),
                Err(cause) => error!(hour = %hour, "a chunk can't be read and is not sent: {cause}"),
            }
        }
        for (at, bytes) in &rows {
            if let Some(sample) = decoded(*at, bytes) {
                samples.entry(*at).or_insert(sample);
            }
        }
        samples
    };
    let mut samples = tokio::task::spawn_blocking(read).await?;
    samples.retain(|at, _| (from..end).contains(at));
    let mut batch = Batch::default();
    // The rest of the present hour is not there yet.
    let mut until = end.plus_ms(-1).min(behind.newest);
    let mut readings = 0;
    for (at, sample) in samples {
        if readings >= READINGS {
            until = at.plus_ms(-1);
            break;
        }
        readings += sample.values.len();
        batch.samples.push((behind.host, at, sample));
    }
    if batch.samples.is_empty() {
        // A host that was away: on to what is stored next, whatever lies between.
        let next = store::remote::next(db, behind.host, end).await?;
        until = next.map_or(behind.newest, |at| at.max(end).plus_ms(-1).min(behind.newest));
    }
    batch.until.push((behind.host, until));
    Ok(batch)
}

/// What hosts lack of an hour that is not sealed.
async fn fresh(app: &App, behind: &[Behind]) -> Result<Batch, TelemetryError> {
    let lacking: BTreeMap<HostId, &Behind> = behind
        .iter()
        .filter(|one| !one.is_long())
        .map(|one| (one.host, one))
        .collect();
    let hosts: Vec<HostId> = lacking.keys().copied().collect();
    let rows = store::remote::fresh(&app.telemetry_db, &hosts, SAMPLES).await?;
    let mut batch = Batch::default();
    let mut until = BTreeMap::new();
    let mut readings = 0;
    for (host, at, bytes) in rows {
        // A later hour: the rest of this one may have been sealed just now, and is read from its chunk next time.
        let hour = lacking
            .get(&host)
            .map(|one| Period::Hour.start_of(one.until.plus_ms(1)));
        if hour != Some(Period::Hour.start_of(at)) {
            continue;
        }
        if readings >= READINGS {
            break;
        }
        until.insert(host, at);
        if let Some(sample) = decoded(at, &bytes) {
            readings += sample.values.len();
            batch.samples.push((host, at, sample));
        }
    }
    batch.until.extend(until);
    match behind.first() {
        // Sealed just now, or nowhere; nothing would ever become of asking again in this way.
        Some(first) if batch.until.is_empty() => an_hour(app, first).await,
        _ => Ok(batch),
    }
}

fn decoded(at: UnixMs, bytes: &[u8]) -> Option<Sample> {
    frame::decode_one(bytes)
        .inspect_err(|cause| error!(at = %at, "a sample can't be read and is not sent: {cause}"))
        .ok()
}
