//! An hour or a day of one host or container, as it travels and rests.
//!
//! # Format
//!
//! A **body** is a version byte (1), the number of series, and for each the series and its aggregate: count, sum,
//! minimum, maximum and last as differences from the minimum, time of the last relative to the start, and, unless
//! minimum and maximum are equal, the sketch's buckets in ascending order as (difference, count).
//!
//! A **report** of rollups is a version byte (1) and then, to the end, for each: period (1 hour, 2 day), start as a
//! signed integer, subject, length of the body, body. The control plane stores the body as it came.

use std::collections::BTreeMap;

use muster_base::UnixMs;

use crate::{
    Aggregate, Sample, Series, Subject,
    sample::{MAX_COLUMNS, decode_series, encode_series},
    wire::{DecodeError, Reader, put_i64, put_len, put_text},
};

const VERSION: u8 = 1;

/// How long a rollup spans, aligned to UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Period {
    /// An hour.
    Hour,
    /// A day.
    Day,
}

/// An hour or day of one host or container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollup {
    /// How long it spans.
    pub period: Period,
    /// When it starts.
    pub start: UnixMs,
    /// Whose.
    pub subject: Subject,
    /// The series.
    pub body: RollupBody,
}

/// The aggregates of each series of a subject.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RollupBody(pub BTreeMap<Series, Aggregate>);

impl Period {
    /// Its length.
    pub const fn width_ms(self) -> i64 {
        match self {
            Self::Hour => UnixMs::HOUR,
            Self::Day => UnixMs::DAY,
        }
    }

    /// The start of the period that `at` lies in.
    #[must_use]
    pub const fn start_of(self, at: UnixMs) -> UnixMs {
        at.floor_to(self.width_ms())
    }

    /// The number that stands for it on the wire and in databases.
    pub const fn code(self) -> u8 {
        match self {
            Self::Hour => 1,
            Self::Day => 2,
        }
    }

    /// The period that `code` stands for.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Hour),
            2 => Some(Self::Day),
            _ => None,
        }
    }
}

impl RollupBody {
    /// Folds a value in.
    pub fn add(&mut self, at: UnixMs, series: &Series, value: i64) {
        if let Some(aggregate) = self.0.get_mut(series) {
            aggregate.add(at, value);
        } else {
            self.0.insert(series.clone(), Aggregate::of(at, value));
        }
    }

    /// Folds a sample's values of one subject in.
    pub fn add_sample(&mut self, subject: &Subject, sample: &Sample) {
        for (_, series, value) in sample.iter().filter(|(whose, ..)| *whose == subject) {
            self.add(sample.at, series, value);
        }
    }

    /// Folds in everything that `other` holds.
    pub fn merge(&mut self, other: &Self) {
        for (series, theirs) in &other.0 {
            if let Some(ours) = self.0.get_mut(series) {
                ours.merge(theirs);
            } else {
                self.0.insert(series.clone(), theirs.clone());
            }
        }
    }

    /// How many samples it was made of, as far as its series tell: the most values that any of them has.
    pub fn samples(&self) -> u64 {
        self.0
            .values()
            .map(|aggregate| aggregate.count)
            .max()
            .unwrap_or(0)
    }

    /// How many values went into it, over all series: of two versions of one rollup the one with more is the fuller.
    pub fn values(&self) -> u64 {
        self.0.values().map(|aggregate| aggregate.count).sum()
    }

    /// The body's bytes.
    pub fn encode(&self, start: UnixMs) -> Vec<u8> {
        let mut out = vec![VERSION];
        put_len(&mut out, self.0.len());
        for (series, aggregate) in &self.0 {
            encode_series(&mut out, series);
            aggregate.encode(&mut out, start);
        }
        out
    }

    /// Reads a body; `start` must be the one that it was written with.
    pub fn decode(bytes: &[u8], start: UnixMs) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        reader.version(VERSION)?;
        let count = reader.count(MAX_COLUMNS, "number of series")?;
        let mut body = Self::default();
        for _ in 0..count {
            let series = decode_series(&mut reader)?;
            body.0.insert(series, Aggregate::decode(&mut reader, start)?);
        }
        if !reader.is_empty() || body.0.len() != count {
            return Err(DecodeError::Malformed("a rollup"));
        }
        Ok(body)
    }
}

