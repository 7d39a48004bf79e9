//! The same samples in the formats that other stores import.

use anyhow::{Context as _, Result};
use muster_metrics::{Sample, SeriesKey};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

/// Writes `victoria-metrics.jsonl` (`/api/v1/import`) and `openmetrics.txt` (`promtool tsdb create-blocks-from
/// openmetrics`) into `dir`.
pub(crate) fn write(samples: &[Sample], dir: &Path) -> Result<()> {
    let mut columns: BTreeMap<(String, String), Vec<(i64, i64)>> = BTreeMap::new();
    for sample in samples {
        for (subject, series, value) in sample.iter() {
            let key = SeriesKey {
                subject: subject.clone(),
                series: series.clone(),
            };
            columns.entry(name(&key)).or_default().push((sample.at.0, value));
        }
    }
    let mut lines = BufWriter::new(File::create(dir.join("victoria-metrics.jsonl"))?);
    let mut open = BufWriter::new(File::create(dir.join("openmetrics.txt"))?);
    for ((metric, instance), points) in &columns {
        let (times, values): (Vec<i64>, Vec<i64>) = points.iter().copied().unzip();
        let of = json!({"__name__": metric, "host": "measured", "instance": instance});
        writeln!(
            lines,
            "{}",
            json!({"metric": of, "values": values, "timestamps": times})
        )?;
        for (at, value) in points {
            writeln!(
                open,
                "{metric}{{host=\"measured\",instance=\"{instance}\"}} {value} {}.{:03}",
                at / 1_000,
                at % 1_000
            )?;
        }
    }
    writeln!(open, "# EOF")?;
    lines.flush().context("the export can't be written")?;
    open.flush().context("the export can't be written")
}

/// A metric's name, and the instance that the series is of.
fn name(key: &SeriesKey) -> (String, String) {
    let pattern = key.series.kind().info().map_or("unknown", |info| info.pattern);
    let name = pattern.replace('*', "of").replace('.', "_");
    (name, format!("{}/{}", key.subject.name(), key.series.instance()))
}
