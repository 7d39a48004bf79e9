//! Simulated hosts of a control plane that runs already, until the standard input ends: for whoever wants to look at a
//! fleet. The first line of the answer comes when all are connected, and says which of them can't run anything new.
//!
//! Each line of the input changes something: `{"break": [host, …]}` has these put back whatever they are given from now
//! on, `{"takesMs": 3000}` has a deploy take between half of that and all of it, and is answered by the same line. With
//! `--tell` each line after the first is what a host did about a deploy, as it did it: `{"host", "version", "did", "at"}`, where `did` is `begin`,
//! `change` or `putBack` and `at` the time in milliseconds.

use super::PATIENCE;
use anyhow::{Context as _, Result};
use muster_base::HostId;
use muster_simulator::{Deed, Options, SimulatedFleet};
use muster_tests::Api;
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead as _, Write as _, stdin, stdout};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

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
    /// Says what hosts do about deploys, as they do it.
    #[arg(long)]
    tell: bool,
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
    say(&json!({"hosts": hosts, "broken": broken}))?;
    if args.tell {
        let deeds = fleet.deeds();
        // Ends with the fleet.
        thread::spawn(move || deeds.iter().try_for_each(|deed| say(&told(&deed))));
    }
    for line in stdin().lock().lines() {
        let line = line?;
        change(&fleet, &line).with_context(|| format!("not understood: {line}"))?;
    }
    Ok(json!({"hosts": hosts.len(), "connectedAtTheEnd": fleet.connected()}))
}

fn change(fleet: &SimulatedFleet, line: &str) -> Result<()> {
    let wanted: Value = serde_json::from_str(line)?;
    for host in wanted["break"].as_array().into_iter().flatten() {
        let host: HostId = host.as_str().context("no id")?.parse()?;
        fleet.break_deploys([host]);
    }
    if let Some(ms) = wanted["takesMs"].as_u64() {
        fleet.deploys_take(Duration::from_millis(ms));
    }
    say(&wanted)
}

fn told(deed: &Deed) -> Value {
    json!({"host": deed.host, "version": deed.version, "did": deed.did.as_str(), "at": deed.at.0})
}

fn say(line: &Value) -> Result<()> {
    let mut output = stdout().lock();
    writeln!(output, "{line}")?;
    Ok(output.flush()?)
}
