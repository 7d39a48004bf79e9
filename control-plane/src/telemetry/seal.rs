//! Past hours become chunks.

use std::sync::Arc;

use muster_base::{HostId, OrgId, UnixMs, point};
use muster_metrics::{Period, chunk, frame};
use tracing::{debug, error, warn};

use super::{
    TelemetryError,
    store::{self, chunk::ChunkRow},
};
use crate::app::App;

/// Starts the task that seals what ingest says is due.
pub(super) fn start(app: &App) {
    let (task, stop) = (app.clone(), app.tasks.stopping());
    app.tasks.keep("seal", async move {
        while let Some(hosts) = stop.run_until_cancelled(task.ingest.hosts_to_seal()).await {
            for host in hosts {
                // A kill between two hours leaves both as they are, sealed or not.
                match stop.run_until_cancelled(seal_host(&task, host)).await {
                    None => return,
                    Some(Ok(hours)) => debug!(host.id = %host, hours, "sealed"),
                    Some(Err(cause)) => error!(
                        host.id = %host,
                        error = &cause as &dyn std::error::Error,
                        "an hour could not be sealed; it is tried again with the next"
                    ),
                }
            }
        }
    });
}

/// Seals every hour of a host before the hour of its newest sample; how many there were.
pub(super) async fn seal_host(app: &App, host: HostId) -> Result<u32, TelemetryError> {
    let mut sealed = 0;
    while let Some((at, org)) = store::sample::oldest(&app.telemetry_db, host).await? {
        let hour = Period::Hour.start_of(at);
        let newest = app.ingest.latest().time_of(host);
        if newest.is_none_or(|newest| hour >= Period::Hour.start_of(newest)) {
            break;
        }
        seal_hour(app, org, host, hour).await?;
        sealed += 1;
    }
    Ok(sealed)
}

/// Late samples of an hour that was sealed before are merged into its chunk.
async fn seal_hour(app: &App, org: OrgId, host: HostId, hour: UnixMs) -> Result<(), TelemetryError> {
    let db = &app.telemetry_db;
    let end = hour.plus_ms(UnixMs::HOUR);
    // The chunk first: rows that a sealer elsewhere moves into it in between are seen twice, never missed.
    let before = store::chunk::find(db, org, host, hour).await?;
    let rows = store::sample::list(db, org, host, hour, end).await?;
    let found = rows.len() as u64;
    let samples_before = before.as_ref().map(|(samples, _)| *samples);
    // Compressing takes milliseconds: not on the event loop, and not inside of a transaction.
    let (samples, chunk) =
        tokio::task::spawn_blocking(move || compress(before.map(|(_, chunk)| chunk), rows)).await??;
    let row = ChunkRow {
        org,
        host,
        hour,
        samples,
        chunk,
    };
    let mut tx = db.begin().await?;
    let deleted = store::sample::delete(&mut tx, host, hour, end).await?;
    // Somebody else was here, or a sample came in between: leave everything as it was, the next round sees it.
    if deleted == found && store::chunk::put(&mut tx, &row, samples_before).await? {
        point!("seal.before-commit");
        tx.commit().await?;
        point!("seal.after-commit");
    } else {
        debug!(host.id = %host, hour = %hour, "the hour changed while it was sealed");
    }
    Ok(())
}

/// A host that has more series than an hour can hold at its interval loses the samples that came last.
fn compress(before: Option<Vec<u8>>, rows: Vec<(UnixMs, Vec<u8>)>) -> Result<(i64, Vec<u8>), TelemetryError> {
    let mut samples = match before {
        Some(chunk) => chunk::Chunk::open(&chunk)?.samples()?,
        None => Vec::new(),
    };
    let mut values: usize = samples.iter().map(|sample| sample.values.len()).sum();
    for (number, (_, frame)) in rows.iter().enumerate() {
        let mut sample = frame::decode_one(frame)?;
        values += sample.values.len();
        if values > chunk::MAX_VALUES {
            warn!(
                samples = rows.len() - number,
                "an hour holds more values than can be kept: some are dropped"
            );
            break;
        }
        // Neighbours have equal columns: one copy of them is enough.
        if let Some(before) = samples.last()
            && before.layout == sample.layout
        {
            sample.layout = Arc::clone(&before.layout);
        }
        samples.push(sample);
    }
    samples.sort_by_key(|sample| sample.at);
    samples.dedup_by_key(|sample| sample.at);
    let count = i64::try_from(samples.len()).unwrap_or(i64::MAX);
    Ok((count, chunk::encode(samples)?))
}
