//! Past hours become chunks, and the chunks of a day become one.

use std::{collections::HashSet, sync::Arc};

use muster_base::{HostId, OrgId, UnixMs, point};
use muster_metrics::{
    Period, Sample,
    chunk::{self, EncodeError},
    frame,
};
use tracing::{debug, error, warn};

use super::{
    TelemetryError,
    pack::{Packer, pack_hours},
    store::{self, chunk::ChunkRow},
};
use crate::app::App;

/// Starts the task that seals what ingest says is due.
pub(super) fn start(app: &App) {
    let (task, stop) = (app.clone(), app.tasks.stopping());
    app.tasks.keep("seal", async move {
        let mut packer = Packer::default();
        while let Some(hosts) = stop.run_until_cancelled(task.ingest.hosts_to_seal()).await {
            for host in hosts {
                // A kill between two hours leaves both as they are, sealed or not.
                match stop
                    .run_until_cancelled(seal_host(&task, &mut packer, host))
                    .await
                {
                    None => return,
                    Some(Ok(hours)) => debug!(host.id = %host, hours, "sealed"),
                    Some(Err(cause)) => error!(
                        host.id = %host,
                        error = &cause as &dyn std::error::Error,
                        "an hour could not be sealed; it is tried again with the next"
                    ),
                }
            }
            if let Err(cause) = store::space::give_back(&task.telemetry_db).await {
                warn!(
                    error = &cause as &dyn std::error::Error,
                    "free space was not given back"
                );
            }
        }
    });
}

/// Seals every hour of a host before the hour of its newest sample, and packs what is due then; how many there were.
async fn seal_host(app: &App, packer: &mut Packer, host: HostId) -> Result<u32, TelemetryError> {
    let mut sealed = 0;
    while let Some((at, org)) = store::sample::oldest(&app.telemetry_db, host).await? {
        let hour = Period::Hour.start_of(at);
        let newest = app.ingest.latest().find(host);
        if newest.is_none_or(|(_, newest)| hour >= Period::Hour.start_of(newest)) {
            break;
        }
        seal_hour(app, org, host, hour).await?;
        sealed += 1;
    }
    if let Some((org, newest)) = app.ingest.latest().find(host) {
        if sealed > 0 {
            packer.pack(app, org, host, newest).await?;
        }
        pack_hours(app, org, host, newest).await?;
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
    let (span, before) = before.unzip();
    // Compressing takes milliseconds: not on the event loop, and not inside of a transaction.
    let (samples, chunk) = tokio::task::spawn_blocking(move || compress(before, rows)).await??;
    let row = ChunkRow {
        org,
        host,
        hour: span.map_or(hour, |span| span.hour),
        hours: span.map_or(1, |span| span.hours),
        samples: i64::try_from(samples).unwrap_or(i64::MAX),
        chunk,
    };
    let mut tx = db.begin().await?;
    let deleted = store::sample::delete(&mut tx, host, hour, end).await?;
    // Somebody else was here, or a sample came in between: leave everything as it was, the next round sees it.
    if deleted == found && store::chunk::put(&mut tx, &row, span).await? {
        point!("seal.before-commit");
        tx.commit().await?;
        point!("seal.after-commit");
    } else {
        debug!(host.id = %host, hour = %hour, "the hour changed while it was sealed");
    }
    Ok(())
}

/// A host that has more series than a chunk can hold at its interval loses the samples that came last.
fn compress(
    before: Option<Vec<u8>>,
    rows: Vec<(UnixMs, Vec<u8>)>,
) -> Result<(usize, Vec<u8>), TelemetryError> {
    let mut samples: Vec<Sample> = Vec::with_capacity(rows.len());
    let mut values = 0;
    let mut columns = HashSet::new();
    for (number, (_, frame)) in rows.iter().enumerate() {
        let mut sample = frame::decode_one(frame)?;
        // Neighbours have equal columns: one copy of them is enough.
        match samples.last() {
            Some(before) if before.layout == sample.layout => sample.layout = Arc::clone(&before.layout),
            _ => columns.extend(
                sample
                    .layout
                    .iter()
                    .map(|(subject, series)| (subject.clone(), series.clone())),
            ),
        }
        values += sample.values.len();
        if values > chunk::MAX_VALUES || columns.len() > chunk::MAX_COLUMNS {
            warn_of_too_many(rows.len() - number);
            break;
        }
        samples.push(sample);
    }
    samples.sort_by_key(|sample| sample.at);
    samples.dedup_by_key(|sample| sample.at);
    let count = samples.len();
    let fresh = chunk::encode(samples)?;
    let Some(before) = before else {
        return Ok((count, fresh));
    };
    match chunk::merge(&[&before, &fresh], chunk::effort_of(&before)) {
        Err(EncodeError::TooMany(_)) => {
            warn_of_too_many(count);
            Ok((chunk::Chunk::open(&before)?.times().len(), before))
        }
        merged => Ok(merged?),
    }
}

fn warn_of_too_many(samples: usize) {
    warn!(
        samples,
        "an hour holds more values than can be kept: some are dropped"
    );
}
