//! Agent and control plane die at every point of a rotation of the CA, in which the host gets other roots and a new
//! certificate: it is the same host, it has a certificate that counts, and comes back.

use crate::ground::{Ground, PATIENCE};
use anyhow::{Context as _, Result, ensure};
use muster_auditor::database::Column::Id;
use muster_auditor::points::Point;
use muster_tests::fleet::agent_options;
use muster_tests::wait::{self, Found};
use muster_workbench::Env;
use serde_json::json;

/// Rotates the CA while somebody dies at `point`.
fn rotate(ground: &mut Ground, point: Option<&Point>) -> Result<()> {
    let old = ca(ground, "current")?.context("no CA")?;
    let asked = |ground: &mut Ground| {
        let is_announced = |ground: &mut Ground| {
            let next = ca(ground, "next")?;
            Ok(if next.is_some() {
                next
            } else {
                ca(ground, "current")?.filter(|now| *now != old)
            })
        };
        let new = ground.insist("the next CA to be announced", is_announced, post("rotate"))?;
        let issues = |ground: &mut Ground| Ok(ca(ground, "current")?.filter(|now| *now == new));
        ground.insist("the next CA to issue", issues, post("advance"))?;
        let counts_alone = |ground: &mut Ground| Ok(ca(ground, "previous")?.is_none().then_some(()));
        ground.insist("the old CA to be gone", counts_alone, post("retire"))?;
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

fn post(step: &'static str) -> impl FnMut(&mut Ground) -> Result<()> {
    move |ground| {
        let path = format!("/api/v1/keys/ca/{step}");
        ground.fleet.admin.post(&path, &json!({})).map(drop)
    }
}

fn ca(ground: &Ground, state: &str) -> Result<Option<String>> {
    let rows = ground.database.rows(
        &[Id("id")],
        &format!("fleet_keys where kind = 'ca' and state = '{state}'"),
    )?;
    ensure!(rows.len() < 2, "{} CAs are {state}", rows.len());
    Ok(rows.first().map(|row| row[0].clone()))
}

#[test]
fn a_host_keeps_its_identity_wherever_a_rotation_is_interrupted() -> Result<()> {
    let mut ground = Ground::start(None, 10, agent_options(&Env::from_process()))?;
    let mark = ground.points.mark()?;
    rotate(&mut ground, None)?;
    // Roots are kept once, and once more with the certificate.
    let mut points = ground.points.since(mark, 2)?;
    points.retain(|point| {
        point.name.starts_with("muster-agent:file.identity")
            || point.name.starts_with("muster:") && point.name.contains("fleet::") && point.passing == 1
    });
    wait::until("the host to be online", PATIENCE, || {
        let hosts = ground.fleet.admin.list("/api/v1/hosts")?;
        Ok(Found::from_option(
            (hosts[0]["status"] == "online").then_some(()),
            &hosts[0],
        ))
    })?;
    for point in &points {
        rotate(&mut ground, Some(point)).with_context(|| format!("killed at {point}"))?;
    }
    ground.end("a rotation of the CA", points.len())
}
