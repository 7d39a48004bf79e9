//! A real `muster serve` that nobody has installed.

use crate::control_plane::free_udp_port;
use crate::job::releases::{make_postgres_database, run_in_postgres};
use crate::wait::{self, Found};
use crate::{Api, programs};
use anyhow::{Context, Result};
use muster_workbench::process::{Launch, Process, free_port};
use muster_workbench::{Env, random_hex};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

/// A control plane that waits to be installed; stopped when dropped.
pub struct Fresh {
    /// Its process.
    pub process: Process,
    /// Nobody's client of it.
    pub api: Api,
    /// Its output.
    pub log: PathBuf,
    address: String,
}

impl Fresh {
    /// Starts one in `dir` and waits until it answers.
    pub fn start(dir: &Path) -> Result<Self> {
        let (port, link) = (free_port()?, free_udp_port()?);
        let log = dir.join("log");
        let mut process = Launch::new("muster serve", &programs::path("muster")?)
            .args(["serve"])
            .args(["--data".as_ref(), dir.join("data").as_os_str()])
            .env("MUSTER_HTTP__LISTEN", format!("127.0.0.1:{port}"))
            .env("MUSTER_LINK__LISTEN", format!("127.0.0.1:{link}"))
            .env("MUSTER_LINK__ADVERTISE", format!("127.0.0.1:{link}"))
            .spawn(dir, &log)?;
        let address = format!("http://127.0.0.1:{port}");
        let api = Api::new(&address);
        process.wait_ready(PATIENCE, || {
            api.call("GET", "/healthz", None)
                .is_ok_and(|answer| answer.status == 200)
        })?;
        Ok(Self {
            process,
            api,
            log,
            address,
        })
    }

    /// Where its console and API are.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The token, as a person reads it from the terminal.
    pub fn token(&self) -> Result<String> {
        wait::until("the setup token to be printed", PATIENCE, || {
            let text = fs::read_to_string(&self.log)?;
            let line = text.lines().find(|line| line.contains("setup token  "));
            let token = line.and_then(|line| line.split_whitespace().last());
            Ok(Found::from_option(token.map(str::to_owned), text.clone()))
        })
    }
}

/// The address of a new and empty PostgreSQL database.
pub fn postgres_database(services: &Env) -> Result<String> {
    let name = format!("fresh_{}", random_hex(4)?);
    make_postgres_database(services, &name)?;
    address_of(services, &name)
}

/// The address of a PostgreSQL database in which somebody else keeps their data.
pub fn taken_database(services: &Env) -> Result<String> {
    let name = format!("taken_{}", random_hex(4)?);
    make_postgres_database(services, &name)?;
    let theirs =
        "create table blog (id bigint primary key, title text); insert into blog values (1, 'first')";
    run_in_postgres(services, &name, theirs)?;
    address_of(services, &name)
}

fn address_of(services: &Env, database: &str) -> Result<String> {
    let server = services
        .get("MUSTER_TEST_POSTGRES_URL")
        .context("no PostgreSQL")?;
    let (login, _) = server.rsplit_once('/').context("an odd URL")?;
    Ok(format!("{login}/{database}"))
}
