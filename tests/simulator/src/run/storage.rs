//! A host's past, delivered as after an outage: what it takes at rest, and how quickly questions are answered.

use super::{PATIENCE, export, past, percentile_ms, rounded, start_control_plane};
use anyhow::{Context as _, Result, ensure};
use muster_base::{Clock, HostId, UnixMs};
use muster_metrics::{Period, Sample, Series};
use muster_simulator::{Options, SimulatedFleet};
use muster_tests::wait::{self, Found};
use muster_tests::{Api, ControlPlane};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Nothing is merged any more when so much time went by without a change.
const SETTLED: Duration = Duration::from_secs(5);
/// How often each question is asked.
const QUESTIONS: usize = 25;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// A recording of a real host, as `GET /api/v1/hosts/{id}/metrics/export` gives it; else a week of simulated readings.
    #[arg(long)]
    trace: Option<PathBuf>,
    /// How many hosts the fleet's views are asked of.
    #[arg(long, default_value_t = 2_000)]
    agents: usize,
    /// Writes the same samples for other stores into this directory.
    #[arg(long)]
    export: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<Value> {
    let now = Clock::system().now();
    let samples = match &args.trace {
        // The newest hour is never sealed: a recording of some hours ends where one begins, and all of it is at rest.
        Some(file) => past::recorded(file, Period::Hour.start_of(now))?,
        // A little less than raw samples are kept.
        None => past::simulated(now, 7 * UnixMs::DAY - 2 * UnixMs::HOUR),
    };
    if let Some(dir) = &args.export {
        export::write(&samples, dir)?;
    }
    let values: usize = samples.iter().map(|sample| sample.values.len()).sum();
    let rollups = past::rollups(&samples);

    let dir = tempfile::tempdir()?;
    let mut plane = start_control_plane(dir.path(), 10, None)?;
    let fleet = SimulatedFleet::join(&plane.admin()?, Options { agents: 1, seed: 1 })?;
    let (host, _) = fleet.books().next().context("no host")?;
    let began = Instant::now();
    fleet.preload(0, samples.clone(), Vec::new())?;
    fleet.start();
    fleet.drain(PATIENCE)?;
    let delivered = began.elapsed();
    await_sealed(&plane.admin()?, host, &samples)?;
    await_settled(&plane.admin()?, host)?;
    let raw = size_at_rest(&mut plane)?;
    fleet.preload(0, Vec::new(), rollups)?;
    plane.serve()?;
    fleet.await_connected(PATIENCE)?;
    fleet.drain(PATIENCE)?;
    await_settled(&plane.admin()?, host)?;
    let all = size_at_rest(&mut plane)?;
    fleet.preload(0, Vec::new(), past::long_rollups(now, 90))?;
    plane.serve()?;
    fleet.await_connected(PATIENCE)?;
    fleet.drain(PATIENCE)?;

    let admin = plane.admin()?;
    let crowd = SimulatedFleet::join(
        &admin,
        Options {
            agents: args.agents,
            seed: 2,
        },
    )?;
    for (number, sample) in (0..args.agents).zip(samples.iter().rev().cycle()) {
        crowd.preload(number, vec![sample.clone()], Vec::new())?;
    }
    crowd.start();
    crowd.drain(PATIENCE)?;

    let series = Series::of(past::CHARTED);
    let chart = |days: i64| {
        let from = now.plus_ms(-days * UnixMs::DAY).0;
        format!(
            "/api/v1/hosts/{host}/metrics?series={series}&from={from}&to={}",
            now.0
        )
    };
    let top = format!("/api/v1/metrics/latest?series={series}&top=10");
    Ok(json!({
        "values": values, "samples": samples.len(),
        "bytes": all, "bytesPerSample": rounded(all as f64 / values as f64),
        "bytesPerSampleWithoutRollups": rounded(raw as f64 / values as f64),
        "valuesPerSecond": rounded(values as f64 / delivered.as_secs_f64()),
        "chart24hMs": ask(&admin, &chart(1), "raw")?, "chart90dMs": ask(&admin, &chart(90), "")?,
        "fleetTopMs": ask(&admin, &top, "")?, "hostsPageMs": ask(&admin, "/api/v1/hosts?limit=500", "")?,
        "fleetHosts": args.agents,
    }))
}

/// Waits until every hour but the newest sample's is sealed.
fn await_sealed(admin: &Api, host: HostId, samples: &[Sample]) -> Result<()> {
    let open = samples
        .last()
        .map_or(UnixMs(0), |sample| Period::Hour.start_of(sample.at));
    let sealed = samples.iter().filter(|sample| sample.at < open).count();
    wait::until("every past hour to be sealed", PATIENCE, || {
        let stored = admin.get(&format!("/api/v1/hosts/{host}/metrics/stored"))?;
        let done = stored["sealedSamples"].as_u64() == Some(sealed as u64);
        Ok(Found::from_option(done.then_some(()), stored))
    })
}

/// Waits until nothing is merged any more.
fn await_settled(admin: &Api, host: HostId) -> Result<()> {
    let mut last = (Value::Null, Instant::now());
    wait::until("everything to be in its place", PATIENCE, || {
        let stored = admin.get(&format!("/api/v1/hosts/{host}/metrics/stored"))?;
        if stored != last.0 {
            last = (stored.clone(), Instant::now());
        }
        Ok(Found::from_option(
            (last.1.elapsed() > SETTLED).then_some(()),
            stored,
        ))
    })
}

/// Stops the control plane, so that everything is in its place, and says how many bytes the readings take.
fn size_at_rest(plane: &mut ControlPlane) -> Result<u64> {
    ensure!(plane.stop(), "the control plane did not stop by itself");
    let mut bytes = 0;
    for entry in std::fs::read_dir(plane.data())? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("telemetry.db") {
            bytes += entry.metadata()?.len();
        }
    }
    Ok(bytes)
}

/// The median time of an answer. It must come from `tier`, if one is given.
fn ask(admin: &Api, path: &str, tier: &str) -> Result<f64> {
    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..QUESTIONS {
        let began = Instant::now();
        let answer = admin.get_text(path)?;
        times.push(began.elapsed());
        ensure!(answer.contains(tier), "{path} was not answered from {tier}");
    }
    percentile_ms(&mut times, 0.5)
}
