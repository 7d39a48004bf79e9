//! The services that `cargo verify` started.

use anyhow::{Context, Result};
use std::path::PathBuf;

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

/// URL of PostgreSQL's superuser.
pub fn postgres_url() -> Result<String> {
    variable("MUSTER_TEST_POSTGRES_URL")
}

/// URL of MariaDB's root.
pub fn mysql_url() -> Result<String> {
    variable("MUSTER_TEST_MYSQL_URL")
}

/// The registry.
pub fn registry() -> Result<Registry> {
    let password_file = PathBuf::from(variable("MUSTER_TEST_REGISTRY_PASSWORD_FILE")?);
    Ok(Registry {
        address: variable("MUSTER_TEST_REGISTRY")?,
        user: variable("MUSTER_TEST_REGISTRY_USER")?,
        password: std::fs::read_to_string(password_file)
            .context("the registry's password file can't be read")?,
        image: variable("MUSTER_TEST_IMAGE")?,
    })
}

fn variable(name: &str) -> Result<String> {
    std::env::var(name).with_context(|| {
        format!("{name} is not set: run the tests with `cargo verify`, or with `cargo verify --with-services -- cargo test …`")
    })
}
