//! Bytes for each value of a series at rest, beside VictoriaMetrics and Prometheus with the same values.
//!
//! A *sample* is here what those two call one: one value of one series. Counted is everything that lies on disk: rows,
//! indexes, free pages, and the hours and days that the other two don't have. The control plane gets its samples from an
//! agent that was away, and seals and packs them as always.

use super::{Args, built, rounded, simulated};
use crate::interrupt::Interrupt;
use crate::say;
use anyhow::{Context, Result, ensure};
use muster_tests::Api;
use muster_workbench::process::{Launch, free_port, run};
use muster_workbench::tools;
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_mins(2);
/// Nothing is merged any more when so much time went by without a change.
const SETTLED: Duration = Duration::from_secs(5);

/// Measures all three.
pub fn measure(args: &Args, interrupt: &Interrupt) -> Result<Value> {
    tools::install_missing(&[tools::VICTORIA_METRICS, tools::PROMTOOL])?;
    let programs = built::control_plane(interrupt)?;
    let dir = tempfile::Builder::new().prefix("muster-measure-").tempdir()?;
    let agents = args.agents.unwrap_or(2_000).to_string();
    let export = dir.path().to_string_lossy().into_owned();
    let mut simulate = vec!["storage", "--agents", &agents, "--export", &export];
    let trace = args
        .trace
        .as_ref()
        .map(|file| file.to_string_lossy().into_owned());
    if let Some(file) = &trace {
        simulate.extend(["--trace", file]);
    }
    let mut numbers = simulated::simulate(&programs, &simulate, interrupt)?;
    let number = |name: &str| {
        let number = numbers.get(name).and_then(Value::as_f64);
        number.with_context(|| format!("the simulator said no {name}"))
    };
    let (values, ours) = (number("values")?, number("bytes")? / number("values")?);

    say::note("the same into VictoriaMetrics and Prometheus");
    let victoria = victoria_metrics(dir.path())? as f64 / values;
    let prometheus = prometheus(dir.path())? as f64 / values;
    for (name, number) in [
        ("victoriaMetricsBytesPerSample", victoria),
        ("prometheusBytesPerSample", prometheus),
        ("ratioVictoriaMetrics", ours / victoria),
        ("ratioPrometheus", ours / prometheus),
    ] {
        numbers.insert(name.to_owned(), rounded(number).into());
    }
    Ok(Value::Object(numbers))
}

fn victoria_metrics(dir: &Path) -> Result<u64> {
    let (data, port) = (dir.join("victoria-metrics"), free_port()?);
    let address = format!("127.0.0.1:{port}");
    let mut server = Launch::new("victoria-metrics", &tools::VICTORIA_METRICS.path()?)
        .arg_pair("--storageDataPath", &data)
        .args([
            format!("-httpListenAddr={address}"),
            "-retentionPeriod=120".to_owned(),
        ])
        .spawn(dir, &dir.join("victoria-metrics.log"))?;
    let api = Api::new(&format!("http://{address}"));
    server.wait_ready(PATIENCE, || api.call("GET", "/health", None).is_ok())?;
    let samples = std::fs::read(dir.join("victoria-metrics.jsonl"))?;
    let answer = api.send("/api/v1/import", "application/x-ndjson", samples)?;
    ensure!(
        answer.status < 300,
        "VictoriaMetrics answered {}: {}",
        answer.status,
        answer.text
    );
    for path in ["/internal/force_flush", "/internal/force_merge"] {
        api.get_text(path)?;
    }
    let (mut size, mut since) = (0, Instant::now());
    while since.elapsed() < SETTLED {
        let now = size_of(&data)?;
        if now != size {
            (size, since) = (now, Instant::now());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    ensure!(server.stop(PATIENCE), "VictoriaMetrics did not stop by itself");
    // What it caches in files is not stored data.
    Ok(size_of(&data)? - size_of(&data.join("cache"))?)
}

fn prometheus(dir: &Path) -> Result<u64> {
    let blocks = dir.join("prometheus");
    let mut import = Command::new(tools::PROMTOOL.path()?);
    import
        .args([
            "tsdb",
            "create-blocks-from",
            "openmetrics",
            "--quiet",
            "--max-block-duration=24h",
        ])
        .arg(dir.join("openmetrics.txt"))
        .arg(&blocks);
    run(&mut import)?;
    size_of(&blocks)
}

/// Bytes of all files below a folder, which need not be there.
fn size_of(dir: &Path) -> Result<u64> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Ok(0);
    };
    let mut bytes = 0;
    for entry in entries {
        let entry = entry?;
        bytes += match entry.metadata() {
            Ok(meta) if meta.is_dir() => size_of(&entry.path())?,
            Ok(meta) => meta.len(),
            // Merged away in this moment.
            Err(_) => 0,
        };
    }
    Ok(bytes)
}
