//! What remains of a series' values over an hour or a day.

use muster_base::UnixMs;

use crate::{
    Sketch,
    wire::{DecodeError, Reader, put_i64, put_i128, put_u64},
};

/// Count, sum, minimum, maximum, last value and percentiles of the values that were folded in.
///
/// Merging is exact, associative and commutative: a day merged from its hours is the day folded from its samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aggregate {
    /// How many values. Never 0.
    pub count: u64,
    /// Their sum.
    pub sum: i128,
    /// The least.
    pub min: i64,
    /// The greatest.
    pub max: i64,
    /// The one that came last; of several at the same time, the greatest.
    pub last: i64,
    /// When the last one came.
    pub last_at: UnixMs,
    /// Their distribution.
    pub sketch: Sketch,
}

impl Aggregate {
    /// The aggregate of one value.
    pub fn of(at: UnixMs, value: i64) -> Self {
        let mut sketch = Sketch::default();
        sketch.add(value);
        Self {
            count: 1,
            sum: i128::from(value),
            min: value,
            max: value,
            last: value,
            last_at: at,
            sketch,
        }
    }

    /// Folds in one value.
    pub fn add(&mut self, at: UnixMs, value: i64) {
        self.count += 1;
        self.sum += i128::from(value);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        (self.last_at, self.last) = (self.last_at, self.last).max((at, value));
        self.sketch.add(value);
    }

    /// Folds in everything that `other` holds.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        (self.last_at, self.last) = (self.last_at, self.last).max((other.last_at, other.last));
        self.sketch.merge(&other.sketch);
    }

    /// The mean.
    pub fn mean(&self) -> f64 {
        self.sum as f64 / self.count as f64
    }

    /// The value that 95 % of the values do not exceed, within 1 %.
    pub fn p95(&self) -> f64 {
        let estimate = self.sketch.quantile(0.95).unwrap_or(self.max as f64);
        estimate.clamp(self.min as f64, self.max as f64)
    }

    /// `start` is the start of the hour or day, which the last value's time is written relative to.
    /// A series that did not vary needs no sketch: it follows from count and value.
    pub(crate) fn encode(&self, out: &mut Vec<u8>, start: UnixMs) {
        put_u64(out, self.count);
        put_i128(out, self.sum);
        put_i64(out, self.min);
        put_u64(out, self.max.abs_diff(self.min));
        put_u64(out, self.last.abs_diff(self.min));
        put_i64(out, self.last_at.ms_since(start));
        if self.max != self.min {
            self.sketch.encode(out);
        }
    }

    pub(crate) fn decode(reader: &mut Reader<'_>, start: UnixMs) -> Result<Self, DecodeError> {
        let count = reader.u64()?;
        let few = u32::try_from(count).map_err(|_| DecodeError::TooLarge("number of values"))?;
        let sum = reader.i128()?;
        let min = reader.i64()?;
        let max = min.checked_add_unsigned(reader.u64()?);
        let last = min.checked_add_unsigned(reader.u64()?);
        let last_at = start.plus_ms(reader.i64()?);
        let (Some(max), Some(last)) = (max, last) else {
            return Err(DecodeError::Malformed("an aggregate"));
        };
        let sketch = if max == min {
            let mut sketch = Sketch::default();
            sketch.add_many(min, few);
            sketch
        } else {
            Sketch::decode(reader)?
        };
        let aggregate = Self {
            count,
            sum,
            min,
            max,
            last,
            last_at,
            sketch,
        };
        if aggregate.is_possible() {
            Ok(aggregate)
        } else {
            Err(DecodeError::Malformed("an aggregate"))
        }
    }

    /// Whether values could come to this.
    pub(crate) fn is_possible(&self) -> bool {
        let count = i128::from(self.count);
        let possible = i128::from(self.min) * count..=i128::from(self.max) * count;
        self.count > 0 && self.last <= self.max && !self.sketch.is_empty() && possible.contains(&self.sum)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fold(values: &[(i64, i64)]) -> Option<Aggregate> {
        let mut values = values.iter().map(|(at, value)| (UnixMs(*at), *value));
        let mut aggregate = values.next().map(|(at, value)| Aggregate::of(at, value))?;
        for (at, value) in values {
            aggregate.add(at, value);
        }
        Some(aggregate)
    }

    fn merge(a: &Aggregate, b: &Aggregate) -> Aggregate {
        let mut merged = a.clone();
        merged.merge(b);
        merged
    }

    fn values() -> impl Strategy<Value = Vec<(i64, i64)>> {
        prop::collection::vec((0..UnixMs::DAY, any::<i64>()), 1..40)
    }

    proptest! {
        #[test]
        fn merging_is_associative_commutative_and_the_same_as_folding(a in values(), b in values(), c in values()) {
            let all = fold(&[a.clone(), b.clone(), c.clone()].concat()).unwrap();
            let (a, b, c) = (fold(&a).unwrap(), fold(&b).unwrap(), fold(&c).unwrap());
            prop_assert_eq!(&merge(&merge(&a, &b), &c), &all);
            prop_assert_eq!(&merge(&a, &merge(&b, &c)), &all);
            prop_assert_eq!(&merge(&merge(&c, &a), &b), &all);
        }

        #[test]
        fn decoding_undoes_encoding(values in values()) {
            let aggregate = fold(&values).unwrap();
            let mut out = Vec::new();
            aggregate.encode(&mut out, UnixMs(7));
            prop_assert_eq!(Aggregate::decode(&mut Reader::new(&out), UnixMs(7)).unwrap(), aggregate);
        }
    }

    #[test]
    fn p95_is_exact_where_nothing_varies() {
        let mut aggregate = Aggregate::of(UnixMs(0), 12_345);
        aggregate.add(UnixMs(1), 12_345);
        assert!((aggregate.p95() - 12_345.0).abs() < f64::EPSILON);
    }
}
