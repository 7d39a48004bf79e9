//! Compares the books with what the control plane answers.

use crate::books::{Books, MARKS, Taken};
use anyhow::{Context, Result};
use muster_base::{HostId, UnixMs};
use muster_tests::Api;
use serde_json::Value;
use std::collections::BTreeMap;

/// An answer holds no more points than 5,000; steps are of one second.
const SPAN_MS: i64 = 4_000 * UnixMs::SECOND;

/// What the auditor found, over all hosts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Audit {
    /// Samples that were taken.
    pub taken: usize,
    /// Samples that were acknowledged.
    pub acknowledged: usize,
    /// Acknowledged and not there.
    pub lost: usize,
    /// Taken, not acknowledged, and not there: not lost, since their agent still has them.
    pub missing: usize,
    /// There more than once.
    pub duplicated: usize,
    /// There with other values than were sent, or never sent at all.
    pub wrong: usize,
}

impl Audit {
    /// Whether everything that was taken is there, exactly once and as it was.
    pub fn is_clean(&self) -> bool {
        let faults = self.lost + self.missing + self.duplicated + self.wrong;
        faults == 0 && self.taken == self.acknowledged
    }
}

/// Audits every host.
pub fn audit<'a>(admin: &Api, hosts: impl Iterator<Item = (HostId, &'a Books)>) -> Result<Audit> {
    let mut audit = Audit::default();
    for (host, books) in hosts {
        let books = books.all();
        let mut stored = stored(admin, host, &books)?;
        for (at, taken) in &books {
            audit.taken += 1;
            audit.acknowledged += usize::from(taken.acknowledged);
            // The answer's points are at whole seconds.
            match stored.remove(&at.floor_to(UnixMs::SECOND)) {
                None if taken.acknowledged => audit.lost += 1,
                None => audit.missing += 1,
                Some(point) => {
                    audit.duplicated += usize::from(point.count > 1);
                    audit.wrong += usize::from(point.marks != taken.marks);
                }
            }
        }
        audit.wrong += stored.len();
    }
    Ok(audit)
}

/// What stands at one second.
#[derive(Default)]
struct Point {
    count: u64,
    marks: [i64; 2],
}

fn stored(admin: &Api, host: HostId, books: &BTreeMap<UnixMs, Taken>) -> Result<BTreeMap<UnixMs, Point>> {
    let mut points: BTreeMap<UnixMs, Point> = BTreeMap::new();
    let (Some(first), Some(last)) = (books.keys().next(), books.keys().next_back()) else {
        return Ok(points);
    };
    // A minute more on both sides: nothing else may be there.
    let mut from = first.plus_ms(-UnixMs::MINUTE).floor_to(UnixMs::SECOND);
    let end = last.plus_ms(UnixMs::MINUTE);
    while from < end {
        let to = end.min(from.plus_ms(SPAN_MS));
        let answer = admin.get(&format!(
            "/api/v1/hosts/{host}/metrics?series={}&stats=last,count&step=1&from={}&to={}",
            MARKS.join(","),
            from.0,
            to.0
        ))?;
        for (mark, name) in MARKS.iter().enumerate() {
            let series = answer["series"].as_array().context("no series")?;
            let of_name = series.iter().find(|series| series["name"] == **name);
            for point in of_name
                .and_then(|series| series["points"].as_array())
                .into_iter()
                .flatten()
            {
                let (at, value, count) = read(point).with_context(|| format!("not a point: {point}"))?;
                let entry = points.entry(at).or_default();
                entry.marks[mark] = value;
                entry.count = entry.count.max(count);
            }
        }
        from = to;
    }
    Ok(points)
}

fn read(point: &Value) -> Option<(UnixMs, i64, u64)> {
    Some((UnixMs(point[0].as_i64()?), point[1].as_i64()?, point[2].as_u64()?))
}
