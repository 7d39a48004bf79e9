//! A host's past: from the generator, or from a recording of a real one.

use anyhow::{Context as _, Result, anyhow, ensure};
use muster_base::UnixMs;
use muster_metrics::{Kind, Period, RollupBody, Sample, SampleBuilder, Series, Subject, encode_rollups};
use muster_simulator::Readings;
use std::collections::BTreeMap;
use std::path::Path;

/// The agent's default.
const INTERVAL_MS: i64 = 10 * UnixMs::SECOND;
/// Rollups in one report.
const ROLLUPS: usize = 24;

/// Samples every ten seconds up to `end`.
pub(crate) fn simulated(end: UnixMs, span_ms: i64) -> Vec<Sample> {
    let mut readings = Readings::new(42);
    let end = end.floor_to(INTERVAL_MS);
    (0..span_ms / INTERVAL_MS)
        .rev()
        .map(|back| readings.sample(end.plus_ms(-back * INTERVAL_MS)))
        .collect()
}

/// A recording, moved so that it ends at `end`: what `GET /api/v1/hosts/{id}/metrics/export` answers, a CSV file with the
/// header `time,SERIES,…`.
pub(crate) fn recorded(file: &Path, end: UnixMs) -> Result<Vec<Sample>> {
    let mut reader =
        csv::Reader::from_path(file).with_context(|| format!("{} can't be read", file.display()))?;
    let names = reader.headers()?.clone();
    ensure!(
        names.get(0) == Some("time"),
        "the recording's first column must be `time`"
    );
    let series = names
        .iter()
        .skip(1)
        .map(|name| Ok(name.parse::<Series>()?))
        .collect::<Result<Vec<_>>>()?;
    let mut rows: Vec<(UnixMs, Vec<Option<i64>>)> = Vec::new();
    for record in reader.records() {
        let record = record?;
        let at = record.get(0).unwrap_or_default();
        let at = at.parse().map_err(|_| anyhow!("not a time: {at}"))?;
        let values = series.iter().zip(record.iter().skip(1));
        let values = values
            .map(|(series, value)| stored(series, value))
            .collect::<Result<_>>()?;
        rows.push((at, values));
    }
    let last = rows.last().context("the recording has no rows")?.0;
    let mut builder = SampleBuilder::default();
    let mut samples = Vec::with_capacity(rows.len());
    for (at, values) in rows {
        builder.subject("");
        for (series, value) in series.iter().zip(values) {
            if let Some(value) = value {
                builder.push_instance(series.kind(), series.instance(), value);
            }
        }
        samples.push(builder.finish(end.floor_to(INTERVAL_MS).plus_ms(at.ms_since(last))));
    }
    Ok(samples)
}

/// The integer that was stored for what a table shows.
fn stored(series: &Series, shown: &str) -> Result<Option<i64>> {
    if shown.is_empty() {
        return Ok(None);
    }
    let number: f64 = shown.parse().with_context(|| format!("not a number: {shown}"))?;
    let one = series.kind().info().map_or(1.0, |info| info.unit.shown(1.0));
    #[expect(clippy::cast_possible_truncation, reason = "it was an integer")]
    Ok(Some((number / one).round() as i64))
}

/// The hours and days of these samples that have ended, as reports carry them.
pub(crate) fn rollups(samples: &[Sample]) -> Vec<Vec<u8>> {
    let mut bodies: BTreeMap<(Period, UnixMs), RollupBody> = BTreeMap::new();
    for sample in samples {
        for period in [Period::Hour, Period::Day] {
            let start = period.start_of(sample.at);
            let body = bodies.entry((period, start)).or_default();
            body.add_sample(&Subject::Host, sample);
        }
    }
    let last = samples.last().map_or(UnixMs(0), |sample| sample.at);
    bodies.retain(|(period, start), _| period.start_of(last) != *start);
    travelling(bodies)
}

/// Ninety days of hours before `end`, each made of a few values.
pub(crate) fn long_rollups(end: UnixMs, days: i64) -> Vec<Vec<u8>> {
    let mut readings = Readings::new(43);
    let mut bodies = BTreeMap::new();
    for back in 1..=days * 24 {
        let start = Period::Hour.start_of(end).plus_ms(-back * UnixMs::HOUR);
        let mut body = RollupBody::default();
        for place in 0..60 {
            body.add_sample(
                &Subject::Host,
                &readings.sample(start.plus_ms(place * UnixMs::MINUTE)),
            );
        }
        bodies.insert((Period::Hour, start), body);
    }
    travelling(bodies)
}

fn travelling(bodies: BTreeMap<(Period, UnixMs), RollupBody>) -> Vec<Vec<u8>> {
    let encoded: Vec<_> = bodies
        .into_iter()
        .map(|((period, start), body)| (period, start, body.encode(start)))
        .collect();
    let part = |rollups: &[(Period, UnixMs, Vec<u8>)]| {
        encode_rollups(
            rollups
                .iter()
                .map(|(period, start, body)| (*period, *start, "", body.as_slice())),
        )
    };
    encoded.chunks(ROLLUPS).map(part).collect()
}

/// A series that every sample has.
pub(crate) const CHARTED: Kind = Kind::CPU_TOTAL;
