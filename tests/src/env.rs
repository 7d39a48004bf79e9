//! The services that `cargo verify` started.

use anyhow::{Context, Result};
use muster_workbench::process::run;
use muster_workbench::{random_hex, tools};
use std::path::PathBuf;
use std::process::Command;

/// The authenticated registry and the test images in it.
#[derive(Clone, Debug)]
pub struct Registry {
    /// `host:port`.
    pub address: String,
    /// Who may pull.
    pub user: String,
    /// That user's password.
    pub password: String,
    /// The test image's repository, `host:port/name`; tags in `muster_workbench::images`.
    pub image: String,
}

/// `unix:///…` of the Docker engine.
pub fn docker_host() -> Result<String> {
    variable("MUSTER_TEST_DOCKER_HOST")
}

/// The engine's own client, at the engine that listens at `host`; what it prints.
pub fn docker(host: &str, arguments: &[&str]) -> Result<String> {
    let said = run(Command::new("docker").args(["--host", host]).args(arguments))?;
    Ok(said.trim().to_owned())
}

/// URL of PostgreSQL's superuser.
pub fn postgres_url() -> Result<String> {
    variable("MUSTER_TEST_POSTGRES_URL")
}

/// URL of a new, empty PostgreSQL database; it goes with the server.
pub fn new_postgres_database() -> Result<String> {
    create_database("")
}

/// URL of a new PostgreSQL database that holds what the one at `url` holds, which nobody uses meanwhile.
pub fn copy_of_postgres_database(url: &str) -> Result<String> {
    let (_, name) = url.rsplit_once('/').context("the URL names no database")?;
    create_database(&format!(" template {name}"))
}

fn create_database(how: &str) -> Result<String> {
    let url = postgres_url()?;
    let name = format!("story_{}", random_hex(6)?);
    let sql = format!("create database {name}{how}");
    run(Command::new(tools::PSQL.path()?).args([
        "--no-psqlrc",
        "--quiet",
        "--dbname",
        &url,
        "--command",
        &sql,
    ]))?;
    let (server, _) = url
        .rsplit_once('/')
        .context("the PostgreSQL URL names no database")?;
    Ok(format!("{server}/{name}"))
}

/// URL of MariaDB's root.
pub fn mysql_url() -> Result<String> {
    variable("MUSTER_TEST_MYSQL_URL")
}

/// The registry.
pub fn registry() -> Result<Registry> {
    Registry::of(variable)
}

impl Registry {
    /// The registry that the variables of `find` tell of.
    pub fn of(find: impl Fn(&str) -> Result<String>) -> Result<Self> {
        let password_file = PathBuf::from(find("MUSTER_TEST_REGISTRY_PASSWORD_FILE")?);
        Ok(Self {
            address: find("MUSTER_TEST_REGISTRY")?,
            user: find("MUSTER_TEST_REGISTRY_USER")?,
            password: std::fs::read_to_string(password_file)
                .context("the registry's password file can't be read")?,
            image: find("MUSTER_TEST_IMAGE")?,
        })
    }
}

fn variable(name: &str) -> Result<String> {
    std::env::var(name).with_context(|| {
        format!("{name} is not set: run the tests with `cargo verify`, or with `cargo verify --with-services -- cargo test …`")
    })
}
