//! The one transaction that everything goes in with.

use std::collections::{BTreeMap, BTreeSet};

use muster_base::{UnixMs, effect, point, told};
use muster_metrics::{Period, RollupBody, Sample, Subject, frame};
use redb::{ReadableTable as _, WriteTransaction};

use super::{
    Spool, SpoolError,
    forget::forget,
    store::State,
    tables::{ACCUMULATORS, ACKNOWLEDGED, CHECKPOINT, META, OPEN_DAYS, PENDING, ROLLUPS, SAMPLES, VERSION},
};
use crate::rollup::Accumulators;

/// What goes in.
#[derive(Debug)]
pub struct Write<'a> {
    /// A new sample.
    pub sample: Option<&'a Sample>,
    /// Hours and days that have ended by now are closed.
    pub now: UnixMs,
    /// The open hours, this sample included.
    pub accumulators: &'a Accumulators,
    /// Whether the open hours are to be written too; always, if one of them has ended.
    pub checkpoint: bool,
}

impl Spool {
    /// Writes everything or nothing, durably. When it fails, the spool is as it was before.
    pub fn write(&self, write: &Write<'_>) -> Result<(), SpoolError> {
        let (mut number, acknowledged, rollups) = {
            let State {
                last_sample,
                acknowledged,
                acknowledged_rollups,
            } = &*self.state();
            (*last_sample, *acknowledged, acknowledged_rollups.clone())
        };
        let what = match (write.sample.is_some(), write.checkpoint) {
            (true, false) => "sample",
            (true, true) => "sample-and-checkpoint",
            (false, true) => "checkpoint",
            (false, false) => "close",
        };
        if let Some(sample) = write.sample {
            told!("taken {}", sample.at.0);
        }
        point!("spool.{what}.before");
        let transaction = self.0.database.begin_write()?;
        if let Some(sample) = write.sample {
            number += 1;
            let bytes = frame::encode_one(sample);
            let kept = (sample.at.0, bytes.as_slice());
            transaction.open_table(SAMPLES)?.insert(number, kept)?;
        }
        if write.checkpoint {
            close_hours(&transaction, write)?;
            save_open_hours(&transaction, write, number)?;
        }
        close_days(&transaction, write)?;
        transaction.open_table(META)?.insert(ACKNOWLEDGED, acknowledged)?;
        forget(&transaction, write.now, acknowledged, &rollups)?;
        point!("spool.{what}.before-commit");
        if effect!("spool.commit") {
            transaction.commit()?;
        }
        if let Some(sample) = write.sample {
            told!("kept {}", sample.at.0);
        }
        point!("spool.{what}.after-commit");

        let mut state = self.state();
        state.last_sample = number;
        state.acknowledged_rollups = &state.acknowledged_rollups - &rollups;
        drop(state);
        self.0.written.send_modify(|writes| *writes += 1);
        Ok(())
    }
}

fn close_hours(transaction: &WriteTransaction, write: &Write<'_>) -> Result<(), SpoolError> {
    for (start, bodies) in write.accumulators.ended(write.now) {
        for (subject, body) in bodies {
            let mut body = body.clone();
            // The hour was closed before and a late sample opened it again.
            let key = (Period::Hour.code(), start.0, subject.name());
            if let Some(closed) = transaction.open_table(ROLLUPS)?.get(key)? {
                body.merge(&RollupBody::decode(closed.value().1, start)?);
            }
            put_rollup(transaction, Period::Hour, start, subject, &body)?;
        }
        let day = Period::Day.start_of(start);
        transaction.open_table(OPEN_DAYS)?.insert(day.0, ())?;
    }
    Ok(())
}

fn save_open_hours(transaction: &WriteTransaction, write: &Write<'_>, number: u64) -> Result<(), SpoolError> {
    let mut saved = transaction.open_table(ACCUMULATORS)?;
    saved.retain(|_, _| false)?;
    for (start, bodies) in write.accumulators.open(write.now) {
        for (subject, body) in bodies {
            saved.insert((start.0, subject.name()), body.encode(start).as_slice())?;
        }
    }
    transaction.open_table(META)?.insert(CHECKPOINT, number)?;
    Ok(())
}

/// Merges the hours of each day that has ended. All of its hours are closed by then, since they end no later.
fn close_days(transaction: &WriteTransaction, write: &Write<'_>) -> Result<(), SpoolError> {
    let today = Period::Day.start_of(write.now).0;
    let ended: Vec<i64> = transaction
        .open_table(OPEN_DAYS)?
        .range(..today)?
        .map(|day| Ok(day?.0.value()))
        .collect::<Result<_, SpoolError>>()?;
    for day in ended {
        let start = UnixMs(day);
        for (subject, body) in merge_day(transaction, start)? {
            put_rollup(transaction, Period::Day, start, &subject, &body)?;
        }
        transaction.open_table(OPEN_DAYS)?.remove(day)?;
        forget_acknowledged_hours(transaction, start)?;
    }
    Ok(())
}

fn merge_day(
    transaction: &WriteTransaction,
    day: UnixMs,
) -> Result<BTreeMap<Subject, RollupBody>, SpoolError> {
    let mut bodies: BTreeMap<Subject, RollupBody> = BTreeMap::new();
    let rollups = transaction.open_table(ROLLUPS)?;
    for entry in rollups.range(hours_of(day))? {
        let (key, row) = entry?;
        let (_, start, subject) = key.value();
        let (_, bytes) = row.value();
        let hour = RollupBody::decode(bytes, UnixMs(start))?;
        bodies
            .entry(Subject::from_name(subject))
            .or_default()
            .merge(&hour);
    }
    Ok(bodies)
}

/// The hours of a closed day are kept only until they are acknowledged.
fn forget_acknowledged_hours(transaction: &WriteTransaction, day: UnixMs) -> Result<(), SpoolError> {
    let pending = transaction.open_table(PENDING)?;
    let versions: BTreeSet<u64> = pending
        .iter()?
        .map(|entry| Ok(entry?.0.value()))
        .collect::<Result<_, SpoolError>>()?;
    transaction
        .open_table(ROLLUPS)?
        .retain_in(hours_of(day), |_, (version, _)| versions.contains(&version))?;
    Ok(())
}

fn hours_of(day: UnixMs) -> std::ops::Range<(u8, i64, &'static str)> {
    let hour = Period::Hour.code();
    (hour, day.0, "")..(hour, day.0 + Period::Day.width_ms(), "")
}

/// Puts a closed hour or day in, to be sent; in place of the version before it.
fn put_rollup(
    transaction: &WriteTransaction,
    period: Period,
    start: UnixMs,
    subject: &Subject,
    body: &RollupBody,
) -> Result<(), SpoolError> {
    let mut meta = transaction.open_table(META)?;
    let version = meta.get(VERSION)?.map_or(0, |version| version.value()) + 1;
    meta.insert(VERSION, version)?;
    let key = (period.code(), start.0, subject.name());
    let bytes = body.encode(start);
    let before = transaction
        .open_table(ROLLUPS)?
        .insert(key, (version, bytes.as_slice()))?
        .map(|row| row.value().0);
    let mut pending = transaction.open_table(PENDING)?;
    if let Some(before) = before {
        pending.remove(before)?;
    }
    pending.insert(version, key)?;
    Ok(())
}
