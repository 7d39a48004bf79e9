//! Samples and rollups: what an agent told that it took and kept, and what is stored.
//!
//! The agent tells (`muster_base::told!`) of a sample when it has taken it, and again when it is on its disk. One that
//! was only taken when the agent died may be anywhere; one that was kept must be stored, once.

use crate::Database;
use crate::database::Column::{Bytes, Text};
use anyhow::{Context as _, Result, bail, ensure};
use muster_base::UnixMs;
use muster_metrics::{Period, RollupBody, chunk::Chunk, packed};
use std::collections::{BTreeMap, BTreeSet};

/// What an agent told of its samples, by their times.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Taken, and perhaps kept.
    pub taken: BTreeSet<i64>,
    /// Kept.
    pub kept: BTreeSet<i64>,
}

impl Told {
    /// Reads what was told.
    pub fn read(lines: &[String]) -> Result<Self> {
        let mut told = Self::default();
        for line in lines {
            let (what, at) = line
                .split_once(' ')
                .with_context(|| format!("{line} tells nothing"))?;
            let at = at.parse()?;
            match what {
                "taken" => told.taken.insert(at),
                "kept" => told.kept.insert(at),
                _ => bail!("nobody tells {line}"),
            };
        }
        Ok(told)
    }

    /// How many samples of an hour there are at least, and at most.
    fn of_hour(&self, start: i64) -> (usize, usize) {
        let hour = start..start + UnixMs::HOUR;
        (
            self.kept.range(hour.clone()).count(),
            self.taken.range(hour).count(),
        )
    }
}

/// The times of a host's stored samples, fresh ones and those in chunks. None is in both.
pub fn stored(database: &Database, host: &str) -> Result<BTreeSet<i64>> {
    let host = database.id(host);
    // Chunks last: a sample that is moved into one in between is seen twice, and told apart by asking again.
    let mut twice = BTreeSet::new();
    for _ in 0..3 {
        let rows = database.readings(&[Text("at")], &format!("samples where host_id = {host}"))?;
        let chunks = database.readings(
            &[Text("hour"), Text("samples"), Bytes("chunk")],
            &format!("sample_chunks where host_id = {host}"),
        )?;
        let mut stored = BTreeSet::new();
        for row in &rows {
            stored.insert(row[0].parse()?);
        }
        ensure!(stored.len() == rows.len(), "a sample is there twice");
        let mut found = BTreeSet::new();
        for row in &chunks {
            let bytes = hex::decode(&row[2])?;
            let times: Vec<i64> = Chunk::open(&bytes)?.times().iter().map(|at| at.0).collect();
            ensure!(
                row[1] == times.len().to_string(),
                "the chunk of {} holds {} samples, not {}",
                row[0],
                times.len(),
                row[1]
            );
            found.extend(times.into_iter().filter(|at| !stored.insert(*at)));
        }
        if found.is_empty() {
            return Ok(stored);
        }
        twice = found;
    }
    bail!("samples are in a row and in a chunk: {twice:?}")
}

/// Compares what was kept with what is stored. `Ok(false)` while something is missing that may still come.
pub fn is_complete(told: &Told, stored: &BTreeSet<i64>) -> Result<bool> {
    let strangers: Vec<&i64> = stored.difference(&told.taken).collect();
    ensure!(
        strangers.is_empty(),
        "samples are stored that nobody took: {strangers:?}"
    );
    Ok(told.kept.is_subset(stored))
}

/// Checks every stored hour and day of the host itself against the samples that were told; how many there are.
pub fn audit_rollups(database: &Database, host: &str, told: &Told) -> Result<usize> {
    let rows = database.readings(
        &[
            Text("period"),
            Text("start_at"),
            Text("values_count"),
            Bytes("body"),
        ],
        &format!(
            "rollups where host_id = {} and subject = '' order by period, start_at",
            database.id(host)
        ),
    )?;
    // The packed ones last: an hour that is packed in between is seen twice, never missed.
    let (mut hours, mut days) = (packed_hours(database, host)?, BTreeMap::new());
    for row in &rows {
        let start: i64 = row[1].parse()?;
        let body = RollupBody::decode(&hex::decode(&row[3])?, UnixMs(start))?;
        ensure!(
            row[2] == body.values().to_string(),
            "the rollup of {start} says {} values",
            row[2]
        );
        if row[0] == Period::Hour.code().to_string() {
            ensure!(
                hours.insert(start, body.samples()).is_none(),
                "the hour at {start} is in a row of its own and packed"
            );
        } else {
            days.insert(start, body.samples());
        }
    }
    for (start, count) in &hours {
        let (least, most) = told.of_hour(*start);
        ensure!(
            (least as u64..=most as u64).contains(count),
            "the hour at {start} holds {count} samples; {least} to {most} were taken"
        );
    }
    for (start, count) in &days {
        let of_hours: u64 = hours
            .range(start..&(start + UnixMs::DAY))
            .map(|(_, count)| count)
            .sum();
        ensure!(
            of_hours == *count,
            "the day at {start} holds {count} samples, its hours {of_hours}"
        );
    }
    if let (Some(first), Some(last)) = (hours.first_key_value(), hours.last_key_value()) {
        for start in (*first.0..*last.0).step_by(usize::try_from(UnixMs::HOUR)?) {
            let (least, _) = told.of_hour(start);
            ensure!(
                least == 0 || hours.contains_key(&start),
                "the hour at {start} is missing"
            );
        }
    }
    Ok(hours.len() + days.len())
}

/// How many days of the host itself have their hours packed.
pub fn packed_days(database: &Database, host: &str) -> Result<usize> {
    let hours = packed_hours(database, host)?;
    let days: BTreeSet<i64> = hours.keys().map(|start| start.div_euclid(UnixMs::DAY)).collect();
    Ok(days.len())
}

/// The hours of past days that are packed, with how many samples each holds.
fn packed_hours(database: &Database, host: &str) -> Result<BTreeMap<i64, u64>> {
    let rows = database.readings(
        &[Text("day"), Text("values_count"), Bytes("body")],
        &format!(
            "packed_hours where host_id = {} and subject = '' order by day",
            database.id(host)
        ),
    )?;
    let mut hours = BTreeMap::new();
    for row in &rows {
        let bodies = packed::decode(&hex::decode(&row[2])?, UnixMs(row[0].parse()?), |_| true)?;
        let values: u64 = bodies.values().map(RollupBody::values).sum();
        ensure!(
            row[1] == values.to_string(),
            "the hours of {} say {} values, not {values}",
            row[0],
            row[1]
        );
        hours.extend(bodies.into_iter().map(|(start, body)| (start.0, body.samples())));
    }
    Ok(hours)
}
