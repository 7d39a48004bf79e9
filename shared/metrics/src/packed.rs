//! The hours of a day at rest: the rollups of one host or container, field by field.
//!
//! By itself an hour takes some sixty bytes for each series, most of them the sketch's buckets, and databases add a
//! page's rest to each row. Together the hours of a day take less than half of that.
//!
//! # Format
//!
//! | part | what |
//! |---|---|
//! | version | one byte, 1 |
//! | hours | which of the day's hours there are, a bit for each, lowest first |
//! | series | how many, and for each its name and which hours have it (0: all of the day's) |
//! | streams | for each the bytes' length and the bytes |
//! | check | the first 8 bytes of the SHA-256 of everything before |
//!
//! A stream holds one number for each aggregate, by series and then by hour: count; minimum; maximum and last as
//! differences from the minimum; time of the last relative to its hour; the sum's part above `count * minimum` divided
//! by the count, and the rest of that division; how many buckets its sketch has (none where nothing varies); the first
//! of them. The last two streams hold the buckets of all sketches: the difference from the bucket before (0 for the
//! first), and how many values fell into it. A stream is a standalone pco file, or no bytes where it has no number.

use std::collections::BTreeMap;

use muster_base::UnixMs;

use crate::{
    Aggregate, Period, RollupBody, Series, Sketch,
    at_rest::{compress, decompress, put_check, without_check},
    chunk::EncodeError,
    sample::{MAX_COLUMNS, decode_series, encode_series},
    wire::{DecodeError, Reader, put_len, put_u64},
};

const VERSION: u8 = 1;
const HOURS: usize = 24;
const FIELDS: usize = 9;
/// The field that says how many buckets a sketch has.
const BUCKETS: usize = 7;
/// Of all sketches together: what 2,000 series have in a day that varies a lot.
const MAX_BUCKETS: usize = 8_000_000;

/// The streams while they are written.
#[derive(Default)]
struct Streams {
    fields: [Vec<i64>; FIELDS],
    differences: Vec<i64>,
    counts: Vec<i64>,
}

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
    let mut out = vec![VERSION];
    put_u64(&mut out, all);
    put_len(&mut out, series.len());
    let mut streams = Streams::default();
    for (name, aggregates) in &series {
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
    put_check(&mut out);
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

/// The lowest 64 bits.
#[expect(clippy::cast_possible_truncation, reason = "that is what it is for")]
const fn wrapped(number: i128) -> i64 {
    number as i64
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

fn start_of(day: UnixMs, hour: usize) -> UnixMs {
    day.plus_ms(UnixMs::HOUR * i64::try_from(hour).unwrap_or_default())
}

/// Which hour of the day begins then.
pub fn hour_of(day: UnixMs, start: UnixMs) -> Option<usize> {
    let hour = usize::try_from(start.ms_since(day) / UnixMs::HOUR).ok()?;
    (hour < HOURS && start_of(day, hour) == start && Period::Day.start_of(day) == day).then_some(hour)
}

/// Reads what [`encode`] wrote: each hour with those of its series that `wanted` chooses.
pub fn decode(
    bytes: &[u8],
    day: UnixMs,
    wanted: impl Fn(&Series) -> bool,
) -> Result<BTreeMap<UnixMs, RollupBody>, DecodeError> {
    let mut reader = Reader::new(without_check(bytes, "the check of a day's hours")?);
    reader.version(VERSION)?;
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

fn hours_in(bits: u64) -> impl Iterator<Item = usize> {
    (0..HOURS).filter(move |hour| bits & (1 << hour) != 0)
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
    use proptest::prelude::*;

    use super::*;
    use crate::{Kind, at_rest::CHECK_BYTES};

    fn hours(values: &[(i64, u16, i64)]) -> BTreeMap<UnixMs, RollupBody> {
        let mut hours: BTreeMap<UnixMs, RollupBody> = BTreeMap::new();
        for (at, code, value) in values {
            let at = UnixMs(*at);
            let series = Series::of(Kind::from_code(*code));
            hours
                .entry(Period::Hour.start_of(at))
                .or_default()
                .add(at, &series, *value);
        }
        hours
    }

    fn values() -> impl Strategy<Value = Vec<(i64, u16, i64)>> {
        let value = prop_oneof![any::<i64>(), -50..50_i64, Just(i64::MIN), Just(i64::MAX)];
        prop::collection::vec((0..UnixMs::DAY, 0_u16..4, value), 0..200)
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding(values in values(), day in -1_000..1_000_i64) {
            let day = UnixMs(day * UnixMs::DAY);
            let values: Vec<_> = values.into_iter().map(|(at, code, value)| (day.0 + at, code, value)).collect();
            let hours = hours(&values);
            let bytes = encode(day, &hours).unwrap();
            prop_assert_eq!(&decode(&bytes, day, |_| true).unwrap(), &hours);
            let one = Series::of(Kind::from_code(1));
            let mut only = hours;
            for body in only.values_mut() {
                body.0.retain(|series, _| *series == one);
            }
            prop_assert_eq!(decode(&bytes, day, |series| *series == one).unwrap(), only);
        }

        #[test]
        fn damage_is_noticed(values in values(), place: usize, byte: u8) {
            let mut bytes = encode(UnixMs(0), &hours(&values)).unwrap();
            let place = place % bytes.len();
            let same = bytes[place] == byte;
            bytes[place] = byte;
            prop_assert_eq!(decode(&bytes, UnixMs(0), |_| true).is_ok(), same);
        }

        #[test]
        fn what_was_damaged_with_its_check_never_panics(values in values(), place: usize, byte: u8) {
            let mut bytes = encode(UnixMs(0), &hours(&values)).unwrap();
            let end = bytes.len() - CHECK_BYTES;
            bytes[place % end] = byte;
            bytes.truncate(end);
            put_check(&mut bytes);
            drop(decode(&bytes, UnixMs(0), |_| true));
        }
    }

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

    #[test]
    fn hours_of_another_day_are_refused() {
        let hours = hours(&[(UnixMs::DAY, 1, 5)]);
        assert!(matches!(encode(UnixMs(0), &hours), Err(EncodeError::OtherDay)));
        assert!(matches!(
            encode(UnixMs(UnixMs::HOUR), &hours),
            Err(EncodeError::OtherDay)
        ));
    }
}
