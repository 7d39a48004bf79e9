//! The hours that are still open.

use std::collections::BTreeMap;

use muster_base::UnixMs;
use muster_metrics::{Period, RollupBody, Sample, Subject};

/// Open hours by their start, each with the aggregates of the host and its containers. Usually one hour, two for a
/// moment at its end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Accumulators {
    hours: BTreeMap<UnixMs, BTreeMap<Subject, RollupBody>>,
}

impl Accumulators {
    /// Folds a sample in.
    pub fn add(&mut self, sample: &Sample) {
        let hour = self.hours.entry(Period::Hour.start_of(sample.at)).or_default();
        let mut values = sample.values.iter();
        for group in &sample.layout.groups {
            if !hour.contains_key(&group.subject) {
                hour.insert(group.subject.clone(), RollupBody::default());
            }
            let Some(body) = hour.get_mut(&group.subject) else {
                continue;
            };
            for (series, value) in group.series.iter().zip(&mut values) {
                body.add(sample.at, series, *value);
            }
        }
    }

    /// Puts back what a checkpoint held.
    pub fn restore(&mut self, hour: UnixMs, subject: Subject, body: RollupBody) {
        self.hours.entry(hour).or_default().insert(subject, body);
    }

    /// The hours that have ended by `now`.
    pub fn ended(&self, now: UnixMs) -> impl Iterator<Item = (UnixMs, &BTreeMap<Subject, RollupBody>)> {
        let current = Period::Hour.start_of(now);
        self.hours
            .range(..current)
            .map(|(start, bodies)| (*start, bodies))
    }

    /// The hours that have not ended by `now`.
    pub fn open(&self, now: UnixMs) -> impl Iterator<Item = (UnixMs, &BTreeMap<Subject, RollupBody>)> {
        let current = Period::Hour.start_of(now);
        self.hours
            .range(current..)
            .map(|(start, bodies)| (*start, bodies))
    }

    /// Forgets the hours that have ended by `now`.
    pub fn forget_ended(&mut self, now: UnixMs) {
        self.hours = self.hours.split_off(&Period::Hour.start_of(now));
    }
}
