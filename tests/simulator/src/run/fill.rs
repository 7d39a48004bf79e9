//! A data directory with many hosts in it, each with some samples and hours: what a control plane finds at its start.

use super::{PATIENCE, past, start_control_plane};
use anyhow::Result;
use muster_base::{Clock, UnixMs};
use muster_simulator::{Options, Readings, SimulatedFleet};
use serde_json::{Value, json};
use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The directory, empty.
    #[arg(long)]
    dir: PathBuf,
    /// How many hosts.
    #[arg(long, default_value_t = 2_000)]
    agents: usize,
    /// How many samples each has.
    #[arg(long, default_value_t = 30)]
    samples: i64,
}

pub(crate) fn run(args: &Args) -> Result<Value> {
    let mut plane = start_control_plane(&args.dir, 10, None)?;
    let options = Options {
        agents: args.agents,
        seed: 1,
    };
    let fleet = SimulatedFleet::join(&plane.admin()?, options)?;
    let now = Clock::system().now().floor_to(10 * UnixMs::SECOND);
    for (seed, number) in (0_u64..).zip(0..args.agents) {
        let mut readings = Readings::new(seed);
        let samples = (0..args.samples)
            .rev()
            .map(|back| readings.sample(now.plus_ms(-back * 10 * UnixMs::SECOND)));
        fleet.preload(number, samples.collect(), past::long_rollups(now, 1))?;
    }
    fleet.start();
    fleet.drain(PATIENCE)?;
    plane.stop();
    Ok(json!({"agents": args.agents, "samples": args.samples}))
}
