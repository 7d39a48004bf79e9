//! A file is sent to a host: by way of the control plane's storage, the agents' link and the worker, onto the disk.

use anyhow::{Result, ensure};
use muster_tests::api::text;
use muster_tests::fleet::{PATIENCE, agent_options};
use muster_tests::wait::{self, Found};
use muster_tests::{Fleet, agent, control_plane, env};
use muster_workbench::Env;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

/// Bytes that are on their way long enough to be seen there.
const LARGE: u32 = 96 << 20;

#[test]
fn a_file_is_sent_to_a_host_on_sqlite() -> Result<()> {
    sent(control_plane::Options::new()?)
}

#[test]
fn a_file_is_sent_to_a_host_on_postgres() -> Result<()> {
    let database = Some(env::new_postgres_database()?);
    sent(control_plane::Options {
        database,
        ..control_plane::Options::new()?
    })
}

fn sent(plane: control_plane::Options) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let place = tempfile::tempdir_in("/tmp")?; // Files are put nowhere below /dev, where temporary ones may be.
    let folder = place.path().canonicalize()?;
    let services = Env::from_process();
    let options = agent_options(&services);
    let policy = format!(
        "{}\n[files]\nallow = [\"{}/**\"]\n",
        options.policy,
        folder.display()
    );
    let mut fleet = Fleet::start_with(&services, dir.path(), plane, agent::Options { policy, ..options })?;
    let host = text(&fleet.host, "id")?.to_owned();
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let file = fleet
        .admin
        .upload("app.bin", &bytes, &muster_base::sha256(&bytes).to_string())?;
    let send_file = |fleet: &Fleet, file: &str, destination: &str, replace: bool| -> Result<String> {
        let body = json!({"fileIds": [file], "hosts": [host], "destination": destination, "mode": "755",
            "replace": replace});
        let sent = fleet.admin.post("/api/v1/files/sends", &body)?;
        Ok(text(&sent, "id")?.to_owned())
    };
    let send =
        |fleet: &Fleet, destination: &str, replace: bool| send_file(fleet, &file, destination, replace);
    let ended = |fleet: &Fleet, send: &str| -> Result<Value> {
        wait::until("the file to be sent", PATIENCE, || {
            let targets = fleet.admin.list(&format!("/api/v1/files/sends/{send}/targets"))?;
            let end = targets.iter().find(|target| !target["endedAt"].is_null());
            Ok(Found::from_option(end.cloned(), json!(targets)))
        })
    };
    let into = format!("{}/", folder.display());
    let first = ended(&fleet, &send(&fleet, &into, false)?)?;
    assert_eq!(first["state"], "done", "{first}");
    let target = folder.join("app.bin");
    ensure!(fs::read(&target)? == bytes, "other bytes came");
    assert_eq!(fs::metadata(&target)?.permissions().mode() & 0o7777, 0o755);
    let again = ended(&fleet, &send(&fleet, &into, false)?)?;
    assert_eq!(again["state"], "failed", "{again}");
    ensure!(text(&again, "error")?.contains("there is a file"), "{again}");
    let outside = ended(&fleet, &send(&fleet, "/srv/app.bin", true)?)?;
    assert_eq!(outside["state"], "refused", "{outside}");
    ensure!(text(&outside, "error")?.contains("files.allow"), "{outside}");

    // The agent is killed while it fetches: it hears of the order again.
    let bytes: Vec<u8> = (0..LARGE).map(|n| n.to_le_bytes()[1]).collect();
    let file = fleet
        .admin
        .upload("large.bin", &bytes, &muster_base::sha256(&bytes).to_string())?;
    let target = folder.join("large.bin");
    let third = send_file(&fleet, &file, &into, false)?;
    wait::until("a part of the file", PATIENCE, || {
        ensure!(
            !target.exists(),
            "all of it came before the agent could be killed"
        );
        let targets = fleet
            .admin
            .list(&format!("/api/v1/files/sends/{third}/targets"))?;
        let is_accepted = targets.iter().any(|target| target["state"] == "accepted");
        let names: Vec<_> = fs::read_dir(&folder)?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<Result<_>>()?;
        let has_part = names
            .iter()
            .any(|name| name.starts_with('.') && name.contains(".part"));
        let found = (is_accepted && has_part).then_some(());
        Ok(Found::from_option(found, json!([targets, names])))
    })?;
    fleet.agent.kill()?;
    ensure!(!target.exists(), "all of it came before the agent was killed");
    fleet.agent.run()?;
    let third = ended(&fleet, &third)?;
    assert_eq!(third["state"], "done", "{third}");
    ensure!(fs::read(&target)? == bytes, "other bytes came");
    Ok(())
}
