//! The console in a real browser, against a real control plane with something in it.

use super::Bench;
use super::tally::Tally;
use crate::project;
use anyhow::{Context, Result};
use muster_tests::Fleet;
use muster_tests::control_plane::ADMIN;
use muster_tests::job::containers::Application;
use muster_tests::job::people;
use muster_tests::job::releases::{Kind, Server};
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
    deployments(&fleet).context("the console has no deployment to show")?;
    releases(&fleet).context("the console has no release to show")?;
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

/// A release that ran on each kind of server, one that failed, and a ticket that waits.
fn releases(fleet: &Fleet) -> Result<()> {
    let approver = people::add(&fleet.admin, "ben", "ADMIN")?;
    for (kind, version) in [(Kind::Postgres, "1.0"), (Kind::Mysql, "1.0-mysql")] {
        let server = Server::register(&fleet.admin, fleet.services(), &fleet.host, kind)?;
        let table = "create table orders (id bigint primary key, note varchar(40) not null)";
        server.release(&fleet.admin, &approver, version, table)?;
        if kind == Kind::Postgres {
            server.release(
                &fleet.admin,
                &approver,
                "1.1",
                "insert into order_lines (id) values (1)",
            )?;
            server.propose(&fleet.admin, "1.2", "alter table orders drop column note")?;
        }
    }
    Ok(())
}
