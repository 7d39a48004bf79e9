//! Something on the host is in the way.

use super::{End, PUT_BACK, Ways, ask};
use crate::ground::PATIENCE;
use anyhow::{Context as _, Result, ensure};
use muster_tests::wait::{self, Found};
use muster_workbench::images::{GOOD, NEXT, SICK};
use muster_workbench::net::Weather;
use muster_workbench::process;
use serde_json::{Value, json};
use std::net::TcpListener;

/// Nothing of the application serves yet, and somebody else's container has its name: it stays as it is.
pub fn a_name_that_somebody_has(ways: &mut Ways) -> Result<()> {
    let name = ways.spec["name"].as_str().context("no name")?.to_owned();
    // The image is here after a deploy under another name.
    ways.describe(|spec| spec["name"] = json!(format!("{name}-first")))?;
    let first = ways.await_end(&ways.ask(GOOD)?)?;
    ensure!(first["status"] == "success", "{first}");
    ways.docker(&["rm", "--force", &format!("{name}-first")])?;
    let image = first["digest"].as_str().context("no digest")?;
    let image = format!("127.0.0.1:{}/muster/web@{image}", ways.registry.port()?);
    ways.docker(&["create", "--name", &name, &image])?;
    ways.describe(|_| ())?;
    let ended = ways.await_end(&ways.ask(GOOD)?)?;
    let error = ended["error"].as_str().unwrap_or_default();
    ensure!(
        ended["status"] == "rolledBack" && error.contains("was not started by Muster"),
        "{ended}"
    );
    let there = ways.docker(&["inspect", "--format", "{{.State.Status}}", &name])?;
    ensure!(there.trim() == "created", "{there}");
    let row = [
        "somebody else's container has the name",
        "rolledBack",
        "nothing, as before",
        error,
    ];
    ways.rows.push(row.map(str::to_owned));
    ways.docker(&["rm", "--force", &name])?;
    Ok(())
}

pub fn all(ways: &mut Ways) -> Result<()> {
    taken_ports(ways)?;
    refused(ways)?;
    engine_restarts(ways)?;
    network_cuts(ways)?;
    others(ways)
}

fn taken_ports(ways: &mut Ways) -> Result<()> {
    let program = TcpListener::bind("127.0.0.1:0")?;
    let port = program.local_addr()?.port();
    ways.describe(|spec| spec["ports"][0]["host"] = json!(port))?;
    let says = ["a port is taken on the host"];
    ways.deploy("a program has the port", NEXT, PUT_BACK, &says)?;
    drop(program);

    let port = process::free_port()?;
    let image = ways.docker(&["inspect", "--format", "{{.Image}}", &ways.name()?])?;
    let published = format!("127.0.0.1:{port}:8080");
    let other = format!("{}-other", ways.name()?);
    ways.docker(&[
        "run",
        "--detach",
        "--name",
        &other,
        "--publish",
        &published,
        image.trim(),
    ])?;
    ways.describe(|spec| spec["ports"][0]["host"] = json!(port))?;
    ways.deploy("another container has the port", NEXT, PUT_BACK, &says)?;
    ways.docker(&["rm", "--force", &other])?;

    ways.describe(|spec| spec["networks"] = json!(["no-such-network"]))?;
    let says = ["no-such-network"];
    ways.deploy("a network that it wants is not there", NEXT, PUT_BACK, &says)?;
    ways.describe(|_| ())
}

/// What the host's own policy does not allow.
fn refused(ways: &mut Ways) -> Result<()> {
    let refused = End::Old("failure");
    let etc = json!([{"source": "/etc", "target": "/stolen"}]);
    ways.describe(|spec| spec["volumes"] = etc.clone())?;
    ways.deploy(
        "it wants a directory that the host does not give",
        NEXT,
        refused,
        &["/etc"],
    )?;
    ways.describe(|spec| spec["privileged"] = json!(true))?;
    ways.deploy("it wants every privilege", NEXT, refused, &["privilege"])?;
    ways.describe(|_| ())
}

