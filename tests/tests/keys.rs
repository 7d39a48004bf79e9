//! Keys are rotated while everything goes on.

use anyhow::{Context, Result, ensure};
use muster_tests::api::text;
use muster_tests::fleet::{PATIENCE, agent_options};
use muster_tests::job::hosts;
use muster_tests::job::releases::{Kind, Server};
use muster_tests::wait::{self, Found};
use muster_tests::{Agent, Api, ControlPlane, Fleet, control_plane, env, programs};
use muster_workbench::Env;
use muster_workbench::process::run;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

fn key<'a>(status: &'a Value, kind: &str, state: &str) -> Result<&'a Value> {
    let keys = status[kind].as_array().context("no list of keys")?;
    let found = keys.iter().find(|key| key["state"] == state);
    found.with_context(|| format!("no {state} key of {kind} in {status}"))
}

/// Waits until a number of a key reaches `wanted`.
fn await_count(admin: &Api, kind: &str, state: &str, count: &str, wanted: u64) -> Result<()> {
    wait::until(
        &format!("{wanted} {count} of the {state} {kind}"),
        PATIENCE,
        || {
            let status = admin.get("/api/v1/keys")?;
            let found = key(&status, kind, state)?[count].as_u64() == Some(wanted);
            Ok(if found {
                Found::Yes(())
            } else {
                Found::No(status.to_string())
            })
        },
    )
}

fn joins_by(fleet: &Fleet, dir: &Path, fingerprint: &str) -> Result<bool> {
    let mut grant = fleet
        .admin
        .post("/api/v1/join-tokens", &json!({"uses": 1, "expiresInS": 600}))?;
    grant["caFingerprint"] = fingerprint.into();
    Ok(Agent::prepare(dir, agent_options(fleet.services()))?
        .enrol(&grant)
        .is_ok())
}

#[test]
fn the_ca_is_rotated_under_live_agents_and_one_that_was_away() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let mut fleet = Fleet::start(&Env::from_process(), dir.path())?;
    let admin = fleet.admin.clone();
    let mut away = Agent::join_once(&dir.path().join("away"), &admin, agent_options(fleet.services()))?;
    hosts::await_online(&admin, 2, PATIENCE)?;
    ensure!(away.stop(), "the agent had to be killed");
    let live = format!("/api/v1/hosts/{}", text(&fleet.host, "id")?);
    let old = text(key(&admin.get("/api/v1/keys")?, "ca", "current")?, "id")?.to_owned();

    let connected_at = admin.get(&live)?["connectedAt"].clone();
    let status = admin.post("/api/v1/keys/ca/rotate", &json!({}))?;
    let new = text(key(&status, "ca", "next")?, "id")?.to_owned();
    let again = admin.call("POST", "/api/v1/keys/ca/rotate", Some(&json!({})))?;
    assert_eq!(again.status, 409, "{}", again.text);
    await_count(&admin, "ca", "next", "believers", 1)?;
    assert_eq!(
        admin.get(&live)?["connectedAt"],
        connected_at,
        "the session went on"
    );

    admin.post("/api/v1/keys/ca/advance", &json!({}))?;
    await_count(&admin, "ca", "current", "certificates", 1)?;
    let early = admin.call("POST", "/api/v1/keys/ca/retire", Some(&json!({})))?;
    assert_eq!(early.status, 409, "a host still needs it: {}", early.text);

    let grant = admin.post("/api/v1/join-tokens", &json!({}))?;
    assert_eq!(grant["caFingerprint"], new.as_str());
    assert!(joins_by(&fleet, &dir.path().join("new"), &new)?);
    assert!(
        joins_by(&fleet, &dir.path().join("old"), &old)?,
        "a command from before the rotation"
    );

    // Whoever was away since before the rotation believes the old root only.
    away.run()?;
    hosts::await_online(&admin, 2, PATIENCE)?;
    await_count(&admin, "ca", "current", "certificates", 4)?;
    // It may have happened by itself meanwhile.
    admin.call("POST", "/api/v1/keys/ca/retire", Some(&json!({})))?;
    assert_eq!(
        key(&admin.get("/api/v1/keys")?, "ca", "gone")?["id"],
        old.as_str()
    );
    assert!(!joins_by(&fleet, &dir.path().join("late"), &old)?);
    assert!(joins_by(&fleet, &dir.path().join("newer"), &new)?);

    ensure!(fleet.plane.stop(), "the control plane had to be killed");
    fleet.plane.serve()?;
    hosts::await_online(&admin, 2, PATIENCE).map(drop)
}

