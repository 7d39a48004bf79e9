//! Agent and control plane die at every point of a rotation of the CA, in which the host gets other roots and a new
//! certificate: it is the same host, it has a certificate that counts, and comes back. And of a rotation of the key that
//! signs work orders: the host believes the new one, and does what it signs.

use crate::ground::{Ground, PATIENCE, hurry};
use anyhow::{Context as _, Result, ensure};
use muster_auditor::database::Column::Id;
use muster_auditor::points::Point;
use muster_tests::env;
use muster_tests::fleet::agent_options;
use muster_tests::job::containers::Application;
use muster_tests::wait::{self, Found};
use muster_workbench::{Env, images, process};
use serde_json::json;

/// Rotates the CA while somebody dies at `point`.
fn rotate_ca(ground: &mut Ground, point: Option<&Point>) -> Result<()> {
    let old = key(ground, "ca", "current")?.context("no CA")?;
    let asked = |ground: &mut Ground| {
        let is_announced = |ground: &mut Ground| {
            let next = key(ground, "ca", "next")?;
            Ok(if next.is_some() {
                next
            } else {
                key(ground, "ca", "current")?.filter(|now| *now != old)
            })
        };
        let new = ground.insist("the next CA to be announced", is_announced, post("ca/rotate"))?;
        let issues = |ground: &mut Ground| Ok(key(ground, "ca", "current")?.filter(|now| *now == new));
        ground.insist("the next CA to issue", issues, post("ca/advance"))?;
        let counts_alone = |ground: &mut Ground| Ok(key(ground, "ca", "previous")?.is_none().then_some(()));
        ground.insist("the old CA to be gone", counts_alone, post("ca/retire"))?;
        Ok(new)
    };
    let host = ground.fleet.host["id"].as_str().context("no host")?.to_owned();
    let is_well = |ground: &mut Ground, new: &String| {
        let this = format!("host_identities where host_id = {}", ground.database.id(&host));
        let issuer = ground.database.rows(&[Id("ca_id")], &this)?;
        ensure!(
            issuer == [[new.as_str()]],
            "the host's certificate is of {issuer:?}, not of {new}"
        );
        let shown = ground.fleet.admin.get(&format!("/api/v1/hosts/{host}"))?;
        Ok(Found::from_option(
            (shown["status"] == "online").then_some(()),
            shown,
        ))
    };
    ground.maybe_round(point, asked, is_well)?;
    let hosts = ground
        .database
        .rows(&[Id("id")], "hosts where deleted_at is null")?;
    ensure!(hosts.len() == 1, "{} hosts", hosts.len());
    Ok(())
}

/// Rotates the key that signs work orders while somebody dies at `point`.
fn rotate_signing(ground: &mut Ground, point: Option<&Point>) -> Result<()> {
    let old = key(ground, "signing", "current")?.context("no signing key")?;
    let asked = |ground: &mut Ground| {
        let signs = |ground: &mut Ground| Ok(key(ground, "signing", "current")?.filter(|now| *now != old));
        ground.insist("the next key to sign", signs, post("signing/rotate"))?;
        let counts_alone =
            |ground: &mut Ground| Ok(key(ground, "signing", "previous")?.is_none().then_some(()));
        ground.insist("the old key to be gone", counts_alone, post("signing/retire"))
    };
    let is_well = |ground: &mut Ground, (): &()| {
        let keys = ground.fleet.admin.get("/api/v1/keys")?;
        let believed = keys["signing"]
            .as_array()
            .and_then(|keys| keys.iter().find(|key| key["state"] == "current"))
            .is_some_and(|key| key["believers"] == 1);
        Ok(Found::from_option(believed.then_some(()), keys))
    };
    ground.maybe_round(point, asked, is_well)?;
    Ok(())
}

/// What every one of two rotations passes: what happens by itself from time to time is not among it.
fn points_of(
    ground: &mut Ground,
    rotate: fn(&mut Ground, Option<&Point>) -> Result<()>,
    passings: usize,
    wanted: fn(&Point) -> bool,
) -> Result<Vec<Point>> {
    let mut lists = Vec::new();
    for _ in 0..2 {
        let mark = ground.points.mark()?;
        rotate(ground, None)?;
        lists.push(ground.points.since(mark, passings)?);
    }
    let again = lists.pop().unwrap_or_default();
    let first = lists.pop().unwrap_or_default();
    Ok(first
        .into_iter()
        .filter(|point| wanted(point) && again.contains(point))
        .collect())
}

