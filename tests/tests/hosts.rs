//! A host joins, its readings arrive and survive, and it goes.

use anyhow::Result;
use muster_tests::api::text;
use muster_tests::fleet::{PATIENCE, agent_options};
use muster_tests::job::readings;
use muster_tests::wait::{self, Found};
use muster_tests::{Agent, Fleet, control_plane, env};
use muster_workbench::Env;
use serde_json::json;
use std::time::Duration;

const LONG: Duration = Duration::from_mins(2);

#[test]
fn this_machine_joins_and_its_readings_arrive_on_sqlite() -> Result<()> {
    let dir = tempfile::tempdir()?;
    readings_arrive(&Fleet::start(&Env::from_process(), dir.path())?)
}

#[test]
fn this_machine_joins_and_its_readings_arrive_on_postgres() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let plane = control_plane::Options {
        database: Some(env::new_postgres_database()?),
        ..control_plane::Options::new()?
    };
    let services = Env::from_process();
    readings_arrive(&Fleet::start_with(
        &services,
        dir.path(),
        plane,
        agent_options(&services),
    )?)
}

fn readings_arrive(fleet: &Fleet) -> Result<()> {
    readings::await_stored(&fleet.admin, &fleet.host, LONG, |stored| stored.samples >= 2)?;
    let path = format!("/api/v1/hosts/{}", text(&fleet.host, "id")?);
    let host = fleet.admin.get(&path)?;
    assert!(
        host["latest"]["values"]["memory.used"]
            .as_f64()
            .is_some_and(|bytes| bytes > 1e6),
        "{host}"
    );
    let chart = fleet
        .admin
        .get(&format!("{path}/metrics?series=cpu.total,memory.used"))?;
    assert_eq!(chart["tier"], "raw", "{chart}");
    assert_eq!(chart["series"].as_array().map(Vec::len), Some(2), "{chart}");
    Ok(())
}

#[test]
fn a_removed_host_is_cut_off_and_does_not_come_back() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let mut fleet = Fleet::start(&Env::from_process(), dir.path())?;
    let path = format!("/api/v1/hosts/{}", text(&fleet.host, "id")?);
    fleet.admin.delete(&path)?;
    assert_eq!(fleet.admin.call("GET", &path, None)?.status, 404);
    wait::until("the agent to end", PATIENCE, || {
        Ok(if fleet.agent.is_running() {
            Found::No(fleet.agent.last_words())
        } else {
            Found::Yes(())
        })
    })
}

#[test]
fn a_token_joins_one_host_and_a_wrong_fingerprint_none() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let fleet = Fleet::start(&Env::from_process(), dir.path())?;
    let grant = fleet
        .admin
        .post("/api/v1/join-tokens", &json!({"uses": 1, "expiresInS": 600}))?;
    let options = agent_options(&Env::from_process());

    let mut forged = grant.clone();
    forged["caFingerprint"] = format!("sha256:{}", "00".repeat(32)).into();
    assert!(
        Agent::prepare(&dir.path().join("forged"), options.clone())?
            .enrol(&forged)
            .is_err()
    );

    Agent::prepare(&dir.path().join("second"), options.clone())?.enrol(&grant)?;
    let again = Agent::prepare(&dir.path().join("third"), options)?.enrol(&grant);
    assert!(again.is_err(), "a token for one use was used twice");
    Ok(())
}
