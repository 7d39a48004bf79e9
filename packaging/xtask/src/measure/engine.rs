//! The Docker engine of a measurement, as a person at the command line sees it.

use anyhow::{Context, Result, ensure};
use muster_workbench::Env;
use muster_workbench::process::run;
use std::fs::File;
use std::process::Command;
use tempfile::TempDir;

/// The `docker` command, signed in at the registry.
pub struct Engine {
    host: String,
    logins: TempDir,
    image: String,
}

impl Engine {
    /// Signs in.
    pub fn new(services: &Env) -> Result<Self> {
        let service = |name: &str| {
            let found = services.get(name);
            found
                .map(str::to_owned)
                .with_context(|| format!("{name} was not started"))
        };
        let engine = Self {
            host: service("MUSTER_TEST_DOCKER_HOST")?,
            logins: tempfile::tempdir()?,
            image: service("MUSTER_TEST_IMAGE")?,
        };
        let mut login = engine.docker();
        login
            .args(["login", "--username", &service("MUSTER_TEST_REGISTRY_USER")?])
            .args(["--password-stdin", &service("MUSTER_TEST_REGISTRY")?])
            .stdin(File::open(service("MUSTER_TEST_REGISTRY_PASSWORD_FILE")?)?);
        ensure!(login.output()?.status.success(), "docker login failed");
        Ok(engine)
    }

    /// `docker run --detach` of a test image's version.
    pub fn run(&self, name: &str, version: &str, more: &[&str]) -> Result<()> {
        let image = format!("{}:{version}", self.image);
        let mut command = self.docker();
        command.args(["run", "--detach", "--name", name]);
        run(command.args(more).arg(image))?;
        Ok(())
    }

    /// `docker stop` without a time of grace, and `docker rm`.
    pub fn stop_and_remove(&self, name: &str) -> Result<()> {
        run(self.docker().args(["stop", "--time", "0", name]))?;
        run(self.docker().args(["rm", name]))?;
        Ok(())
    }

    fn docker(&self) -> Command {
        let mut command = Command::new("docker");
        command
            .env("DOCKER_HOST", &self.host)
            .env("DOCKER_CONFIG", self.logins.path());
        command
    }
}
