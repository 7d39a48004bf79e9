//! Version 1: all series field by field, each field a stream of numbers that pco compresses.
//!
//! A stream holds one number for each aggregate, by series and then by hour: count; minimum; maximum and last as
//! differences from the minimum; time of the last relative to its hour; the sum's part above `count * minimum` divided
//! by the count, and the rest of that division; how many buckets its sketch has (none where nothing varies); the first
//! of them. The last two streams hold the buckets of all sketches: the difference from the bucket before (0 for the
//! first), and how many values fell into it. A stream is a standalone pco file, or no bytes where it has no number.

use std::collections::BTreeMap;

use muster_base::UnixMs;

use super::{HOURS, MAX_BUCKETS, hours_in, start_of, wrapped};
use crate::{
    Aggregate, RollupBody, Series, Sketch,
    at_rest::{compress, decompress},
    chunk::EncodeError,
    sample::{MAX_COLUMNS, decode_series, encode_series},
    wire::{DecodeError, Reader, put_len, put_u64},
};

const FIELDS: usize = 9;
/// The field that says how many buckets a sketch has.
const BUCKETS: usize = 7;

/// The streams while they are written.
#[derive(Default)]
struct Streams {
    fields: [Vec<i64>; FIELDS],
    differences: Vec<i64>,
    counts: Vec<i64>,
}

/// The day without version and check.
pub(super) fn encode(
    day: UnixMs,
    all: u64,
    series: &BTreeMap<&Series, Vec<(usize, &Aggregate)>>,
) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::new();
    put_u64(&mut out, all);
    put_len(&mut out, series.len());
    let mut streams = Streams::default();
    for (name, aggregates) in series {
        let present = aggregates.iter().fold(0, |bits, (hour, _)| bits | 1 << hour);
        encode_series(&mut out, name);
        put_u64(&mut out, if present == all { 0 } else { present });
        for (hour, aggregate) in aggregates {
            streams.push(aggregate, start_of(day, *hour));
        }
    }
    if streams.counts.len() > MAX_BUCKETS {
        return Err(EncodeError::TooMany(streams.counts.len()));
    }
    for numbers in streams
        .fields
        .iter()
        .chain([&streams.differences, &streams.counts])
    {
        put_stream(&mut out, numbers)?;
    }
    Ok(out)
}

impl Streams {
    fn push(&mut self, aggregate: &Aggregate, start: UnixMs) {
        let Aggregate {
            count,
            min,
            max,
            last,
            ..
        } = *aggregate;
        // Never negative, and never more than `count` times the range: both parts fit.
        let above = aggregate.sum - i128::from(min) * i128::from(count);
        let (quotient, rest) = (above / i128::from(count), above % i128::from(count));
        let varies = min != max;
        let buckets = if varies { aggregate.sketch.buckets() } else { &[] };
        let numbers = [
            count.cast_signed(),
            min,
            max.abs_diff(min).cast_signed(),
            last.abs_diff(min).cast_signed(),
            aggregate.last_at.ms_since(start),
            wrapped(quotient),
            wrapped(rest),
            wrapped(buckets.len() as i128),
            buckets.first().map_or(0, |(bucket, _)| i64::from(*bucket)),
        ];
        for (field, number) in self.fields.iter_mut().zip(numbers) {
            field.push(number);
        }
        let mut before = buckets.first().map_or(0, |(bucket, _)| *bucket);
        for (bucket, count) in buckets {
            self.differences.push(i64::from(*bucket) - i64::from(before));
            self.counts.push(i64::from(*count));
            before = *bucket;
        }
    }
}

fn put_stream(out: &mut Vec<u8>, numbers: &[i64]) -> Result<(), EncodeError> {
    if numbers.is_empty() {
        put_len(out, 0);
        return Ok(());
    }
    let packed = compress(numbers)?;
    put_len(out, packed.len());
    out.extend_from_slice(&packed);
    Ok(())
}

