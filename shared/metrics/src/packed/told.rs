//! Version 2: each series by itself, hour after hour, in the bits of an arithmetic coder (`chunk/range.rs`).
//!
//! What is told before leaves less to tell: the sketch's first and last bucket follow from minimum and maximum, the buckets between from
//! the hours before (`cells.rs`), the sum nearly from the buckets, and where the last value lies as well. Reading is whole numbers
//! alone, so that every machine reads what another one wrote; a question about one series reads that one.

use std::collections::BTreeMap;

use muster_base::UnixMs;

use super::{
    MAX_BUCKETS, bounds,
    cells::Cells,
    hours_in,
    numbers::{Numbers, share, size_of, uniform},
    start_of, wrapped,
};
use crate::{
    Aggregate, RollupBody, Series, Sketch,
    chunk::range::{Bits, Chance, Source, Writer},
    sample::{MAX_COLUMNS, decode_series, encode_series},
    wire::{DecodeError, Reader, put_i64, put_len, put_u64},
};

/// What most series of an hour have.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Usual {
    count: u64,
    /// When the last value came, from the hour's beginning on.
    last_at: i64,
}

/// Every value of a series, as far as rollups show them, is the base and a multiple of the step more.
#[derive(Debug, Clone, Copy)]
struct Scale {
    base: i64,
    step: i64,
}

/// The day without version and check; none where it can't be said in this way.
pub(super) fn encode(
    day: UnixMs,
    all: u64,
    series: &BTreeMap<&Series, Vec<(usize, &Aggregate)>>,
) -> Option<Vec<u8>> {
    let mut usual: BTreeMap<usize, Usual> = BTreeMap::new();
    for (hour, aggregate) in series.values().flatten() {
        let known = usual.entry(*hour).or_default();
        if aggregate.count > known.count {
            *known = Usual {
                count: aggregate.count,
                last_at: aggregate.last_at.ms_since(start_of(day, *hour)),
            };
        }
    }
    let mut out = Vec::new();
    put_u64(&mut out, all);
    for hour in hours_in(all) {
        let usual = usual.entry(hour).or_default();
        put_u64(&mut out, usual.count);
        put_i64(&mut out, usual.last_at);
    }
    put_len(&mut out, series.len());
    let (mut streams, mut left) = (Vec::new(), MAX_BUCKETS);
    for (name, aggregates) in series {
        let present = aggregates.iter().fold(0, |bits, (hour, _)| bits | 1 << hour);
        encode_series(&mut out, name);
        put_u64(&mut out, if present == all { 0 } else { present });
        let scale = Scale::of(aggregates)?;
        put_i64(&mut out, scale.base);
        put_u64(&mut out, scale.step.cast_unsigned());
        let is_usual = |(hour, aggregate): &(usize, &Aggregate)| {
            usual.get(hour).is_some_and(|usual| {
                usual.count == aggregate.count
                    && start_of(day, *hour).plus_ms(usual.last_at) == aggregate.last_at
            })
        };
        if scale.step == 0 && aggregates.iter().all(is_usual) {
            put_len(&mut out, 0);
            continue;
        }
        let (mut writer, mut line) = (Writer::new(), Line::default());
        for (hour, aggregate) in aggregates {
            let usual = usual.get(hour).copied()?;
            line.code(
                &mut writer,
                Some(aggregate),
                usual,
                scale,
                start_of(day, *hour),
                &mut left,
            )?;
        }
        let stream = writer.finish();
        // One more than there are: nothing stands for what is always the same.
        put_len(&mut out, stream.len() + 1);
        streams.push(stream);
    }
    out.extend(streams.concat());
    Some(out)
}

