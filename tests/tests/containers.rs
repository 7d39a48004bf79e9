//! A container is deployed by webhook; a broken version is put back.

use anyhow::Result;
use muster_tests::fleet::{PATIENCE, agent_options};
use muster_tests::job::containers::Application;
use muster_tests::{Fleet, agent, control_plane, env};
use muster_workbench::{Env, images, process};

#[test]
fn a_good_version_serves_and_a_broken_one_is_put_back_on_sqlite() -> Result<()> {
    versions_come_and_go(control_plane::Options::new()?)
}

#[test]
fn a_good_version_serves_and_a_broken_one_is_put_back_on_postgres() -> Result<()> {
    let database = Some(env::new_postgres_database()?);
    versions_come_and_go(control_plane::Options {
        database,
        ..control_plane::Options::new()?
    })
}

fn versions_come_and_go(plane: control_plane::Options) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let services = Env::from_process();
    let fleet = Fleet::start_with(&services, dir.path(), plane, agent_options(&services))?;
    let name = format!("web-{}", process::free_port()?);
    let application = Application::register(
        &fleet.admin,
        &fleet.registry()?,
        &fleet.host,
        &name,
        process::free_port()?,
    )?;

    assert_eq!(
        application
            .webhook(images::GOOD, "whk_not-the-token", false)?
            .status,
        401
    );

    let first = application.deploy(images::GOOD)?;
    assert_eq!(first["status"], "success", "{first}");
    assert!(
        first["digest"]
            .as_str()
            .is_some_and(|digest| digest.starts_with("sha256:")),
        "{first}"
    );
    assert_eq!(application.serving(PATIENCE)?, images::GOOD);

    let second = application.deploy(images::NEXT)?;
    assert_eq!(second["status"], "success", "{second}");
    assert_eq!(application.serving(PATIENCE)?, images::NEXT);

    for broken in [images::CRASHING, images::SICK] {
        let ended = application.deploy(broken)?;
        assert_eq!(ended["status"], "rolledBack", "{ended}");
        assert!(
            ended["error"].as_str().is_some_and(|error| !error.is_empty()),
            "the record says what happened: {ended}"
        );
        assert_eq!(application.serving(PATIENCE)?, images::NEXT);
    }
    Ok(())
}

#[test]
fn the_host_refuses_what_its_policy_does_not_allow() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let services = Env::from_process();
    let strict = agent::Options {
        policy: String::new(),
        ..agent_options(&services)
    };
    let fleet = Fleet::start_with(&services, dir.path(), control_plane::Options::new()?, strict)?;
    let name = format!("web-{}", process::free_port()?);
    let application = Application::register(
        &fleet.admin,
        &fleet.registry()?,
        &fleet.host,
        &name,
        process::free_port()?,
    )?;
    let ended = application.deploy(images::GOOD)?;
    assert_eq!(ended["status"], "failure", "{ended}");
    assert!(
        ended.to_string().contains("images."),
        "the rule is named: {ended}"
    );
    Ok(())
}