fn post(step: &'static str) -> impl FnMut(&mut Ground) -> Result<()> {
    move |ground| {
        let path = format!("/api/v1/keys/{step}");
        ground.fleet.admin.post(&path, &json!({})).map(drop)
    }
}

fn key(ground: &Ground, kind: &str, state: &str) -> Result<Option<String>> {
    let rows = ground.database.rows(
        &[Id("id")],
        &format!("fleet_keys where kind = '{kind}' and state = '{state}'"),
    )?;
    ensure!(rows.len() < 2, "{} keys of {kind} are {state}", rows.len());
    Ok(rows.first().map(|row| row[0].clone()))
}

#[test]
fn a_host_keeps_its_identity_wherever_a_rotation_is_interrupted_on_sqlite() -> Result<()> {
    a_host_keeps_its_identity(None)
}

#[test]
fn a_host_keeps_its_identity_wherever_a_rotation_is_interrupted_on_postgres() -> Result<()> {
    a_host_keeps_its_identity(Some(env::new_postgres_database()?))
}

fn a_host_keeps_its_identity(url: Option<String>) -> Result<()> {
    let mut ground = Ground::start(url, 10, agent_options(&Env::from_process()))?;
    // Roots are kept once, and once more with the certificate.
    let points = points_of(&mut ground, rotate_ca, 2, |point| {
        point.name.starts_with("muster-agent:file.identity")
            || point.name.starts_with("muster:") && point.name.contains("fleet::") && point.passing == 1
    })?;
    wait::until("the host to be online", PATIENCE, || {
        let hosts = ground.fleet.admin.list("/api/v1/hosts")?;
        Ok(Found::from_option(
            (hosts[0]["status"] == "online").then_some(()),
            &hosts[0],
        ))
    })?;
    for point in &points {
        rotate_ca(&mut ground, Some(point)).with_context(|| format!("killed at {point}"))?;
    }
    ground.end("a rotation of the CA", points.len())
}

#[test]
fn a_host_does_what_the_new_key_signs_wherever_its_rotation_is_interrupted_on_sqlite() -> Result<()> {
    a_host_does_what_the_new_key_signs(None)
}

#[test]
fn a_host_does_what_the_new_key_signs_wherever_its_rotation_is_interrupted_on_postgres() -> Result<()> {
    a_host_does_what_the_new_key_signs(Some(env::new_postgres_database()?))
}

fn a_host_does_what_the_new_key_signs(url: Option<String>) -> Result<()> {
    let mut ground = Ground::start(url, 10, agent_options(&Env::from_process()))?;
    let port = process::free_port()?;
    let (fleet, name) = (&ground.fleet, format!("signed-{port}"));
    let application = Application::register(&fleet.admin, &fleet.registry()?, &fleet.host, &name, port)?;
    hurry(&fleet.admin, &application)?;
    let points = points_of(&mut ground, rotate_signing, 1, |point| {
        point.name.starts_with("muster-agent:file.") && !point.name.contains("status")
            || point.name.starts_with("muster:") && point.name.contains("fleet::")
    })?;
    for program in ["muster-agent", "muster"] {
        ensure!(
            points.iter().any(|point| point.program() == program),
            "no points of {program}"
        );
    }
    for point in &points {
        rotate_signing(&mut ground, Some(point)).with_context(|| format!("killed at {point}"))?;
    }
    // The worker hears of the keys with the next order, and keeps them before it does that.
    let parts = [("written", images::GOOD), ("in-place", images::NEXT)];
    for (part, version) in parts {
        rotate_signing(&mut ground, None)?;
        let point = Point {
            name: format!("muster-worker:file.signing-keys.json.{part}"),
            passing: 1,
        };
        let deploy = |_: &mut Ground| application.deploy(version);
        let made = ground.round(&point, deploy, |_, _| Ok(Found::Yes(())))?;
        ensure!(made["status"] == "success", "killed at {point}: {made}");
    }
    ground.end("a rotation of the signing key", points.len() + parts.len())
}
