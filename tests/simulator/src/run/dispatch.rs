//! Orders to a connected fleet, one at a time: from the API call until the host has checked the order and would start.
//! The order is a database server's test, which is signed, sealed and journalled like every other.

use super::{PATIENCE, percentile_ms, start_control_plane};
use anyhow::{Context as _, Result, ensure};
use muster_base::HostId;
use muster_simulator::{Options, SimulatedFleet};
use muster_tests::Api;
use muster_tests::api::text;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::{Duration, Instant};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many simulated agents.
    #[arg(long, default_value_t = 500)]
    agents: usize,
    /// How many orders.
    #[arg(long, default_value_t = 300)]
    orders: usize,
}

pub(crate) fn run(args: &Args) -> Result<Value> {
    let dir = tempfile::tempdir()?;
    let plane = start_control_plane(dir.path(), 10, None)?;
    let admin = plane.admin()?;
    let options = Options {
        agents: args.agents,
        seed: 1,
    };
    let fleet = SimulatedFleet::join(&admin, options)?;
    fleet.start();
    fleet.await_connected(PATIENCE)?;
    admin.post(
        "/api/v1/environments",
        &json!({"name": "measured", "label": "Measured", "type": "testing"}),
    )?;

    let mut asked: HashMap<HostId, Instant> = HashMap::new();
    for (host, _) in fleet.books().take(args.orders) {
        let server = add_server(&admin, host)?;
        asked.insert(host, Instant::now());
        let test = admin.post(&format!("/api/v1/schema/servers/{server}/test"), &json!({}))?;
        ensure!(test["ok"] == true, "the order was not done: {test}");
    }
    let started = fleet.orders()?;
    ensure!(
        started.len() == asked.len(),
        "{} orders were started",
        started.len()
    );
    let mut waits: Vec<Duration> = started
        .iter()
        .map(|started| Some(started.at - *asked.get(&started.host)?))
        .collect::<Option<_>>()
        .context("an order came that nobody asked for")?;
    Ok(json!({
        "agents": args.agents, "orders": waits.len(),
        "p50Ms": percentile_ms(&mut waits, 0.5)?, "p99Ms": percentile_ms(&mut waits, 0.99)?,
    }))
}

fn add_server(admin: &Api, host: HostId) -> Result<String> {
    let server = json!({
        "label": host.to_string(), "ip": "127.0.0.1", "environment": "measured", "type": "mysql",
        "username": "nobody", "password": "simulated", "hostId": host, "databases": ["none"],
    });
    Ok(text(&admin.post("/api/v1/schema/servers", &server)?, "id")?.to_owned())
}
