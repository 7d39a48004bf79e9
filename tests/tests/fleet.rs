//! A simulated fleet reports, loses its control plane in the middle, comes back and takes orders; an auditor of its own
//! compares what was sent with what is answered.

use anyhow::{Context as _, Result, ensure};
use muster_simulator::{Options, SimulatedFleet, audit};
use muster_tests::api::text;
use muster_tests::wait::{self, Found};
use muster_tests::{ControlPlane, control_plane, env};
use serde_json::json;
use std::time::Duration;

const AGENTS: usize = 50;
const PATIENCE: Duration = Duration::from_mins(1);

#[test]
fn a_fleet_outlives_its_control_plane_and_every_sample_is_there_once_on_sqlite() -> Result<()> {
    outage(control_plane::Options::new()?)
}

#[test]
fn a_fleet_outlives_its_control_plane_and_every_sample_is_there_once_on_postgres() -> Result<()> {
    outage(control_plane::Options {
        database: Some(env::new_postgres_database()?),
        ..control_plane::Options::new()?
    })
}

fn outage(options: control_plane::Options) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let every_second = ("MUSTER_LINK__SAMPLE_INTERVAL_S".to_owned(), "1".to_owned());
    let options = control_plane::Options {
        settings: vec![every_second],
        ..options
    };
    let mut plane = ControlPlane::start(dir.path(), options)?;
    let fleet = SimulatedFleet::join(
        &plane.admin()?,
        Options {
            agents: AGENTS,
            seed: 1,
        },
    )?;
    fleet.start();
    fleet.await_connected(PATIENCE)?;
    await_acknowledged(&fleet, 3 * AGENTS)?;

    // In the middle of a stream of reports.
    plane.kill()?;
    await_taken(&fleet, 6 * AGENTS)?;
    plane.serve()?;
    fleet.await_connected(PATIENCE)?;
    await_acknowledged(&fleet, 8 * AGENTS)?;
    fleet.drain(PATIENCE)?;

    let admin = plane.admin()?;
    let audit = audit(&admin, fleet.books())?;
    ensure!(audit.is_clean(), "{audit:?}");

    let (host, _) = fleet.books().next().context("no host joined")?;
    admin.post(
        "/api/v1/environments",
        &json!({"name": "story", "label": "Story", "type": "testing"}),
    )?;
    let server = json!({
        "label": "simulated", "ip": "127.0.0.1", "environment": "story", "type": "mysql", "username": "nobody",
        "password": "simulated", "hostId": host, "databases": ["none"],
    });
    let server = admin.post("/api/v1/schema/servers", &server)?;
    let test = admin.post(
        &format!("/api/v1/schema/servers/{}/test", text(&server, "id")?),
        &json!({}),
    )?;
    assert_eq!(test["detail"], "simulated", "{test}");
    assert_eq!(fleet.orders()?.len(), 1);
    Ok(())
}

fn await_acknowledged(fleet: &SimulatedFleet, count: usize) -> Result<()> {
    await_count(fleet, "acknowledged", count, |(_, acknowledged)| acknowledged)
}

fn await_taken(fleet: &SimulatedFleet, count: usize) -> Result<()> {
    await_count(fleet, "taken", count, |(taken, _)| taken)
}

fn await_count(
    fleet: &SimulatedFleet,
    what: &str,
    enough: usize,
    of: impl Fn((usize, usize)) -> usize,
) -> Result<()> {
    wait::until(&format!("{enough} samples to be {what}"), PATIENCE, || {
        let count = of(fleet.counts());
        let found = (count >= enough).then_some(());
        Ok(Found::from_option(found, count))
    })
}
