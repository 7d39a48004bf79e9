//! Simulated hosts of a control plane that runs already, until the standard input ends: for whoever wants to look at a
//! fleet. The first line of the answer comes when all are connected, and says which of them can't run anything new.

use super::PATIENCE;
use anyhow::{Context as _, Result};
use muster_base::HostId;
use muster_simulator::{Options, SimulatedFleet};
use muster_tests::Api;
use serde_json::{Value, json};
use std::fs;
use std::io::{Read as _, Write as _, stdin, stdout};
use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The control plane, `http://127.0.0.1:8440`.
    #[arg(long)]
    control_plane: String,
    /// Who may make join tokens.
    #[arg(long)]
    account: String,
    /// A file with the password.
    #[arg(long)]
    password_file: PathBuf,
    /// How many simulated agents.
    #[arg(long, default_value_t = 24)]
    agents: usize,
    /// How many of them put back whatever is deployed to them.
    #[arg(long, default_value_t = 0)]
    broken: usize,
}

pub(crate) fn run(args: &Args) -> Result<Value> {
    let password = fs::read_to_string(&args.password_file).context("the password can't be read")?;
    let admin = Api::new(&args.control_plane).login(&args.account, password.trim())?;
    let options = Options {
        agents: args.agents,
        seed: 11,
    };
    let fleet = SimulatedFleet::join(&admin, options)?;
    fleet.start();
    fleet.await_connected(PATIENCE)?;
    let hosts: Vec<HostId> = fleet.running().into_keys().collect();
    let broken = &hosts[hosts.len().saturating_sub(args.broken)..];
    fleet.break_deploys(broken.iter().copied());
    writeln!(stdout(), "{}", json!({"hosts": hosts, "broken": broken}))?;
    stdout().flush()?;
    stdin().read_to_end(&mut Vec::new())?;
    Ok(json!({"hosts": hosts.len(), "connectedAtTheEnd": fleet.connected()}))
}