/// Reads what [`encode`] wrote.
pub(super) fn decode(
    mut reader: Reader<'_>,
    day: UnixMs,
    wanted: impl Fn(&Series) -> bool,
) -> Result<BTreeMap<UnixMs, RollupBody>, DecodeError> {
    const WRONG: DecodeError = DecodeError::Malformed("a day's hours");
    let all = reader.u64()?;
    if all >> super::HOURS != 0 {
        return Err(WRONG);
    }
    let mut usual = BTreeMap::new();
    for hour in hours_in(all) {
        let (count, last_at) = (reader.u64()?, reader.i64()?);
        usual.insert(hour, Usual { count, last_at });
    }
    let count = reader.count(MAX_COLUMNS, "number of series")?;
    let mut directory = Vec::with_capacity(count.min(1_024));
    for _ in 0..count {
        let name = decode_series(&mut reader)?;
        let present = match reader.u64()? {
            0 => all,
            some if some & !all == 0 => some,
            _ => return Err(DecodeError::Malformed("a series' hours")),
        };
        let (base, step) = (reader.i64()?, reader.u64()?.cast_signed());
        let len = reader.count(usize::MAX, "a stream")?;
        directory.push((name, present, Scale { base, step }, len));
    }
    let mut found: BTreeMap<UnixMs, RollupBody> = hours_in(all)
        .map(|hour| (start_of(day, hour), RollupBody::default()))
        .collect();
    let mut left = MAX_BUCKETS;
    for (name, present, scale, len) in directory {
        let bytes = reader.bytes(len.saturating_sub(1))?;
        if !wanted(&name) {
            continue;
        }
        let (mut source, mut line) = (Source::new(bytes), Line::default());
        for hour in hours_in(present) {
            let (start, usual) = (start_of(day, hour), usual.get(&hour).copied().ok_or(WRONG)?);
            let aggregate = if len == 0 {
                constant(scale.base, usual.count, start.plus_ms(usual.last_at))
            } else {
                line.code(&mut source, None, usual, scale, start, &mut left)
            };
            let aggregate = aggregate
                .filter(|aggregate| aggregate.is_possible() && aggregate.last >= aggregate.min)
                .ok_or(WRONG)?;
            if let Some(body) = found.get_mut(&start) {
                body.0.insert(name.clone(), aggregate);
            }
        }
    }
    if reader.is_empty() { Ok(found) } else { Err(WRONG) }
}

/// What a series that never changed comes to.
fn constant(value: i64, count: u64, last_at: UnixMs) -> Option<Aggregate> {
    let mut sketch = Sketch::default();
    sketch.add_many(value, u32::try_from(count).ok()?);
    Some(Aggregate {
        count,
        sum: i128::from(value) * i128::from(count),
        min: value,
        max: value,
        last: value,
        last_at,
        sketch,
    })
}

impl Scale {
    /// The largest step that fits all numbers; 0 if none of them differs.
    fn of(aggregates: &[(usize, &Aggregate)]) -> Option<Self> {
        let base = aggregates.first()?.1.min;
        let step = aggregates.iter().fold(0, |step, (_, aggregate)| {
            let above = |value: i64| u128::from(value.abs_diff(base));
            let sum = aggregate.sum - i128::from(base) * i128::from(aggregate.count);
            [
                above(aggregate.min),
                above(aggregate.max),
                above(aggregate.last),
                sum.unsigned_abs(),
            ]
            .into_iter()
            .fold(step, greatest_divisor)
        });
        Some(Self {
            base,
            step: i64::try_from(step).unwrap_or(1),
        })
    }

    fn steps(self, value: i64) -> i64 {
        let steps = (i128::from(value) - i128::from(self.base)) / i128::from(self.step.max(1));
        wrapped(steps)
    }

    fn value(self, steps: i64) -> i64 {
        self.base.wrapping_add(steps.wrapping_mul(self.step.max(1)))
    }
}

fn greatest_divisor(mut one: u128, mut other: u128) -> u128 {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one
}

/// What is known of a series so far.
#[derive(Debug, Default)]
struct Line {
    count: Numbers,
    last_at: Numbers,
    min: Numbers,
    max: Numbers,
    /// How far the sketch's first and last bucket are from where whole numbers put minimum and maximum.
    ends: Numbers,
    sum: Numbers,
    last: Numbers,
    /// Whether the last value is the greatest, the least, and else whether its bucket is told.
    whether: [Chance; 3],
    cells: Cells,
    before: Option<(i64, i64)>,
}