/// Reads what [`encode`] wrote.
pub(super) fn decode(
    mut reader: Reader<'_>,
    day: UnixMs,
    wanted: impl Fn(&Series) -> bool,
) -> Result<BTreeMap<UnixMs, RollupBody>, DecodeError> {
    let all = reader.u64()?;
    if all >> HOURS != 0 {
        return Err(DecodeError::Malformed("a day's hours"));
    }
    let count = reader.count(MAX_COLUMNS, "number of series")?;
    let mut series = Vec::with_capacity(count);
    for _ in 0..count {
        let name = decode_series(&mut reader)?;
        let present = match reader.u64()? {
            0 => all,
            some if some & !all == 0 => some,
            _ => return Err(DecodeError::Malformed("a series' hours")),
        };
        series.push((name, present));
    }
    let aggregates = series
        .iter()
        .map(|(_, present)| present.count_ones() as usize)
        .sum();
    let mut fields: [Vec<i64>; FIELDS] = Default::default();
    for field in &mut fields {
        *field = stream(&mut reader, aggregates)?;
    }
    let mut buckets = 0_usize;
    for number in &fields[BUCKETS] {
        let number = usize::try_from(*number).map_err(|_| DecodeError::TooLarge("number of buckets"))?;
        buckets = buckets.saturating_add(number);
    }
    if buckets > MAX_BUCKETS {
        return Err(DecodeError::TooLarge("number of buckets"));
    }
    let (differences, counts) = (stream(&mut reader, buckets)?, stream(&mut reader, buckets)?);
    if !reader.is_empty() {
        return Err(DecodeError::Malformed("a day's hours"));
    }
    let mut found: BTreeMap<UnixMs, RollupBody> = hours_in(all)
        .map(|hour| (start_of(day, hour), RollupBody::default()))
        .collect();
    let mut buckets = differences.into_iter().zip(counts);
    let mut place = 0;
    for (name, present) in series {
        let is_wanted = wanted(&name);
        for hour in hours_in(present) {
            let numbers = fields.each_ref().map(|field| field[place]);
            place += 1;
            let own = usize::try_from(numbers[BUCKETS]).unwrap_or_default();
            if !is_wanted {
                buckets.by_ref().take(own).for_each(drop);
                continue;
            }
            let start = start_of(day, hour);
            let aggregate = aggregate(numbers, start, buckets.by_ref().take(own))?;
            if let Some(body) = found.get_mut(&start) {
                body.0.insert(name.clone(), aggregate);
            }
        }
    }
    Ok(found)
}

fn stream(reader: &mut Reader<'_>, count: usize) -> Result<Vec<i64>, DecodeError> {
    let len = reader.count(usize::MAX, "a stream")?;
    let bytes = reader.bytes(len)?;
    if count == 0 && len == 0 {
        return Ok(Vec::new());
    }
    decompress(bytes, count, "a stream")
}

fn aggregate(
    numbers: [i64; FIELDS],
    start: UnixMs,
    buckets: impl Iterator<Item = (i64, i64)>,
) -> Result<Aggregate, DecodeError> {
    let [count, min, max, last, last_at, quotient, rest, _, first] = numbers;
    let malformed = DecodeError::Malformed("an aggregate");
    let few = u32::try_from(count).map_err(|_| DecodeError::TooLarge("number of values"))?;
    let count = u64::from(few);
    let max = min.checked_add_unsigned(max.cast_unsigned()).ok_or(malformed)?;
    let last = min.checked_add_unsigned(last.cast_unsigned()).ok_or(malformed)?;
    let above = i128::from(quotient.cast_unsigned()) * i128::from(count) + i128::from(rest);
    let sketch = if min == max {
        let mut sketch = Sketch::default();
        sketch.add_many(min, few);
        sketch
    } else {
        Sketch::from_differences(first, buckets)?
    };
    let aggregate = Aggregate {
        count,
        sum: i128::from(min) * i128::from(count) + above,
        min,
        max,
        last,
        last_at: start.plus_ms(last_at),
        sketch,
    };
    if aggregate.is_possible() {
        Ok(aggregate)
    } else {
        Err(malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_no_values_come_to_are_refused() {
        let read = |numbers| aggregate(numbers, UnixMs(0), [(0, 1)].into_iter());
        // Count, minimum, maximum, last, time of the last, both parts of the sum, buckets, the first bucket.
        assert!(read([1, 0, 1, 1, 0, 1, 0, 1, 1]).is_ok());
        for refused in [
            [0, 0, 1, 1, 0, 0, 0, 1, 1],
            [-1, 0, 1, 1, 0, 1, 0, 1, 1],
            [i64::MAX, 0, -1, 1, 0, -1, -1, 1, 1],
            [i64::from(u32::MAX), 0, 1, 1, 0, -1, -1, 1, 1],
            [1, i64::MAX, 1, 0, 0, 0, 0, 1, 1],
            [1, 0, 1, 2, 0, 1, 0, 1, 1],
            [1, 0, 1, 1, 0, 2, 0, 1, 1],
            [1, 0, 1, 1, 0, 1, 0, 1, i64::MAX],
        ] {
            assert!(read(refused).is_err(), "{refused:?}");
        }
    }
}
