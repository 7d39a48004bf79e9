//! The registry is away, refuses, or does not have it. The version that is asked for was never pulled.

use super::{End, PUT_BACK, Ways};
use crate::ground::PATIENCE;
use anyhow::{Context as _, Result};
use muster_tests::api::text;
use muster_workbench::images::{GOOD, NEXT, SICK};
use muster_workbench::proxy::Fault;
use muster_workbench::random_hex;
use serde_json::json;
use std::fs::File;
use std::io::Write as _;

/// What a manifest of the test images is.
pub const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

pub fn all(ways: &mut Ways) -> Result<()> {
    ways.registry.fail_for_good(Fault::Before("GET /v2/ "));
    let says = ["can't be reached from the host", "nothing was changed"];
    ways.deploy("the registry goes away before the pull", NEXT, PUT_BACK, &says)?;
    ways.registry.recover();

    ways.registry.die();
    ways.deploy("the registry is down", NEXT, PUT_BACK, &["can't be reached"])?;
    ways.registry.recover();

    ways.registry.fail_for_good(Fault::During("/blobs/"));
    let says = ["nothing was changed"];
    ways.deploy("the registry dies during the pull", NEXT, PUT_BACK, &says)?;
    ways.registry.recover();

    let path = format!("/api/v1/applications/{}", ways.application.id);
    let application = ways.ground.fleet.admin.get(&path)?;
    let registry = format!("/api/v1/registries/{}", text(&application, "registryId")?);
    let password = ways.ground.fleet.registry()?.password;
    let admin = ways.ground.fleet.admin.clone();
    admin.patch(&registry, &json!({"password": "not the password"}))?;
    ways.deploy(
        "the credentials are wrong",
        NEXT,
        End::Old("failure"),
        &["refuses the credentials"],
    )?;
    admin.patch(&registry, &json!({"password": password}))?;

    let version = "9.9.9";
    ways.deploy("there is no such tag", version, End::Old("failure"), &[version])?;
    full_disk(ways)?;
    engine_restarts_during_the_pull(ways)?;
    tag_moved(ways)
}

/// The tag is moved to another image between the moment when its digest was read and the pull: what was read is deployed.
fn tag_moved(ways: &mut Ways) -> Result<()> {
    let tag = format!("moved-{}", random_hex(4)?);
    let manifest = ways.ground.dir().join("manifest.json");
    let file = manifest.to_str().context("not UTF-8")?;
    let of = |version: &str| -> Result<()> { ways.ask_registry(version, &["--output", file]) };
    let put = |tag: &str| -> Result<()> {
        let kind = format!("Content-Type: {MANIFEST}");
        let data = format!("@{file}");
        ways.ask_registry(
            tag,
            &["--request", "PUT", "--header", &kind, "--data-binary", &data],
        )
    };
    of(NEXT)?;
    put(&tag)?;
    ways.registry.fail(Fault::Hold("/blobs/"));
    let id = ways.ask(&tag)?;
    ways.registry.wait_failed(PATIENCE)?;
    of(SICK)?;
    put(&tag)?;
    ways.registry.release();
    let way = "the tag is moved to another image during the pull";
    ways.check(way, &id, End::New(NEXT), &[])?;
    ways.registry.recover();
    Ok(())
}

fn full_disk(ways: &mut Ways) -> Result<()> {
    let filler = ways.engine.data().join("filler");
    let mut file = File::create(&filler)?;
    let mib = vec![0; 1 << 20];
    while file.write_all(&mib).is_ok() {}
    let says = ["nothing was changed"];
    let deployed = ways.deploy("the engine's disk is full", NEXT, PUT_BACK, &says);
    std::fs::remove_file(&filler)?;
    deployed
}

fn engine_restarts_during_the_pull(ways: &mut Ways) -> Result<()> {
    ways.describe(|spec| spec["restart"] = json!("always"))?;
    ways.prepare(GOOD)?;
    ways.registry.fail(Fault::Hang("/blobs/"));
    let id = ways.ask(NEXT)?;
    ways.registry.wait_failed(PATIENCE)?;
    ways.engine.restart()?;
    let says = ["nothing was changed"];
    ways.check("the engine restarts during the pull", &id, PUT_BACK, &says)?;
    ways.registry.recover();
    ways.describe(|_| ())
}