/// The buckets of an hour.
struct Buckets {
    first: i64,
    counts: Vec<u32>,
}

impl Line {
    /// Codes an hour's aggregate, which a writer gives and a reader makes. `None`: it can't be said so, or no writer wrote this.
    fn code(
        &mut self,
        bits: &mut impl Bits,
        given: Option<&Aggregate>,
        usual: Usual,
        scale: Scale,
        start: UnixMs,
        left: &mut usize,
    ) -> Option<Aggregate> {
        let number = |of: &dyn Fn(&Aggregate) -> i64| given.map_or(0, of);
        let above = |count: u64| count.wrapping_sub(usual.count).cast_signed();
        let count = self.count.code(bits, number(&|given| above(given.count)))?;
        let count = usual.count.wrapping_add(count.cast_unsigned());
        let after = |at: UnixMs| at.ms_since(start).wrapping_sub(usual.last_at);
        let last_at = self.last_at.code(bits, number(&|given| after(given.last_at)))?;
        let last_at = start.plus_ms(usual.last_at.wrapping_add(last_at));

        let before = self.before.map_or(0, |(least, _)| least);
        let least = self
            .min
            .code(bits, number(&|given| scale.steps(given.min).wrapping_sub(before)))?;
        let least = before.wrapping_add(least);
        let before = self.before.map_or(least, |(_, most)| most);
        let most = self
            .max
            .code(bits, number(&|given| scale.steps(given.max).wrapping_sub(before)))?;
        let most = before.wrapping_add(most);
        self.before = Some((least, most));
        let (min, max) = (scale.value(least), scale.value(most));
        if min == max {
            return constant(min, count, last_at);
        }
        if min > max {
            return None;
        }
        let buckets = self.buckets(bits, given, (min, max), u32::try_from(count).ok()?, left)?;
        let sum = self.sum(bits, given, (min, max), scale, &buckets)?;
        let last = self.last(bits, given, (min, max), scale, &buckets)?;
        Some(Aggregate {
            count,
            sum,
            min,
            max,
            last,
            last_at,
            sketch: buckets.sketch()?,
        })
    }

    fn buckets(
        &mut self,
        bits: &mut impl Bits,
        given: Option<&Aggregate>,
        (min, max): (i64, i64),
        count: u32,
        left: &mut usize,
    ) -> Option<Buckets> {
        let seen = given.map(|given| given.sketch.buckets());
        let end = |seen: Option<&(i16, u32)>| seen.map_or(0, |(bucket, _)| i64::from(*bucket));
        let (mut first, mut last) = (bounds::bucket_of(min), bounds::bucket_of(max));
        first += self
            .ends
            .code(bits, seen.map_or(0, |seen| end(seen.first()) - first))?
            .clamp(-9_000, 9_000);
        last += self
            .ends
            .code(bits, seen.map_or(0, |seen| end(seen.last()) - last))?
            .clamp(-9_000, 9_000);
        let width = usize::try_from(last - first + 1)
            .ok()
            .filter(|width| *width > 0)?;
        // So many are looked at, those of the past as well.
        *left = left.checked_sub(width.max(self.cells.reach()))?;
        let counts = seen.map(|seen| {
            let mut counts = vec![0; width];
            for (bucket, count) in seen {
                let place = usize::try_from(i64::from(*bucket) - first).ok();
                if let Some(counted) = place.and_then(|place| counts.get_mut(place)) {
                    *counted = *count;
                }
            }
            counts
        });
        let counts = self.cells.code(bits, counts.as_deref(), (first, width), count)?;
        Some(Buckets { first, counts })
    }

