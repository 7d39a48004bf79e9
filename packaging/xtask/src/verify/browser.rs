//! The console in a real browser, against a real control plane with something in it.

use super::Bench;
use super::tally::Tally;
use crate::{project, say};
use anyhow::{Context, Result};
use muster_tests::Fleet;
use muster_tests::control_plane::ADMIN;
use muster_tests::job::containers::Application;
use muster_workbench::{images, process, tools};

/// Starts a fleet, gives the console something to show, and runs its browser tests.
pub fn run(bench: &Bench<'_>) -> Result<Tally> {
    if !project::has_console() {
        return Ok(Tally::default());
    }
    tools::install_missing(&[tools::CHROMIUM])?;
    project::build_console(bench.interrupt)?;
    muster_tests::programs::use_dir(project::build_programs(bench.interrupt)?);
    let services = bench.services().context("the services were not started")?;
    let dir = tempfile::Builder::new().prefix("muster-browser-").tempdir()?;
    let fleet = Fleet::start(services.env(), dir.path())?;
    // What is not there to be shown is not looked at; the stories say whether it should have been there.
    if let Err(error) = deployments(&fleet) {
        say::note(format_args!("the console has no deployment to show: {error:#}"));
    }
    let mut command = project::npm(&["run", "--silent", "test:browser"]);
    command
        .env("MUSTER_CONSOLE_URL", fleet.plane.address())
        .env("MUSTER_CONSOLE_ACCOUNT", ADMIN)
        .env("MUSTER_CONSOLE_PASSWORD_FILE", fleet.plane.password_file())
        .env("MUSTER_CHROMIUM", tools::CHROMIUM.path()?);
    let status = bench.interrupt.status(&mut command)?;
    Ok(if status.success() {
        Tally::PASSED
    } else {
        Tally::FAILED
    })
}

fn deployments(fleet: &Fleet) -> Result<()> {
    let application = Application::register(
        &fleet.admin,
        &fleet.registry()?,
        &fleet.host,
        "web",
        process::free_port()?,
    )?;
    application.deploy(images::GOOD)?;
    application.deploy(images::CRASHING)?;
    Ok(())
}