/// The engine restarts, as an upgrade of it does: whichever version it comes to, the record says which.
fn engine_restarts(ways: &mut Ways) -> Result<()> {
    let slow = |spec: &mut Value| {
        spec["command"] = super::versions::shell("sleep 3; exec /bin/busybox httpd -f -p 8080 -h /www");
        spec["restart"] = json!("always");
        spec["healthTimeoutMs"] = json!(20_000);
    };
    ways.describe(slow)?;
    ways.prepare(ways.other())?;
    let id = ways.ask(ways.other())?;
    ways.await_step(&id, "health")?;
    ways.engine.restart()?;
    ways.check_either("the engine restarts while health is waited for", &id)?;
    ways.describe(|_| ())?;
    ways.prepare(ways.other())
}

/// No packet passes between control plane and agent.
const CUT: Weather = Weather {
    up: false,
    down: false,
    ..Weather::FAIR
};

fn network_cuts(ways: &mut Ways) -> Result<()> {
    let slow = |spec: &mut Value| {
        spec["command"] = super::versions::shell("sleep 2; exec /bin/busybox httpd -f -p 8080 -h /www");
    };
    ways.describe(slow)?;
    let version = ways.other();
    let id = ways.ask(version)?;
    ways.await_step(&id, "health")?;
    ways.wire.set(CUT);
    // The host ends it alone.
    wait::until("the new version to serve", PATIENCE, || {
        let serving = ways.application.serving(PATIENCE)?;
        Ok(Found::from_option((serving == version).then_some(()), serving))
    })?;
    let meanwhile = ways.deployment(&id)?;
    ensure!(
        meanwhile["status"] == "running",
        "nobody can know it: {meanwhile}"
    );
    ways.wire.set(Weather::FAIR);
    let way = "the network is cut in the middle, and comes back";
    ways.check(way, &id, End::New(version), &[])?;

    ways.describe(|spec| {
        slow(spec);
        spec["healthTimeoutMs"] = json!(4_000);
    })?;
    let id = ways.ask(SICK)?;
    ways.await_step(&id, "health")?;
    ways.wire.set(CUT);
    ways.await_host("offline")?;
    ways.wire.set(Weather::FAIR);
    let way =
        "the network is cut in the middle of one that gets not healthy, until the host counts as offline";
    ways.check(way, &id, PUT_BACK, &["not healthy"])?;
    ways.describe(|_| ())?;

    ways.wire.set(CUT);
    let version = ways.other();
    let id = ways.ask(version)?;
    ways.await_order(&id)?;
    ways.wire.set(Weather::FAIR);
    ways.check(
        "the network is cut when it begins, and comes back",
        &id,
        End::New(version),
        &[],
    )
}

fn others(ways: &mut Ways) -> Result<()> {
    ways.ground.fleet.agent.stop();
    let version = ways.other();
    let id = ways.ask(version)?;
    ways.await_order(&id)?;
    ways.await_host("offline")?;
    ways.ground.fleet.agent.run()?;
    ways.check(
        "the agent is stopped, and started later",
        &id,
        End::New(version),
        &[],
    )?;

    let (first, second) = (ways.other(), ways.serves);
    let ids = [ask(&ways.application, first)?, ask(&ways.application, second)?];
    let one = ways.await_end(&ids[0])?;
    ensure!(
        one["status"] == "success" || one["status"] == "superseded",
        "{one}"
    );
    ways.check("two are asked for at once", &ids[1], End::New(second), &[])?;

    ways.describe(|spec| spec["healthTimeoutMs"] = json!(60_000))?;
    let id = ways.ask(SICK)?;
    ways.await_step(&id, "health")?;
    ways.ground
        .fleet
        .admin
        .post(&format!("/api/v1/deployments/{id}/cancel"), &json!({}))?;
    ways.check(
        "somebody cancels it in the middle",
        &id,
        End::Old("cancelled"),
        &[],
    )?;

    let id = ways.ask(SICK)?;
    ways.await_step(&id, "health")?;
    let name = ways.name()?;
    let new = ways.docker(&["ps", "--latest", "--quiet", "--no-trunc"])?;
    ways.docker(&["rm", "--force", new.trim()])?;
    ways.check(
        "somebody removes the new container in the middle",
        &id,
        PUT_BACK,
        &[],
    )?;
    ensure!(
        ways.docker(&["ps", "--quiet", "--filter", &format!("name={name}")])?
            .lines()
            .count()
            == 1
    );
    ways.describe(|_| ())
}