fn worker_keys(agent: &Agent) -> Result<Value> {
    let text = fs::read(agent.data().join("worker/signing-keys.json"))?;
    Ok(serde_json::from_slice(&text)?)
}

#[test]
fn the_signing_key_is_rotated_and_the_old_one_counts_no_more() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let services = Env::from_process();
    let fleet = Fleet::start(&services, dir.path())?;
    let admin = &fleet.admin;
    let mut away = Agent::join_once(&dir.path().join("away"), admin, agent_options(&services))?;
    let online = hosts::await_online(admin, 2, PATIENCE)?;
    let other = online.iter().find(|host| host["id"] != fleet.host["id"]);
    let other = other.context("no second host")?;
    let near = Server::register(admin, &services, &fleet.host, Kind::Postgres)?;
    let far = Server::register(admin, &services, other, Kind::Postgres)?;
    near.test(admin)?;
    far.test(admin)?;
    ensure!(away.stop(), "the agent had to be killed");

    admin.post("/api/v1/keys/signing/rotate", &json!({}))?;
    near.test(admin)?;
    await_count(admin, "signing", "current", "believers", 1)?;
    near.test(admin)?;
    let known = worker_keys(&fleet.agent)?;
    assert_eq!(known["keys"].as_array().map(Vec::len), Some(2), "{known}");

    admin.post("/api/v1/keys/signing/retire", &json!({}))?;
    // Once more, so that who was away follows a chain of two.
    admin.post("/api/v1/keys/signing/rotate", &json!({}))?;
    await_count(admin, "signing", "current", "believers", 1)?;
    admin.post("/api/v1/keys/signing/retire", &json!({}))?;
    away.run()?;
    hosts::await_online(admin, 2, PATIENCE)?;
    far.test(admin)?;
    near.test(admin)?;
    for agent in [&fleet.agent, &away] {
        let known = worker_keys(agent)?;
        assert_eq!(known["keys"].as_array().map(Vec::len), Some(1), "{known}");
        assert_eq!(known["retired"].as_array().map(Vec::len), Some(2), "{known}");
    }
    Ok(())
}

#[test]
fn the_master_key_is_rotated_by_a_command_that_is_killed_again_and_again_on_sqlite() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let plane = control_plane::Options::new()?;
    master_key_is_rotated(dir.path(), plane)
}

#[test]
fn the_master_key_is_rotated_by_a_command_that_is_killed_again_and_again_on_postgres() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let plane = control_plane::Options {
        database: Some(env::new_postgres_database()?),
        ..control_plane::Options::new()?
    };
    master_key_is_rotated(dir.path(), plane)
}

