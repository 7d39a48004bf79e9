//! A control plane is lost, and comes back from a backup that was made while it served.

use anyhow::{Context, Result, ensure};
use muster_tests::fleet::{PATIENCE, agent_options};
use muster_tests::job::releases::{Kind, Server};
use muster_tests::job::{hosts, readings};
use muster_tests::{Api, ControlPlane, Fleet, control_plane, env, programs};
use muster_workbench::Env;
use muster_workbench::process::{free_port, run};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const LONG: Duration = Duration::from_mins(2);

#[test]
fn live_agents_go_on_with_a_restored_control_plane_on_sqlite() -> Result<()> {
    goes_on(None, None)
}

#[test]
fn live_agents_go_on_with_a_restored_control_plane_on_postgres() -> Result<()> {
    goes_on(
        Some(env::new_postgres_database()?),
        Some(env::new_postgres_database()?),
    )
}

/// `first` is lost; the restored control plane is on `second`.
fn goes_on(first: Option<String>, second: Option<String>) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let services = Env::from_process();
    let options = control_plane::Options {
        database: first,
        http_port: Some(free_port()?),
        link_port: Some(control_plane::free_udp_port()?),
        settings: vec![("MUSTER_LINK__SAMPLE_INTERVAL_S".to_owned(), "1".to_owned())],
        ..control_plane::Options::new()?
    };
    let password = options.admin_password.clone();
    let before = dir.path().join("before");
    let mut fleet = Fleet::start_with(&services, &before, options.clone(), agent_options(&services))?;
    let admin = fleet.admin.clone();
    let server = Server::register(&admin, &services, &fleet.host, Kind::Postgres)?;
    server.test(&admin)?;
    let kept = readings::await_stored(&admin, &fleet.host, LONG, |stored| stored.samples >= 3)?;

    let passphrase = dir.path().join("passphrase");
    fs::write(&passphrase, "correct horse battery staple\n")?;
    let file = dir.path().join("muster.backup");
    run(Command::new(programs::path("muster")?)
        .args(["backup", "--data"])
        .arg(fleet.plane.data())
        .arg("--to")
        .arg(&file)
        .arg("--passphrase-file")
        .arg(&passphrase))?;

    // What comes after the backup is lost with the control plane, but for what the host did.
    for _ in 0..3 {
        server.test(&admin)?;
    }
    let numbers = sequences(&admin)?;
    readings::await_stored(&admin, &fleet.host, LONG, |stored| stored.samples > kept.samples)?;
    fleet.plane.kill()?;
    fs::remove_dir_all(before.join("control-plane"))?;

    let after = dir.path().join("after");
    fs::create_dir_all(&after)?;
    let mut restore = Command::new(programs::path("muster")?);
    restore
        .args(["restore", "--from"])
        .arg(&file)
        .arg("--passphrase-file")
        .arg(&passphrase);
    restore.arg("--data").arg(after.join("control-plane"));
    if let Some(url) = &second {
        restore.env("MUSTER_RESTORE_DATABASE", url);
    }
    run(&mut restore).context("muster restore failed")?;
    let again = run(&mut restore);
    ensure!(again.is_err(), "a restore over a control plane");

    let plane = ControlPlane::start(&after, options)?;
    ensure!(
        admin.call("GET", "/api/v1/hosts", None)?.status == 401,
        "everybody was signed out"
    );
    let admin = plane.api().login(control_plane::ADMIN, &password)?;
    let back = hosts::await_online(&admin, 1, PATIENCE)
        .with_context(|| format!("the agent's last words:\n{}", fleet.agent.last_words()))?;
    assert_eq!(back[0]["id"], fleet.host["id"], "it is the same host");
    let at_first = readings::stored(&admin, &fleet.host)?;
    assert!(at_first.samples >= kept.samples, "{at_first:?}");
    readings::await_stored(&admin, &fleet.host, LONG, |stored| {
        stored.samples > at_first.samples + 2
    })?;

    // A number that the host has seen would be refused as a replay.
    server.test(&admin)?;
    let newest = sequences(&admin)?.into_iter().max().unwrap_or_default();
    let last = numbers.into_iter().max().unwrap_or_default();
    assert!(newest > last + 1_000_000, "{newest} after {last}");
    audit_says_so(&admin, &after)
}

fn audit_says_so(admin: &Api, after: &Path) -> Result<()> {
    let rows = admin.list("/api/v1/audit?scope=platform")?;
    ensure!(
        rows.iter().any(|row| row["operation"] == "backup:restore"),
        "{rows:?}"
    );
    let doctor = Command::new(programs::path("muster")?)
        .args(["doctor", "audit", "--data"])
        .arg(after.join("control-plane"))
        .output()?;
    let said = String::from_utf8_lossy(&doctor.stdout);
    assert_eq!(doctor.status.code(), Some(0), "{said}");
    Ok(())
}

fn sequences(admin: &Api) -> Result<Vec<i64>> {
    let orders: Vec<Value> = admin.list("/api/v1/orders")?;
    Ok(orders
        .iter()
        .filter_map(|order| order["sequence"].as_i64())
        .collect())
}