    /// Values lie in the middle of their buckets, more or less.
    fn sum(
        &mut self,
        bits: &mut impl Bits,
        given: Option<&Aggregate>,
        (min, max): (i64, i64),
        scale: Scale,
        buckets: &Buckets,
    ) -> Option<i128> {
        let (mut doubled, mut variance, mut all) = (0_i128, 0_u128, 0_i128);
        for (bucket, count) in buckets.iter().filter(|(_, count)| *count > 0) {
            let (least, greatest) = within(bucket, (min, max));
            doubled += (least + greatest) * i128::from(count);
            let width = greatest.abs_diff(least);
            variance = variance.saturating_add(width.saturating_mul(width).saturating_mul(count.into()));
            all += i128::from(count);
        }
        let (step, base) = (i128::from(scale.step.max(1)), i128::from(scale.base) * all);
        let expected = (doubled / 2 - base).div_euclid(step);
        let spread = u64::try_from((variance / 12).isqrt() / step.unsigned_abs()).unwrap_or(u64::MAX);
        let more = match given {
            Some(given) => i64::try_from((given.sum - base).div_euclid(step) - expected).ok()?,
            None => 0,
        };
        let more = self.sum.code_near(bits, more, size_of(spread / 2))?;
        base.checked_add((expected + i128::from(more)).checked_mul(step)?)
    }

    fn last(
        &mut self,
        bits: &mut impl Bits,
        given: Option<&Aggregate>,
        (min, max): (i64, i64),
        scale: Scale,
        buckets: &Buckets,
    ) -> Option<i64> {
        let value = given.map_or(0, |given| given.last);
        for (chance, end) in self.whether.iter_mut().zip([max, min]) {
            if chance.code(bits, value == end) {
                return Some(end);
            }
        }
        let place = usize::try_from(bounds::bucket_of(value) - buckets.first).ok();
        let place = place.filter(|place| buckets.counts.get(*place).is_some_and(|count| *count > 0));
        if !self.whether[2].code(bits, place.is_some()) {
            let steps = self
                .last
                .code(bits, scale.steps(value).wrapping_sub(scale.steps(min)))?;
            return Some(scale.value(scale.steps(min).wrapping_add(steps)));
        }
        let place = buckets.place(bits, place.unwrap_or(0));
        let (least, greatest) = within(buckets.first + i64::try_from(place).ok()?, (min, max));
        let (step, base) = (i128::from(scale.step.max(1)), i128::from(scale.base));
        // The first and the last step in the bucket.
        let least = (least - base + step - 1).div_euclid(step);
        let choices = u64::try_from((greatest - base).div_euclid(step) - least + 1).ok()?;
        let chosen = u64::try_from((i128::from(value) - base).div_euclid(step) - least).unwrap_or(0);
        let chosen = uniform(bits, chosen, choices);
        i64::try_from(base + (least + i128::from(chosen)) * step).ok()
    }
}

/// The ends of a bucket as far as they are between others.
fn within(bucket: i64, (min, max): (i64, i64)) -> (i128, i128) {
    let (least, greatest) = bounds::ends(bucket);
    let (min, max) = (i128::from(min), i128::from(max));
    (least.clamp(min, max), greatest.clamp(min, max))
}

impl Buckets {
    fn iter(&self) -> impl Iterator<Item = (i64, u32)> {
        (self.first..).zip(self.counts.iter().copied())
    }

    fn sketch(&self) -> Option<Sketch> {
        let mut before = self.first;
        let filled = self.iter().filter(|(_, count)| *count > 0);
        let differences = filled.map(|(bucket, count)| {
            let difference = bucket - before;
            before = bucket;
            (difference, i64::from(count))
        });
        Sketch::from_differences(self.first, differences).ok()
    }

    /// Codes which bucket a value is in, by how many are.
    fn place(&self, bits: &mut impl Bits, place: usize) -> usize {
        let sum = |from: usize, to: usize| {
            self.counts[from..to]
                .iter()
                .map(|count| u128::from(*count))
                .sum::<u128>()
        };
        let (mut from, mut to) = (0, self.counts.len());
        let mut all = sum(from, to);
        while to - from > 1 {
            let middle = from.midpoint(to);
            let below = sum(from, middle);
            if share(bits, place < middle, below, all) {
                (to, all) = (middle, below);
            } else {
                (from, all) = (middle, all - below);
            }
        }
        from
    }
}
