//! A fleet that connects, reports for a while, loses its control plane, comes back, and is audited.

use super::{PATIENCE, percentile_ms, rounded, start_control_plane};
use crate::complain;
use anyhow::{Context as _, Result};
use muster_simulator::{Options, SimulatedFleet, audit};
use muster_tests::usage::{self, Watch};
use muster_tests::wait::{self, Found};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many simulated agents.
    #[arg(long, default_value_t = 2_000)]
    agents: usize,
    /// Seconds between samples.
    #[arg(long, default_value_t = 10)]
    interval: u16,
    /// How long to measure, in seconds.
    #[arg(long = "for", default_value_t = 60)]
    seconds: u64,
    /// URL of an empty PostgreSQL database; SQLite without.
    #[arg(long)]
    database: Option<String>,
}

pub(crate) fn run(args: &Args) -> Result<Value> {
    let dir = tempfile::tempdir()?;
    let mut plane = start_control_plane(dir.path(), args.interval, args.database.as_deref())?;
    let admin = plane.admin()?;
    let pid = plane.id().context("the control plane does not run")?;
    let empty = usage::rss_bytes(pid)?;

    let began = Instant::now();
    let options = Options {
        agents: args.agents,
        seed: 1,
    };
    let fleet = SimulatedFleet::join(&admin, options)?;
    let joined = began.elapsed();
    complain(&format!(
        "{} agents joined in {:.1} s",
        args.agents,
        joined.as_secs_f64()
    ));
    let began = Instant::now();
    fleet.start();
    fleet.await_connected(PATIENCE)?;
    let connected = began.elapsed();
    complain(&format!("connected in {:.1} s", connected.as_secs_f64()));
    await_acknowledged(&fleet, args.agents)?;

    fleet.take_waits();
    let before = fleet.counts().1;
    let (began, watch, own) = (
        Instant::now(),
        Watch::begin(pid)?,
        Watch::begin(std::process::id())?,
    );
    std::thread::sleep(Duration::from_secs(args.seconds));
    let (used, own) = (watch.read()?, own.read()?);
    let frames = (fleet.counts().1 - before) as f64 / began.elapsed().as_secs_f64();
    let mut waits = fleet.take_waits();
    let online = fleet.connected();
    let lost_sessions = fleet.lost_sessions();
    let full = usage::rss_bytes(pid)?;
    complain(&format!(
        "measured; sessions lost until now: {:?}",
        fleet.losses()
    ));

    let began = restart(&fleet, || {
        plane.stop();
        plane.serve()
    })?;
    let after_stop = began.elapsed();
    let began = restart(&fleet, || {
        plane.kill()?;
        plane.serve()
    })?;
    let after_kill = began.elapsed();
    fleet.drain(PATIENCE)?;
    let audit = audit(&plane.admin()?, fleet.books())?;
    Ok(json!({
        "agents": args.agents, "connected": online, "intervalS": args.interval,
        "samplesPerSecond": rounded(frames * values_per_sample() as f64), "framesPerSecond": rounded(frames),
        "taken": audit.taken, "acknowledged": audit.acknowledged,
        "lost": audit.lost, "missing": audit.missing, "duplicated": audit.duplicated, "wrong": audit.wrong,
        "lostSessions": lost_sessions,
        "ackP50Ms": percentile_ms(&mut waits, 0.5)?, "ackP99Ms": percentile_ms(&mut waits, 0.99)?,
        "bytesPerAgent": full.saturating_sub(empty) / args.agents.max(1) as u64,
        "serverRssMiB": rounded(full as f64 / f64::from(1 << 20)),
        "serverCpuPct": rounded(used.cpu_pct), "simulatorCpuPct": rounded(own.cpu_pct),
        "joinS": rounded(joined.as_secs_f64()), "connectS": rounded(connected.as_secs_f64()),
        "reconnectS": rounded(after_stop.as_secs_f64()), "reconnectAfterKillS": rounded(after_kill.as_secs_f64()),
    }))
}

/// One sample holds this many values of series, which is what other stores call samples.
fn values_per_sample() -> usize {
    muster_simulator::Readings::new(0)
        .sample(muster_base::UnixMs(0))
        .values
        .len()
}

fn await_acknowledged(fleet: &SimulatedFleet, count: usize) -> Result<()> {
    wait::until("a sample of every agent to be acknowledged", PATIENCE, || {
        let (taken, acknowledged) = fleet.counts();
        let found = (acknowledged >= count).then_some(());
        Ok(Found::from_option(
            found,
            format!("{acknowledged} of {taken} are"),
        ))
    })
}

/// Restarts the control plane and waits until every agent is back; the time from when it could serve again.
fn restart(fleet: &SimulatedFleet, restart: impl FnOnce() -> Result<()>) -> Result<Instant> {
    let before = fleet.lost_sessions();
    restart()?;
    let serves = Instant::now();
    let agents = fleet.books().count();
    wait::until("every agent to have noticed", PATIENCE, || {
        let lost = fleet.lost_sessions() - before;
        let found = (lost >= agents).then_some(());
        Ok(Found::from_option(found, format!("{lost} have")))
    })?;
    fleet.await_connected(PATIENCE)?;
    Ok(serves)
}
