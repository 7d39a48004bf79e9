//! A container is looked at, stopped, started and restarted from afar, and its log is read meanwhile.

use anyhow::{Context as _, Result, ensure};
use muster_base::Clock;
use muster_tests::fleet::{PATIENCE, agent_options};
use muster_tests::job::containers::Application;
use muster_tests::wait::{self, Found};
use muster_tests::{Fleet, api, control_plane, env};
use muster_workbench::{Env, images, process};
use serde_json::{Value, json};
use std::sync::mpsc;

#[test]
fn a_container_is_handled_from_afar_on_sqlite() -> Result<()> {
    handled(control_plane::Options::new()?)
}

#[test]
fn a_container_is_handled_from_afar_on_postgres() -> Result<()> {
    let database = Some(env::new_postgres_database()?);
    handled(control_plane::Options {
        database,
        ..control_plane::Options::new()?
    })
}

fn handled(plane: control_plane::Options) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let services = Env::from_process();
    let engine = services.get("MUSTER_TEST_DOCKER_HOST").context("no engine")?;
    let mut fleet = Fleet::start_with(&services, dir.path(), plane, agent_options(&services))?;
    let name = format!("web-{}", process::free_port()?);
    let application = Application::register(
        &fleet.admin,
        &fleet.registry()?,
        &fleet.host,
        &name,
        process::free_port()?,
    )?;
    let first = application.deploy(images::GOOD)?;
    assert_eq!(first["status"], "success", "{first}");

    let found = wait::until("the container to be listed", PATIENCE, || {
        let listed = fleet.admin.list(&format!("/api/v1/containers?search={name}"))?;
        let running = listed
            .iter()
            .find(|one| one["name"] == name && one["state"] == "running");
        Ok(Found::from_option(running.cloned(), json!(listed)))
    })?;
    assert_eq!(found["application"]["name"], name, "{found}");
    assert_eq!(found["mayOperate"], true, "{found}");
    let host = api::text(&fleet.host, "id")?.to_owned();
    let path = format!("/api/v1/hosts/{host}/containers/{name}");

    // Its web server says what it answers.
    application.serving(PATIENCE)?;
    let lines = follow(
        &fleet,
        &format!("{path}/log?tail=100&follow=true&search=RESPONSE:200"),
    )?;
    let line = lines.recv_timeout(PATIENCE).context("no line came")?;
    ensure!(
        line["text"]
            .as_str()
            .is_some_and(|text| text.contains("response:200")),
        "{line}"
    );

    let done = |fleet: &Fleet, action: &str| -> Result<Value> {
        let ordered = fleet.admin.post(&format!("{path}/{action}"), &json!({}))?;
        let order = format!("/api/v1/orders/{}", api::text(&ordered, "orderId")?);
        fleet.admin.await_field(
            &order,
            "state",
            &["done"],
            &["failed", "refused", "expired", "needsAttention"],
            PATIENCE,
        )
    };
    done(&fleet, "stop")?;
    assert_eq!(
        env::docker(engine, &["inspect", "--format", "{{.State.Running}}", &name])?,
        "false"
    );
    done(&fleet, "start")?;
    application.serving(PATIENCE)?;
    while let Ok(line) = lines.try_recv() {
        ensure!(line["text"].is_string(), "{line}");
    }
    application.serving(PATIENCE)?;
    lines
        .recv_timeout(PATIENCE)
        .context("the log is not followed through a stop and a start")?;

    // The agent is killed while it restarts the container: it hears of the order again, and does not do it again.
    let since = now();
    let ordered = fleet
        .admin
        .post(&format!("{path}/restart"), &json!({"graceS": 0}))?;
    fleet.agent.kill()?;
    fleet.agent.run()?;
    let order = format!("/api/v1/orders/{}", api::text(&ordered, "orderId")?);
    let ended = fleet.admin.await_field(
        &order,
        "state",
        &["done"],
        &["failed", "refused", "expired", "needsAttention"],
        PATIENCE,
    )?;
    assert_eq!(ended["kind"], "container", "{ended}");
    application.serving(PATIENCE)?;
    let until = now();
    let starts = env::docker(
        engine,
        &[
            "events",
            "--since",
            &since,
            "--until",
            &until,
            "--filter",
            "event=start",
            "--filter",
            &format!("container={name}"),
            "--format",
            "{{.Action}}",
        ],
    )?;
    assert_eq!(starts.lines().count(), 1, "it was started once: {starts}");
    let audit = fleet.admin.list("/api/v1/audit?operation=container:restart")?;
    assert_eq!(audit.len(), 1, "{audit:?}");
    Ok(())
}

/// The lines of a log as they come.
fn follow(fleet: &Fleet, path: &str) -> Result<mpsc::Receiver<Value>> {
    let stream = fleet.admin.follow(path)?;
    let (lines, heard) = mpsc::channel();
    std::thread::spawn(move || {
        for line in stream.map_while(Result::ok) {
            let data = line
                .strip_prefix("data: ")
                .and_then(|data| serde_json::from_str(data).ok());
            // Whoever listened is done.
            if data.is_some_and(|data: Value| lines.send(data).is_err()) {
                return;
            }
        }
    });
    Ok(heard)
}

/// Now, as the engine's events are asked by.
fn now() -> String {
    let ms = Clock::system().now().0;
    format!("{}.{:03}000000", ms / 1_000, ms % 1_000)
}
