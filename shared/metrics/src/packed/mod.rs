//! The hours of a day at rest: the rollups of one host or container.
//!
//! By itself an hour takes some sixty bytes for each series, most of them the sketch's buckets, and databases add a
//! page's rest to each row. Together the hours of a day take less than a third of that.
//!
//! # Format
//!
//! | part | what |
//! |---|---|
//! | version | one byte, 2 |
//! | hours | which of the day's hours there are, a bit for each, lowest first; for each the count and the time of the last value (from its beginning on) that most of its series have |
//! | series | how many, and for each its name, which hours have it (0: all of the day's), the value that all are multiples of a step above, the step (0 if nothing varies), and the stream's length plus one (0: no stream, every hour has that value and what is usual) |
//! | streams | the series one after another |
//! | check | the first 8 bytes of the SHA-256 of everything before |
//!
//! A stream is an arithmetic coder's bits, see `told.rs`: for each hour how much its count and the time of its last value are more than usual; minimum
//! and maximum in steps, as differences from the hour before; and unless they are equal how far the sketch's first and last bucket are from
//! theirs, the buckets' counts (`cells.rs`), what the sum is more than the middles of the buckets, and the last value, by its bucket
//! if it is neither the greatest nor the least.
//!
//! Version 1 (`streams.rs`) compresses all series together, field by field. It is still read, and written where version 2 can't say
//! what there is, as when a sketch doesn't count as many values as there were. Whatever is written was read back first.
//!
//! What a day takes, in bytes for each value it was made of, measured on a simulated day and on ten hours of a busy machine:
//!
//! | | simulated | busy |
//! |---|---|---|
//! | hours one by one | 0.172 | 0.253 |
//! | version 1 | 0.069 | 0.087 |
//! | version 2 | 0.042 | 0.059 |
//!
//! Three quarters of what is left are the sketches' counts, which vary as chance has it. They are in the raw samples as well while these are
//! kept; to leave them out would tie the two together: samples could be deleted, or come late, only together with their hours.

mod bounds;
mod cells;
mod numbers;
mod streams;
#[cfg(test)]
mod tests;
mod told;

use std::collections::BTreeMap;

use muster_base::UnixMs;

use crate::{
    Aggregate, Period, RollupBody, Series,
    at_rest::{put_check, without_check},
    chunk::EncodeError,
    sample::MAX_COLUMNS,
    wire::{DecodeError, Reader},
};

/// How hours begin that were packed before: they would take less room if they were packed once more.
pub const OF_BEFORE: &[u8] = &[STREAMS];

const STREAMS: u8 = 1;
const TOLD: u8 = 2;
const HOURS: usize = 24;
/// Of all sketches together: what 2,000 series have in a day that varies a lot.
const MAX_BUCKETS: usize = 8_000_000;

/// Packs hours of the day that begins with `day`. Every body must be of an hour of that day.
pub fn encode(day: UnixMs, hours: &BTreeMap<UnixMs, RollupBody>) -> Result<Vec<u8>, EncodeError> {
    let mut all = 0_u64;
    let mut series: BTreeMap<&Series, Vec<(usize, &Aggregate)>> = BTreeMap::new();
    for (start, body) in hours {
        let hour = hour_of(day, *start).ok_or(EncodeError::OtherDay)?;
        all |= 1 << hour;
        for (name, aggregate) in &body.0 {
            series.entry(name).or_default().push((hour, aggregate));
        }
    }
    if series.len() > MAX_COLUMNS {
        return Err(EncodeError::TooMany(series.len()));
    }
    // What it replaces is the only copy: what can't be read back as it was is not put in its place.
    let is_true = |packed: &[u8]| decode(packed, day, |_| true).as_ref() == Ok(hours);
    if let Some(told) = told::encode(day, all, &series) {
        let packed = finish(TOLD, &told);
        if is_true(&packed) {
            return Ok(packed);
        }
    }
    let packed = finish(STREAMS, &streams::encode(day, all, &series)?);
    if is_true(&packed) {
        Ok(packed)
    } else {
        Err(EncodeError::NotItself)
    }
}

fn finish(version: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![version];
    out.extend_from_slice(body);
    put_check(&mut out);
    out
}

/// Reads what [`encode`] wrote: each hour with those of its series that `wanted` chooses.
pub fn decode(
    bytes: &[u8],
    day: UnixMs,
    wanted: impl Fn(&Series) -> bool,
) -> Result<BTreeMap<UnixMs, RollupBody>, DecodeError> {
    let mut reader = Reader::new(without_check(bytes, "the check of a day's hours")?);
    match reader.u8()? {
        STREAMS => streams::decode(reader, day, wanted),
        TOLD => told::decode(reader, day, wanted),
        version => Err(DecodeError::Version(version)),
    }
}

fn start_of(day: UnixMs, hour: usize) -> UnixMs {
    day.plus_ms(UnixMs::HOUR * i64::try_from(hour).unwrap_or_default())
}

/// Which hour of the day begins then.
pub fn hour_of(day: UnixMs, start: UnixMs) -> Option<usize> {
    let hour = usize::try_from(start.ms_since(day) / UnixMs::HOUR).ok()?;
    (hour < HOURS && start_of(day, hour) == start && Period::Day.start_of(day) == day).then_some(hour)
}

fn hours_in(bits: u64) -> impl Iterator<Item = usize> {
    (0..HOURS).filter(move |hour| bits & (1 << hour) != 0)
}

/// The lowest 64 bits.
#[expect(clippy::cast_possible_truncation, reason = "that is what it is for")]
const fn wrapped(number: i128) -> i64 {
    number as i64
}
