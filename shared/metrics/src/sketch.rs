//! Percentiles within one percent: a DDSketch whose buckets are kept sparse.
//!
//! Charles Masson, Jee E. Rim and Homin K. Lee, *DDSketch: a fast and fully-mergeable quantile sketch with
//! relative-error guarantees*, VLDB 2019. A positive value `v` falls into bucket `i = ceil(ln v / ln γ)` with
//! `γ = 1.01 / 0.99`; the bucket's estimate `2 γ^i / (γ + 1)` is within 1 % of each of its values.
//!
//! The usual implementations keep an array over the whole range of buckets, some kilobytes for each series. An hour
//! of samples touches a few dozen buckets, so here they are a sorted list, which also makes merging exact, order
//! independent and small to store. No bucket is ever collapsed: the range of `i64` has fewer than 4,500.

use std::cmp::Ordering;

use crate::wire::{DecodeError, Reader, put_i64, put_len, put_u64};

/// 1 % relative error: (1 + 0.01) / (1 - 0.01).
const GAMMA: f64 = 1.01 / 0.99;
const MAX_BUCKETS: usize = 4_500;
/// No value falls farther from zero than into bucket 2,186.
const FARTHEST: u16 = 2_200;

/// How many values fell into each bucket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sketch {
    /// Sorted by bucket, which is also the order of the values in them.
    buckets: Vec<(i16, u32)>,
}

impl Sketch {
    /// Counts a value.
    pub fn add(&mut self, value: i64) {
        self.add_many(value, 1);
    }

    /// Counts a value `count` times.
    pub(crate) fn add_many(&mut self, value: i64, count: u32) {
        let bucket = bucket_of(value);
        match self.buckets.binary_search_by_key(&bucket, |(at, _)| *at) {
            Ok(place) => self.buckets[place].1 = self.buckets[place].1.saturating_add(count),
            Err(place) => {
                // A sketch lives for an hour in a small process: grow by what is needed.
                if self.buckets.len() == self.buckets.capacity() {
                    self.buckets.reserve_exact(4);
                }
                self.buckets.insert(place, (bucket, count));
            }
        }
    }

    /// Adds everything that `other` counted.
    pub fn merge(&mut self, other: &Self) {
        let (mut ours, mut theirs) = (self.buckets.iter().peekable(), other.buckets.iter().peekable());
        let mut merged = Vec::with_capacity(self.buckets.len().max(other.buckets.len()));
        while let (Some(a), Some(b)) = (ours.peek(), theirs.peek()) {
            match a.0.cmp(&b.0) {
                Ordering::Less => merged.extend(ours.next()),
                Ordering::Greater => merged.extend(theirs.next()),
                Ordering::Equal => {
                    merged.push((a.0, a.1.saturating_add(b.1)));
                    ours.next();
                    theirs.next();
                }
            }
        }
        merged.extend(ours);
        merged.extend(theirs);
        self.buckets = merged;
    }

