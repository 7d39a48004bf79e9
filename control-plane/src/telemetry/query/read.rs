//! Fetching what a plan needs: rows and chunks merged, or rollups.

use std::collections::{BTreeMap, BTreeSet};

use muster_base::{HostId, OrgId, UnixMs};
use muster_metrics::{Period, RollupBody, Series, SeriesKey, Subject, chunk::Chunk, frame, packed};
use tracing::error;

use super::{SeriesPoints, Tier, bucket::Buckets, plan::Plan};
use crate::{
    app::App,
    telemetry::{TelemetryError, store},
};

type Rows = Vec<(UnixMs, Vec<u8>)>;

pub(super) async fn read(
    app: &App,
    org: OrgId,
    host: HostId,
    subject: Subject,
    plan: &Plan,
) -> Result<Vec<SeriesPoints>, TelemetryError> {
    let db = &app.telemetry_db;
    let plan = plan.clone();
    let period = match plan.tier {
        Tier::Raw => None,
        Tier::Hour => Some(Period::Hour),
        Tier::Day => Some(Period::Day),
    };
    let Some(period) = period else {
        // Rows first: a row that is sealed in between is then seen twice, which is noticed, and never missed.
        let rows = store::sample::list(db, org, host, plan.from, plan.to).await?;
        let chunks = store::chunk::list(db, org, host, plan.from, plan.to).await?;
        // Decompressing a day takes milliseconds: not on the event loop.
        return Ok(tokio::task::spawn_blocking(move || raw(&plan, &subject, &rows, &chunks)).await?);
    };
    let of = (period, &subject);
    // Single hours before packed ones: one that is packed in between is then seen twice, and never missed.
    let rows = store::rollup::list(db, org, host, of, plan.from, plan.to).await?;
    let packed = match period {
        Period::Hour => store::packed::list(db, org, host, &subject, plan.from, plan.to).await?,
        Period::Day => Rows::new(),
    };
    Ok(tokio::task::spawn_blocking(move || rollups(&plan, &rows, &packed)).await?)
}

/// Which series there are of a subject.
pub(super) async fn names(
    app: &App,
    org: OrgId,
    host: HostId,
    subject: &Subject,
    plan: &Plan,
) -> Result<BTreeSet<Series>, TelemetryError> {
    if plan.tier != Tier::Raw {
        let found = read(app, org, host, subject.clone(), plan).await?;
        return Ok(found
            .iter()
            .filter_map(|series| series.name.parse().ok())
            .collect());
    }
    let db = &app.telemetry_db;
    let rows = store::sample::list(db, org, host, plan.from, plan.to).await?;
    let chunks = store::chunk::list(db, org, host, plan.from, plan.to).await?;
    let (subject, plan) = (subject.clone(), plan.clone());
    let names = move || {
        let mut names = BTreeSet::new();
        let mut add = |whose: &Subject, series: &Series| {
            let wanted = || plan.series.iter().any(|asked| asked.selects(series));
            if *whose == subject && !names.contains(series) && wanted() {
                names.insert(series.clone());
            }
        };
        // What can't be read is said in the log by whoever reads the values.
        for chunk in chunks.iter().filter_map(|(_, bytes)| Chunk::open(bytes).ok()) {
            chunk.keys().for_each(|key| add(&key.subject, &key.series));
        }
        for sample in rows.iter().filter_map(|(_, bytes)| frame::decode_one(bytes).ok()) {
            sample.iter().for_each(|(whose, series, _)| add(whose, series));
        }
        names
    };
    Ok(tokio::task::spawn_blocking(names).await?)
}

/// Whether there ever was an hour of this subject.
pub(super) async fn has_rollups(
    app: &App,
    org: OrgId,
    host: HostId,
    subject: &Subject,
) -> Result<bool, TelemetryError> {
    let db = &app.telemetry_db;
    Ok(store::rollup::exists(db, org, host, subject).await?
        || store::packed::exists(db, org, host, subject).await?)
}

fn raw(plan: &Plan, subject: &Subject, rows: &Rows, chunks: &Rows) -> Vec<SeriesPoints> {
    let mut buckets = Buckets::default();
    let wanted = |series: &Series| plan.series.iter().any(|asked| asked.selects(series));
    let mut sealed: BTreeMap<UnixMs, Vec<UnixMs>> = BTreeMap::new();
    for (hour, bytes) in chunks {
        let read = Chunk::open(bytes).and_then(|chunk| {
            for (key, points) in
                chunk.read(|key: &SeriesKey| key.subject == *subject && wanted(&key.series))?
            {
                for (at, value) in points {
                    buckets.add_value(plan, &key.series, at, value);
                }
            }
            Ok(chunk.times().to_vec())
        });
        match read {
            Ok(times) => drop(sealed.insert(*hour, times)),
            Err(cause) => error!(hour = %hour, "a chunk can't be read and is left out: {cause}"),
        }
    }
    for (at, bytes) in rows {
        // The chunk that begins last before it: they don't overlap.
        let in_chunk = sealed.range(..=*at).next_back();
        if in_chunk.is_some_and(|(_, times)| times.binary_search(at).is_ok()) {
            continue;
        }
        match frame::decode_one(bytes) {
            Ok(sample) => {
                for (whose, series, value) in sample.iter() {
                    if whose == subject && wanted(series) {
                        buckets.add_value(plan, series, *at, value);
                    }
                }
            }
            Err(cause) => error!(at = %at, "a sample can't be read and is left out: {cause}"),
        }
    }
    buckets.finish(plan)
}

fn rollups(plan: &Plan, rows: &Rows, days: &Rows) -> Vec<SeriesPoints> {
    let wanted = |series: &Series| plan.series.iter().any(|asked| asked.selects(series));
    let mut bodies: BTreeMap<UnixMs, RollupBody> = BTreeMap::new();
    for (day, bytes) in days {
        match packed::decode(bytes, *day, wanted) {
            Ok(hours) => bodies.extend(
                hours
                    .into_iter()
                    .filter(|(hour, _)| (plan.from..plan.to).contains(hour)),
            ),
            Err(cause) => error!(day = %day, "the hours of a day can't be read and are left out: {cause}"),
        }
    }
    for (start, bytes) in rows {
        match RollupBody::decode(bytes, *start) {
            Ok(mut body) => {
                body.0.retain(|series, _| wanted(series));
                if bodies
                    .get(start)
                    .is_none_or(|packed| packed.values() < body.values())
                {
                    bodies.insert(*start, body);
                }
            }
            Err(cause) => error!(start = %start, "a rollup can't be read and is left out: {cause}"),
        }
    }
    let mut buckets = Buckets::default();
    for (start, body) in bodies {
        for (series, aggregate) in body.0 {
            buckets.add_aggregate(plan, &series, start, aggregate);
        }
    }
    buckets.finish(plan)
}
