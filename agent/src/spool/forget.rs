//! What the spool need not keep any longer.

use std::collections::BTreeSet;

use muster_base::UnixMs;
use muster_metrics::Period;
use redb::{ReadableTable as _, WriteTransaction};

use super::{
    SpoolError,
    tables::{CHECKPOINT, META, OPEN_DAYS, PENDING, ROLLUPS, SAMPLES},
};

const SAMPLES_KEPT_MS: i64 = 48 * UnixMs::HOUR;
const ROLLUPS_KEPT_MS: i64 = 90 * UnixMs::DAY;

pub(super) fn forget(
    transaction: &WriteTransaction,
    now: UnixMs,
    acknowledged: u64,
    rollups: &BTreeSet<u64>,
) -> Result<(), SpoolError> {
    forget_samples(transaction, now, acknowledged)?;
    forget_rollups(transaction, rollups)?;
    forget_old_rollups(transaction, now)
}

/// Samples that are acknowledged and in a checkpoint, and those that have outlived their bound.
fn forget_samples(transaction: &WriteTransaction, now: UnixMs, acknowledged: u64) -> Result<(), SpoolError> {
    let checkpoint = transaction
        .open_table(META)?
        .get(CHECKPOINT)?
        .map_or(0, |number| number.value());
    let mut samples = transaction.open_table(SAMPLES)?;
    let done = acknowledged.min(checkpoint);
    let oldest = now.0.saturating_sub(SAMPLES_KEPT_MS);
    let mut lost = 0_u64;
    loop {
        let first = samples
            .first()?
            .map(|(number, row)| (number.value(), row.value().0));
        let Some((number, _)) = first.filter(|(number, at)| *number <= done || *at < oldest) else {
            break;
        };
        lost += u64::from(number > done);
        samples.remove(number)?;
    }
    if lost > 0 {
        tracing::warn!(
            samples.lost = lost,
            "unsent samples were kept for 48 hours and are given up now"
        );
    }
    Ok(())
}

/// Rollups whose present version is acknowledged; an hour stays until its day is closed.
fn forget_rollups(transaction: &WriteTransaction, acknowledged: &BTreeSet<u64>) -> Result<(), SpoolError> {
    if acknowledged.is_empty() {
        return Ok(());
    }
    let mut pending = transaction.open_table(PENDING)?;
    let mut rollups = transaction.open_table(ROLLUPS)?;
    let open_days = transaction.open_table(OPEN_DAYS)?;
    for version in acknowledged {
        let Some(key) = pending.remove(*version)? else {
            continue;
        };
        let (period, start, _) = key.value();
        let day = Period::Day.start_of(UnixMs(start));
        if period == Period::Day.code() || open_days.get(day.0)?.is_none() {
            rollups.remove(key.value())?;
        }
    }
    Ok(())
}

fn forget_old_rollups(transaction: &WriteTransaction, now: UnixMs) -> Result<(), SpoolError> {
    let oldest = now.0.saturating_sub(ROLLUPS_KEPT_MS);
    let mut rollups = transaction.open_table(ROLLUPS)?;
    for period in [Period::Hour, Period::Day] {
        let range = (period.code(), i64::MIN, "")..(period.code(), oldest, "");
        if rollups.range(range.clone())?.next().is_none() {
            continue;
        }
        let mut versions = Vec::new();
        rollups.retain_in(range, |_, (version, _)| {
            versions.push(version);
            false
        })?;
        let mut pending = transaction.open_table(PENDING)?;
        for version in versions {
            pending.remove(version)?;
        }
    }
    Ok(())
}
