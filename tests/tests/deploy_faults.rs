//! A deploy that goes wrong, as the control plane has it on record: the status, the steps, and words that say what to do.

use anyhow::{Context, Result};
use muster_tests::fleet::{PATIENCE, agent_options};
use muster_tests::job::containers::Application;
use muster_tests::{Fleet, agent, control_plane};
use muster_workbench::proxy::{Endpoint, Fault, Proxy};
use muster_workbench::{Env, images, process};
use serde_json::Value;
use std::net::{SocketAddr, TcpListener};
use std::process::Command;

struct Expected {
    status: &'static str,
    /// The host's steps that failed.
    failed: &'static [&'static str],
    says: &'static [&'static str],
}

const ROLLED_BACK: Expected = Expected {
    status: "rolledBack",
    failed: &[],
    says: &[],
};

#[test]
fn the_record_of_a_deploy_that_went_wrong_is_true() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let services = Env::from_process();
    let agent = agent::Options {
        policy: "[images]\nregistries = [\"127.0.0.1:*\"]\n".to_owned(),
        ..agent_options(&services)
    };
    let fleet = Fleet::start_with(&services, dir.path(), control_plane::Options::new()?, agent)?;
    let mut registry = fleet.registry()?;
    let proxy = Proxy::tcp(Endpoint::Tcp(registry.address.parse::<SocketAddr>()?))?;
    registry.address = format!("127.0.0.1:{}", proxy.port()?);
    let name = format!("web-{}", process::free_port()?);
    let port = process::free_port()?;
    let application = Application::register(&fleet.admin, &registry, &fleet.host, &name, port)?;
    let deploy = |case: &str, version: &str, expected: Expected| -> Result<Value> {
        let ended = application.deploy(version)?;
        check(&fleet, case, &ended, &expected)?;
        Ok(ended)
    };

    let taken = TcpListener::bind(("127.0.0.1", port))?;
    let expected = Expected {
        failed: &["start-new"],
        says: &["a port is taken on the host", "there was no container before"],
        ..ROLLED_BACK
    };
    let ended = deploy("a program has the port", images::GOOD, expected)?;
    drop(taken);

    let host = fleet.service("MUSTER_TEST_DOCKER_HOST")?;
    let docker = |arguments: &[&str]| -> Result<()> {
        process::run(Command::new("docker").args(["--host", host]).args(arguments))?;
        Ok(())
    };
    let digest = ended["digest"].as_str().context("no digest")?;
    let image = format!("{}/{}@{digest}", registry.address, images::REPOSITORY);
    docker(&["create", "--name", &name, &image])?;
    let expected = Expected {
        failed: &["verify"],
        says: &["was not started by Muster", "replace_unmanaged"],
        ..ROLLED_BACK
    };
    deploy("somebody else's container has the name", images::GOOD, expected)?;
    docker(&["rm", "--force", &name])?;

    let good = application.deploy(images::GOOD)?;
    assert_eq!(good["status"], "success", "{good}");

    proxy.fail_for_good(Fault::Before("GET /v2/ "));
    let expected = Expected {
        failed: &["pull"],
        says: &["can't be reached from the host", "nothing was changed"],
        ..ROLLED_BACK
    };
    deploy(
        "the registry dies before the host has pulled",
        images::NEXT,
        expected,
    )?;
    let expected = Expected {
        failed: &["pull"],
        says: &["can't be reached from the host", "check that it runs"],
        ..ROLLED_BACK
    };
    deploy("the registry is down", images::NEXT, expected)?;
    proxy.recover();
    let expected = Expected {
        failed: &["health"],
        says: &["exit", "code 1", "put back and runs"],
        ..ROLLED_BACK
    };
    deploy("the version crashes", images::CRASHING, expected)?;
    let expected = Expected {
        status: "failure",
        failed: &[],
        says: &["9.9.9"],
    };
    deploy("there is no such version", "9.9.9", expected)?;
    assert_eq!(application.serving(PATIENCE)?, images::GOOD);
    Ok(())
}

/// The deployment, its host, its steps and its order say the same.
fn check(fleet: &Fleet, case: &str, ended: &Value, expected: &Expected) -> Result<()> {
    let error = ended["error"].as_str().unwrap_or_default();
    assert_eq!(ended["status"], expected.status, "{case}: {ended}");
    for part in expected.says {
        assert!(error.contains(part), "{case}: {part:?} is not in {error:?}");
    }
    let steps = ended["steps"].as_array().context("no steps")?;
    let failed: Vec<&str> = steps
        .iter()
        .filter(|step| step["status"] == "failed" && !step["hostId"].is_null())
        .filter_map(|step| step["name"].as_str())
        .collect();
    assert_eq!(failed, expected.failed, "{case}: {ended}");
    let running = steps.iter().find(|step| step["status"] == "running");
    assert_eq!(running, None, "{case}: nothing goes on after the end");
    for host in ended["hosts"].as_array().context("no hosts")? {
        let Some(order) = host["orderId"].as_str() else {
            continue;
        };
        let order = fleet.admin.get(&format!("/api/v1/orders/{order}"))?;
        assert_eq!(order["state"], ended["status"], "{case}: {order}");
        assert_eq!(
            (&order["error"], &host["error"]),
            (&ended["error"], &ended["error"]),
            "{case}"
        );
    }
    Ok(())
}
