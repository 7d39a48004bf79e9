//! Values and aggregates, folded into steps.

use std::collections::BTreeMap;

use muster_base::UnixMs;
use muster_metrics::{Aggregate, Series, Unit};

use super::{Point, SeriesPoints, Stat, plan::Plan};

/// The steps of each series.
#[derive(Debug, Default)]
pub(super) struct Buckets(BTreeMap<Series, BTreeMap<i64, Bucket>>);

/// What is known of a step.
#[derive(Debug)]
enum Bucket {
    /// Values, all of them only if a percentile is wanted.
    Values {
        count: u64,
        sum: i128,
        min: i64,
        max: i64,
        last: (UnixMs, i64),
        all: Vec<i64>,
    },
    /// Rollups.
    Aggregate(Box<Aggregate>),
}

impl Buckets {
    pub(super) fn add_value(&mut self, plan: &Plan, series: &Series, at: UnixMs, value: i64) {
        if at < plan.from || at >= plan.to {
            return;
        }
        let step = at.floor_to(plan.step_ms).0;
        let keep = plan.stats.contains(&Stat::P95);
        let bucket = self.series(series).entry(step).or_insert(Bucket::Values {
            count: 0,
            sum: 0,
            min: i64::MAX,
            max: i64::MIN,
            last: (at, value),
            all: Vec::new(),
        });
        if let Bucket::Values {
            count,
            sum,
            min,
            max,
            last,
            all,
        } = bucket
        {
            *count += 1;
            *sum += i128::from(value);
            *min = (*min).min(value);
            *max = (*max).max(value);
            *last = (*last).max((at, value));
            if keep {
                all.push(value);
            }
        }
    }

    pub(super) fn add_aggregate(
        &mut self,
        plan: &Plan,
        series: &Series,
        start: UnixMs,
        aggregate: Aggregate,
    ) {
        let step = start.floor_to(plan.step_ms).0;
        let steps = self.series(series);
        if let Some(Bucket::Aggregate(known)) = steps.get_mut(&step) {
            known.merge(&aggregate);
        } else {
            steps.insert(step, Bucket::Aggregate(Box::new(aggregate)));
        }
    }

    fn series(&mut self, series: &Series) -> &mut BTreeMap<i64, Bucket> {
        // A clone of the name only for the first value.
        if !self.0.contains_key(series) {
            self.0.insert(series.clone(), BTreeMap::new());
        }
        self.0.entry(series.clone()).or_default()
    }

    pub(super) fn finish(self, plan: &Plan) -> Vec<SeriesPoints> {
        self.0
            .into_iter()
            .map(|(series, steps)| {
                let unit = series.kind().info().map_or(Unit::Count, |info| info.unit);
                SeriesPoints {
                    name: series.to_string(),
                    unit: unit.name(),
                    points: steps
                        .into_iter()
                        .map(|(at_ms, mut bucket)| Point {
                            at_ms,
                            stats: plan.stats.iter().map(|stat| bucket.stat(*stat, unit)).collect(),
                        })
                        .collect(),
                }
            })
            .collect()
    }
}

impl Bucket {
    fn stat(&mut self, stat: Stat, unit: Unit) -> f64 {
        let stored = match (stat, self) {
            (Stat::Count, Self::Values { count, .. }) => return *count as f64,
            (Stat::Count, Self::Aggregate(aggregate)) => return aggregate.count as f64,
            (Stat::Avg, Self::Values { count, sum, .. }) => *sum as f64 / *count as f64,
            (Stat::Avg, Self::Aggregate(aggregate)) => aggregate.mean(),
            (Stat::Min, Self::Values { min, .. }) => *min as f64,
            (Stat::Min, Self::Aggregate(aggregate)) => aggregate.min as f64,
            (Stat::Max, Self::Values { max, .. }) => *max as f64,
            (Stat::Max, Self::Aggregate(aggregate)) => aggregate.max as f64,
            (Stat::Last, Self::Values { last, .. }) => last.1 as f64,
            (Stat::Last, Self::Aggregate(aggregate)) => aggregate.last as f64,
            (Stat::P95, Self::Values { all, .. }) => {
                all.sort_unstable();
                // The same rank as the sketch's.
                let rank = all.len().saturating_sub(1) * 95 / 100;
                all.get(rank).map_or(0.0, |value| *value as f64)
            }
            (Stat::P95, Self::Aggregate(aggregate)) => aggregate.p95(),
        };
        unit.shown(stored)
    }
}