/// Appends rollups to a report's part that starts out empty. Takes bodies as bytes: that is how the spool keeps them.
pub fn encode_rollups<'a>(rollups: impl IntoIterator<Item = (Period, UnixMs, &'a str, &'a [u8])>) -> Vec<u8> {
    let mut out = Vec::new();
    for (period, start, subject, body) in rollups {
        if out.is_empty() {
            out.push(VERSION);
        }
        out.push(period.code());
        put_i64(&mut out, start.0);
        put_text(&mut out, subject);
        put_len(&mut out, body.len());
        out.extend_from_slice(body);
    }
    out
}

/// Reads a report's rollups, each with its body decoded.
pub fn decode_rollups(bytes: &[u8]) -> Result<Vec<Rollup>, DecodeError> {
    let mut reader = Reader::new(bytes);
    if reader.is_empty() {
        return Ok(Vec::new());
    }
    reader.version(VERSION)?;
    let mut rollups = Vec::new();
    while !reader.is_empty() {
        let period = Period::from_code(reader.u8()?).ok_or(DecodeError::Malformed("a rollup's period"))?;
        let start = UnixMs(reader.i64()?);
        if period.start_of(start) != start {
            return Err(DecodeError::Malformed("a rollup's start"));
        }
        let subject = Subject::from_name(reader.text()?);
        let len = reader.count(usize::MAX, "a rollup")?;
        let body = RollupBody::decode(reader.bytes(len)?, start)?;
        rollups.push(Rollup {
            period,
            start,
            subject,
            body,
        });
    }
    Ok(rollups)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Kind;

    fn body(values: &[(i64, u16, i64)]) -> RollupBody {
        let mut body = RollupBody::default();
        for (at, code, value) in values {
            body.add(UnixMs(*at), &Series::of(Kind::from_code(*code)), *value);
        }
        body
    }

    fn values() -> impl Strategy<Value = Vec<(i64, u16, i64)>> {
        prop::collection::vec((0..UnixMs::DAY, 0_u16..4, any::<i64>()), 0..60)
    }

    proptest! {
        #[test]
        fn a_day_merged_from_its_hours_is_the_day_folded_from_its_samples(values in values()) {
            let mut hours: BTreeMap<UnixMs, RollupBody> = BTreeMap::new();
            for (at, code, value) in &values {
                let hour = hours.entry(Period::Hour.start_of(UnixMs(*at))).or_default();
                hour.add(UnixMs(*at), &Series::of(Kind::from_code(*code)), *value);
            }
            let mut day = RollupBody::default();
            for hour in hours.values() {
                day.merge(hour);
            }
            prop_assert_eq!(day, body(&values));
        }

        #[test]
        fn decoding_undoes_encoding(values in values(), subject in "[a-z]{0,5}", hours in 0_i64..1_000_000) {
            let start = UnixMs(hours * UnixMs::HOUR);
            let body = body(&values);
            let bytes = encode_rollups([(Period::Hour, start, subject.as_str(), body.encode(start).as_slice())]);
            let expected = Rollup {
                period: Period::Hour,
                start,
                subject: Subject::from_name(&subject),
                body,
            };
            prop_assert_eq!(decode_rollups(&bytes).unwrap(), vec![expected]);
        }

        #[test]
        fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            drop(decode_rollups(&bytes));
            drop(RollupBody::decode(&bytes, UnixMs(0)));
        }

        #[test]
        fn damage_never_panics(values in values(), place: usize, byte: u8) {
            let body = body(&values).encode(UnixMs(0));
            let mut bytes = encode_rollups([(Period::Day, UnixMs(0), "web", body.as_slice())]);
            let place = place % bytes.len();
            bytes[place] = byte;
            drop(decode_rollups(&bytes));
        }
    }
}
