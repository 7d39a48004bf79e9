//! The hours of a day become one chunk, and its rollups one row: for each value an hour by itself takes more.
//!
//! When a day is over its chunk is made once more, and thoroughly. That takes some tenths of a second, so hosts take turns in the
//! first hours of the day after.

mod hours;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};

use muster_base::{HostId, OrgId, UnixMs, point};
use muster_metrics::{
    Period,
    chunk::{self, Effort},
};
use tracing::debug;

pub(super) use self::hours::pack as pack_hours;
use super::{
    TelemetryError,
    store::{
        self,
        chunk::{ChunkRow, Span},
    },
};
use crate::app::App;

/// Hours that wait for each other before they are merged, at least; up to three more, so that hosts take turns.
const HOURS: usize = 4;
/// What is put into one chunk at most: a question about an hour reads all of it.
const MAX_BYTES: i64 = 4 << 20;

/// Hours after midnight in which the day before is packed thoroughly.
const TURNS: u8 = 6;
/// Hosts and days that are remembered.
const REMEMBERED: usize = 50_000;

/// Merges the sealed hours of hosts.
#[derive(Debug, Default)]
pub(super) struct Packer {
    /// Days that hold too much for one chunk.
    too_large: HashSet<(HostId, UnixMs)>,
    /// Yesterdays that are known to be packed thoroughly. After a restart each is looked at once more.
    done: HashSet<(HostId, UnixMs)>,
}

impl Packer {
    /// Merges the chunks that are due of a host whose newest sample is of `newest`.
    pub(super) async fn pack(
        &mut self,
        app: &App,
        org: OrgId,
        host: HostId,
        newest: UnixMs,
    ) -> Result<(), TelemetryError> {
        let mut days: BTreeMap<UnixMs, Vec<Span>> = BTreeMap::new();
        for span in store::chunk::spans(&app.telemetry_db, org, host).await? {
            days.entry(Period::Day.start_of(span.hour))
                .or_default()
                .push(span);
        }
        let today = Period::Day.start_of(newest);
        for (day, spans) in days {
            let bytes: i64 = spans.iter().map(|span| span.bytes).sum();
            let Some(effort) = self.due(host, day, &spans, newest) else {
                continue;
            };
            if bytes > MAX_BYTES || self.too_large.contains(&(host, day)) {
                continue;
            }
            match merge(app, org, host, &spans, effort).await? {
                Merged::TooLarge => remember(&mut self.too_large, (host, day)),
                Merged::Done if effort == Effort::Thorough && day < today => {
                    remember(&mut self.done, (host, day));
                }
                Merged::Done | Merged::Overtaken => {}
            }
        }
        Ok(())
    }

    /// Whether a day's chunks are to become one now, and with which effort.
    fn due(&self, host: HostId, day: UnixMs, spans: &[Span], newest: UnixMs) -> Option<Effort> {
        let end = day.plus_ms(UnixMs::DAY);
        if newest < end {
            let single = spans.iter().filter(|span| span.hours == 1).count();
            return (single >= HOURS + usize::from(turn(host, 4))).then_some(Effort::Quick);
        }
        let several = spans.len() > 1;
        if newest.ms_since(end) < i64::from(turn(host, TURNS)) * UnixMs::HOUR {
            return several.then_some(Effort::Quick);
        }
        let is_yesterday = newest.ms_since(end) < UnixMs::DAY;
        (several || is_yesterday && !self.done.contains(&(host, day))).then_some(Effort::Thorough)
    }
}

/// So that hosts take turns.
fn turn(host: HostId, turns: u8) -> u8 {
    host.as_uuid().as_bytes()[15] % turns
}

fn remember(set: &mut HashSet<(HostId, UnixMs)>, one: (HostId, UnixMs)) {
    if set.len() >= REMEMBERED {
        set.clear();
    }
    set.insert(one);
}

/// What became of a day's chunks.
enum Merged {
    /// They are one.
    Done,
    /// They are too much for one.
    TooLarge,
    /// Somebody else changed one of them meanwhile: the next round sees it.
    Overtaken,
}

async fn merge(
    app: &App,
    org: OrgId,
    host: HostId,
    spans: &[Span],
    effort: Effort,
) -> Result<Merged, TelemetryError> {
    let db = &app.telemetry_db;
    let (Some(first), Some(last)) = (spans.first(), spans.last()) else {
        return Ok(Merged::Done);
    };
    let chunks = store::chunk::list(db, org, host, first.hour, last.end()).await?;
    if let [(_, only)] = chunks.as_slice()
        && chunk::effort_of(only) == effort
    {
        return Ok(Merged::Done);
    }
    let merged = tokio::task::spawn_blocking(move || {
        let chunks: Vec<&[u8]> = chunks.iter().map(|(_, chunk)| chunk.as_slice()).collect();
        chunk::merge(&chunks, effort)
    });
    let (samples, chunk) = match merged.await? {
        Ok(merged) => merged,
        Err(chunk::EncodeError::TooMany(many)) => {
            debug!(host.id = %host, hour = %first.hour, many, "a day is too much for one chunk");
            return Ok(Merged::TooLarge);
        }
        Err(cause) => return Err(cause.into()),
    };
    let samples = i64::try_from(samples).unwrap_or(i64::MAX);
    let rest = spans[1..].iter().map(|span| span.samples).sum::<i64>();
    if samples != first.samples + rest {
        debug!(host.id = %host, hour = %first.hour, "a chunk changed while its day was merged");
        return Ok(Merged::Overtaken);
    }
    let row = ChunkRow {
        org,
        host,
        hour: first.hour,
        hours: last.end().ms_since(first.hour) / UnixMs::HOUR,
        samples,
        chunk,
    };
    let mut tx = db.begin().await?;
    let between = (first.hour, last.end());
    // Late samples went into one of them meanwhile, or somebody else merged them.
    if store::chunk::delete_merged(&mut tx, host, between, spans.len() - 1, rest).await?
        && store::chunk::put(&mut tx, &row, Some(*first)).await?
    {
        point!("pack.before-commit");
        tx.commit().await?;
        point!("pack.after-commit");
        return Ok(Merged::Done);
    }
    Ok(Merged::Overtaken)
}