fn master_key_is_rotated(dir: &Path, plane: control_plane::Options) -> Result<()> {
    let services = Env::from_process();
    let mut fleet = Fleet::start_with(&services, dir, plane, agent_options(&services))?;
    let admin = fleet.admin.clone();
    let group = admin.post("/api/v1/secrets/groups", &json!({"name": "web"}))?;
    let mut secrets = Vec::new();
    for n in 0..50 {
        let new = json!({"groupId": group["id"], "name": format!("s{n}"), "value": format!("value {n}")});
        secrets.push(text(&admin.post("/api/v1/secrets", &new)?, "id")?.to_owned());
    }
    let file = fleet.plane.data().join("master.key");
    let old = fs::read_to_string(&file)?.trim().to_owned();

    let mut patience_ms = 30;
    loop {
        let mut rotate = Command::new(programs::path("muster")?)
            .args(["keys", "rotate", "--grace", "1", "--data"])
            .arg(fleet.plane.data())
            .stdout(Stdio::null())
            .spawn()?;
        let ended = wait::until("the command to end", Duration::from_millis(patience_ms), || {
            Ok(match rotate.try_wait()? {
                Some(status) => Found::Yes(status),
                None => Found::No("it runs".to_owned()),
            })
        });
        // Whatever it was doing.
        drop(rotate.kill());
        rotate.wait()?;
        reveals(
            &admin,
            &secrets[usize::try_from(patience_ms)? % secrets.len()],
            None,
        )?;
        if let Ok(status) = ended {
            ensure!(status.success(), "the rotation failed: {status}");
            break;
        }
        ensure!(patience_ms < 60_000, "the rotation does not end");
        patience_ms += 170;
    }
    let key = fs::read_to_string(&file)?;
    assert_eq!(key.lines().count(), 1, "the old key is dropped");
    assert_ne!(key.trim(), old);
    ensure!(fleet.plane.stop(), "the control plane had to be killed");
    fleet.plane.serve()?;
    let admin = fleet.plane.admin()?;
    for (n, secret) in secrets.iter().enumerate() {
        reveals(&admin, secret, Some(&format!("value {n}")))?;
    }
    hosts::await_online(&admin, 1, PATIENCE)?;
    let status = run(Command::new(programs::path("muster")?)
        .args(["keys", "status", "--json", "--data"])
        .arg(fleet.plane.data()))?;
    let status: Value = serde_json::from_str(&status)?;
    assert_eq!(status["sealed"]["unknown"], json!({}), "{status}");
    assert_eq!(status["known"].as_array().map(Vec::len), Some(1), "{status}");
    Ok(())
}

fn reveals(admin: &Api, secret: &str, value: Option<&str>) -> Result<()> {
    let shown = admin.post(&format!("/api/v1/secrets/{secret}/reveal"), &json!({}))?;
    let found = text(&shown, "value")?;
    ensure!(value.is_none_or(|value| value == found), "another value");
    Ok(())
}

#[test]
fn the_master_key_comes_from_a_file_a_credential_or_the_environment() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let mut plane = ControlPlane::start(dir.path(), control_plane::Options::new()?)?;
    let admin = plane.admin()?;
    let group = admin.post("/api/v1/secrets/groups", &json!({"name": "web"}))?;
    let new = json!({"groupId": group["id"], "name": "TOKEN", "value": "as it was"});
    let secret = text(&admin.post("/api/v1/secrets", &new)?, "id")?.to_owned();
    reveals(&admin, &secret, Some("as it was"))?;
    ensure!(plane.stop(), "the control plane had to be killed");

    let file = plane.data().join("master.key");
    let credentials = dir.path().join("credentials");
    fs::create_dir(&credentials)?;
    let credential = credentials.join("muster-master-key");
    fs::rename(&file, &credential)?;
    let refused = Command::new(programs::path("muster")?)
        .args(["serve", "--data"])
        .arg(plane.data())
        .output()?;
    let said = String::from_utf8_lossy(&refused.stderr);
    ensure!(!refused.status.success(), "it serves without a key");
    ensure!(said.contains("no master key"), "it does not say why: {said}");

    plane.set("CREDENTIALS_DIRECTORY", &credentials.display().to_string());
    plane.serve()?;
    reveals(&plane.admin()?, &secret, Some("as it was"))?;
    let rotated = Command::new(programs::path("muster")?)
        .args(["keys", "rotate", "--data"])
        .arg(plane.data())
        .env("CREDENTIALS_DIRECTORY", &credentials)
        .output()?;
    let said = String::from_utf8_lossy(&rotated.stderr);
    ensure!(
        said.contains("the systemd credential"),
        "a program can't change a credential: {said}"
    );
    ensure!(plane.stop(), "the control plane had to be killed");

    let key = fs::read_to_string(&credential)?;
    fs::remove_file(&credential)?;
    plane.set("MUSTER_MASTER_KEY", key.trim());
    plane.serve()?;
    reveals(&plane.admin()?, &secret, Some("as it was"))?;
    ensure!(
        !file.exists(),
        "a key from the environment was written to the disk"
    );
    Ok(())
}
