//! Somebody removes or stops a container by hand: it is found within half a minute, shown, and put right.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use muster_tests::fleet::{PATIENCE, agent_options};
use muster_tests::job::containers::Application;
use muster_tests::wait::{self, Found};
use muster_tests::{Fleet, api, control_plane, env};
use muster_workbench::{Env, images, process};
use serde_json::{Value, json};

/// Drift is found within this time.
const FOUND_WITHIN: Duration = Duration::from_secs(30);

#[test]
fn what_is_done_by_hand_is_found_and_put_right_on_sqlite() -> Result<()> {
    by_hand(control_plane::Options::new()?)
}

#[test]
fn what_is_done_by_hand_is_found_and_put_right_on_postgres() -> Result<()> {
    let database = Some(env::new_postgres_database()?);
    by_hand(control_plane::Options {
        database,
        ..control_plane::Options::new()?
    })
}

fn by_hand(plane: control_plane::Options) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let services = Env::from_process();
    let engine = services.get("MUSTER_TEST_DOCKER_HOST").context("no engine")?;
    let fleet = Fleet::start_with(&services, dir.path(), plane, agent_options(&services))?;
    let name = format!("web-{}", process::free_port()?);
    let port = process::free_port()?;
    let application = Application::register(&fleet.admin, &fleet.registry()?, &fleet.host, &name, port)?;
    let first = application.deploy(images::GOOD)?;
    assert_eq!(first["status"], "success", "{first}");
    let steps = first["steps"].as_array().context("no steps")?;
    let pruned = steps.iter().find(|step| step["name"] == "prune");
    ensure!(
        pruned.is_some_and(|step| step["status"] == "done"),
        "old images were looked for: {first}"
    );
    let target = becomes(&fleet, &application, "inStep", PATIENCE)?;
    assert_eq!(target["expected"]["version"], images::GOOD, "{target}");

    env::docker(engine, &["rm", "--force", &name])?;
    let target = becomes(&fleet, &application, "missing", FOUND_WITHIN)?;
    ensure!(
        target["drifted"] == true && target["driftSince"].is_string(),
        "{target}"
    );
    put_right(&fleet, &application)?;
    assert_eq!(application.serving(PATIENCE)?, images::GOOD);
    becomes(&fleet, &application, "inStep", PATIENCE)?;

    env::docker(engine, &["stop", &name])?;
    becomes(&fleet, &application, "stopped", FOUND_WITHIN)?;
    // The policy does it by itself.
    let path = format!("/api/v1/applications/{}", application.id);
    let host = api::text(&fleet.host, "id")?;
    let environments = json!({"default": {"hosts": [host], "drift": "reconcile"}});
    fleet.admin.patch(&path, &json!({"environments": environments}))?;
    becomes(&fleet, &application, "inStep", PATIENCE)?;
    assert_eq!(application.serving(PATIENCE)?, images::GOOD);
    env::docker(engine, &["rm", "--force", &name])?;
    Ok(())
}

/// Waits until the application's only target is in this state.
fn becomes(fleet: &Fleet, application: &Application, state: &str, within: Duration) -> Result<Value> {
    let path = format!(
        "/api/v1/applications/{}/environments/default/targets",
        application.id
    );
    wait::until(&format!("the target to be {state}"), within, || {
        let targets = fleet.admin.list(&path)?;
        let found = targets.iter().find(|target| target["state"] == state).cloned();
        Ok(Found::from_option(found, json!(targets)))
    })
}

fn put_right(fleet: &Fleet, application: &Application) -> Result<()> {
    let path = format!(
        "/api/v1/applications/{}/environments/default/reconcile",
        application.id
    );
    let made = fleet.admin.post(&path, &json!({}))?;
    let deployment = format!("/api/v1/deployments/{}", api::text(&made, "deploymentId")?);
    let bad = ["failure", "cancelled", "rolledBack"];
    let ended = fleet
        .admin
        .await_field(&deployment, "status", &["success"], &bad, PATIENCE)?;
    assert_eq!(ended["triggerType"], "reconcile", "{ended}");
    Ok(())
}