    /// The value that a share `q` (0 to 1) of all values does not exceed, within 1 %; `None` when nothing was counted.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let count: u64 = self.buckets.iter().map(|(_, count)| u64::from(*count)).sum();
        let last = count.checked_sub(1)?;
        let rank = rank(q, last);
        let mut seen = 0;
        self.buckets.iter().find_map(|(bucket, count)| {
            seen += u64::from(*count);
            (seen > rank).then(|| estimate(*bucket))
        })
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_len(out, self.buckets.len());
        let mut before = 0;
        for (bucket, count) in &self.buckets {
            put_i64(out, i64::from(*bucket) - before);
            put_u64(out, u64::from(*count));
            before = i64::from(*bucket);
        }
    }

    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let len = reader.count(MAX_BUCKETS, "number of buckets")?;
        let mut sketch = Self {
            buckets: Vec::with_capacity(len),
        };
        for _ in 0..len {
            let before = sketch.buckets.last().map_or(0, |(bucket, _)| i64::from(*bucket));
            let bucket = before.saturating_add(reader.i64()?);
            sketch.put(bucket, i64::try_from(reader.u64()?).unwrap_or(i64::MAX))?;
        }
        Ok(sketch)
    }

    /// Buckets in ascending order, with how many values fell into each.
    pub(crate) fn buckets(&self) -> &[(i16, u32)] {
        &self.buckets
    }

    /// From differences between neighbouring buckets, the first one's from `first`, and counts.
    pub(crate) fn from_differences(
        first: i64,
        buckets: impl Iterator<Item = (i64, i64)>,
    ) -> Result<Self, DecodeError> {
        let (mut sketch, mut bucket) = (Self::default(), first);
        for (difference, count) in buckets {
            bucket = bucket.saturating_add(difference);
            sketch.put(bucket, count)?;
        }
        Ok(sketch)
    }

    fn put(&mut self, bucket: i64, count: i64) -> Result<(), DecodeError> {
        let (Ok(bucket), Ok(count)) = (i16::try_from(bucket), u32::try_from(count)) else {
            return Err(DecodeError::Malformed("a bucket"));
        };
        let follows = self.buckets.last().is_none_or(|(before, _)| *before < bucket);
        if count == 0 || !follows || bucket.unsigned_abs() > FARTHEST {
            return Err(DecodeError::Malformed("a bucket"));
        }
        self.buckets.push((bucket, count));
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and `last`, rounded down"
)]
fn rank(q: f64, last: u64) -> u64 {
    (q.clamp(0.0, 1.0) * last as f64) as u64
}

/// Zero has bucket 0, a positive value 1 + i, a negative one -(1 + i): so buckets sort as their values do.
fn bucket_of(value: i64) -> i16 {
    if value == 0 {
        return 0;
    }
    #[expect(clippy::cast_possible_truncation, reason = "at most ln(2^63) / ln γ = 2,184")]
    let magnitude = ((value.unsigned_abs() as f64).ln() / GAMMA.ln()).ceil() as i16;
    if value > 0 { magnitude + 1 } else { -magnitude - 1 }
}

fn estimate(bucket: i16) -> f64 {
    if bucket == 0 {
        return 0.0;
    }
    let magnitude = 2.0 * GAMMA.powi(i32::from(bucket.unsigned_abs()) - 1) / (GAMMA + 1.0);
    if bucket > 0 { magnitude } else { -magnitude }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sketch(values: &[i64]) -> Sketch {
        let mut sketch = Sketch::default();
        for value in values {
            sketch.add(*value);
        }
        sketch
    }

    #[test]
    fn buckets_that_no_value_falls_into_are_refused() {
        for value in [i64::MIN, i64::MAX] {
            assert!(bucket_of(value).unsigned_abs() <= FARTHEST);
        }
        for bucket in [i16::MIN, -2_201, 2_201, i16::MAX] {
            let mut out = Vec::new();
            put_len(&mut out, 1);
            put_i64(&mut out, i64::from(bucket));
            put_u64(&mut out, 1);
            assert!(Sketch::decode(&mut Reader::new(&out)).is_err(), "{bucket}");
        }
    }

    #[test]
    fn nothing_counted_has_no_percentile() {
        assert_eq!(Sketch::default().quantile(0.95), None);
    }

    proptest! {
        #[test]
        fn percentiles_are_within_one_percent(
            mut values in prop::collection::vec(-1_000_000_000_000_i64..1_000_000_000_000, 1..300),
            q in 0.0_f64..=1.0,
        ) {
            let estimate = sketch(&values).quantile(q).unwrap();
            values.sort_unstable();
            let exact = values[usize::try_from(rank(q, values.len() as u64 - 1)).unwrap()] as f64;
            prop_assert!((estimate - exact).abs() <= exact.abs() * 0.010_001, "{estimate} for {exact}");
        }

        #[test]
        fn merging_is_the_same_as_counting_all(a: Vec<i64>, b: Vec<i64>) {
            let mut merged = sketch(&a);
            merged.merge(&sketch(&b));
            prop_assert_eq!(merged, sketch(&[a, b].concat()));
        }

        #[test]
        fn decoding_undoes_encoding(values: Vec<i64>) {
            let mut out = Vec::new();
            let sketch = sketch(&values);
            sketch.encode(&mut out);
            prop_assert_eq!(Sketch::decode(&mut Reader::new(&out)).unwrap(), sketch);
        }
    }
}
