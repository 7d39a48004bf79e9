//! The console in a real browser, against a real control plane with something in it, and one that nobody has installed.

use super::Bench;
use super::tally::Tally;
use crate::project;
use anyhow::{Context, Result};
use muster_tests::control_plane::{self, ADMIN};
use muster_tests::fleet::agent_options;
use muster_tests::fresh::{self, Fresh};
use muster_tests::job::containers::Application;
use muster_tests::job::people;
use muster_tests::job::releases::{Kind, Server};
use muster_tests::{Fleet, programs};
use muster_workbench::{images, process, tools};
use std::fs;
use std::panic::resume_unwind;
use std::thread;

/// Starts a fleet, gives the console something to show, and runs its browser tests.
pub fn run(bench: &Bench<'_>) -> Result<Tally> {
    if !project::has_console() {
        return Ok(Tally::default());
    }
    tools::install_missing(&[tools::CHROMIUM])?;
    project::build_console(bench.interrupt)?;
    programs::use_dir(project::build_programs(bench.interrupt)?);
    let services = bench.services().context("the services were not started")?;
    let dir = tempfile::Builder::new().prefix("muster-browser-").tempdir()?;
    let outside = Outside {
        mail_port: process::free_port()?,
        web_port: process::free_port()?,
    };
    let mut options = control_plane::Options::new()?;
    options.settings = outside.settings();
    let fleet = Fleet::start_with(
        services.env(),
        &dir.path().join("fleet"),
        options,
        agent_options(services.env()),
    )?;
    let fresh_dir = dir.path().join("fresh");
    fs::create_dir(&fresh_dir)?;
    // A container that crashes takes its time, and so do servers.
    let fresh = thread::scope(|scope| {
        let deployments =
            scope.spawn(|| deployments(&fleet).context("the console has no deployment to show"));
        let releases = scope.spawn(|| releases(&fleet).context("the console has no release to show"));
        let fresh = Fresh::start(&fresh_dir);
        for done in [deployments.join(), releases.join()] {
            done.unwrap_or_else(|panic| resume_unwind(panic))?;
        }
        fresh
    })?;
    let mut command = project::npm(&["run", "--silent", "test:browser"]);
    command
        .env("MUSTER_CONSOLE_URL", fleet.plane.address())
        .env("MUSTER_CONSOLE_ACCOUNT", ADMIN)
        .env("MUSTER_CONSOLE_PASSWORD_FILE", fleet.plane.password_file())
        .env("MUSTER_CONSOLE_MAIL_PORT", outside.mail_port.to_string())
        .env("MUSTER_CONSOLE_WEB_PORT", outside.web_port.to_string())
        .env("MUSTER_CONSOLE_FRESH_URL", fresh.address())
        .env("MUSTER_CONSOLE_FRESH_LOG", &fresh.log)
        .env(
            "MUSTER_CONSOLE_FRESH_DATABASE",
            fresh::postgres_database(services.env())?,
        )
        .env(
            "MUSTER_CONSOLE_TAKEN_DATABASE",
            fresh::taken_database(services.env())?,
        )
        .env("MUSTER_CONSOLE_AGENT", programs::path("muster-agent")?)
        .env("MUSTER_CONSOLE_SIMULATOR", programs::path("muster-simulator")?)
        .env("MUSTER_CONSOLE_AGENT_DIR", fresh_dir.join("agents"))
        .env("MUSTER_CONSOLE_PSQL", tools::PSQL.path()?)
        .env("MUSTER_CONSOLE_MARIADB", tools::MARIADB_CLIENT.path()?)
        .env("MUSTER_CHROMIUM", tools::CHROMIUM.path()?);
    let status = bench.interrupt.status(bench.with_services(&mut command))?;
    Ok(if status.success() {
        Tally::PASSED
    } else {
        Tally::FAILED
    })
}

/// Where the browser tests open a mail server, and a gateway for text messages with an identity provider.
struct Outside {
    mail_port: u16,
    web_port: u16,
}

impl Outside {
    fn settings(&self) -> Vec<(String, String)> {
        let web = format!("http://127.0.0.1:{}", self.web_port);
        let all = [
            ("MAIL__HOST", "127.0.0.1".to_owned()),
            ("MAIL__PORT", self.mail_port.to_string()),
            ("MAIL__SECURITY", "none".to_owned()),
            ("MAIL__FROM", "Muster <muster@example.com>".to_owned()),
            ("SMS__METHOD", "GET".to_owned()),
            ("SMS__URL", format!("{web}/sms?to={{to}}&text={{text}}")),
            ("SIGN_IN__PROVIDERS__CORP__KIND", "oidc".to_owned()),
            ("SIGN_IN__PROVIDERS__CORP__LABEL", "Corp".to_owned()),
            ("SIGN_IN__PROVIDERS__CORP__CLIENT_ID", "muster".to_owned()),
            (
                "SIGN_IN__PROVIDERS__CORP__CLIENT_SECRET",
                "muster-at-the-provider".to_owned(),
            ),
            ("SIGN_IN__PROVIDERS__CORP__ISSUER", web),
        ];
        all.map(|(name, value)| (format!("MUSTER_{name}"), value)).into()
    }
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
