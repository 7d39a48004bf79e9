//! The workbench: real services for tests, the demo's check and the measurements.
//!
//! [`Workbench::start`] starts private instances of what is asked for, on free ports of the loopback
//! address and below one private temporary directory, and says where they are in [`Env`], the
//! `MUSTER_TEST_…` variables that the tests read. Dropping the workbench stops them.
//!
//! | service | started as | variables |
//! |---|---|---|
//! | PostgreSQL | user `postgres`, password authentication | `MUSTER_TEST_POSTGRES_URL` (a superuser: tests make their own databases) |
//! | MariaDB (the MySQL side) | user `mysql` | `MUSTER_TEST_MYSQL_URL` (root: tests make their own databases) |
//! | Docker Engine | root, own socket, data, bridge; touches no iptables rule | `MUSTER_TEST_DOCKER_HOST` |
//! | Docker registry | htpasswd authentication, with the images of [`images`] in it | `MUSTER_TEST_REGISTRY`, `…_USER`, `…_PASSWORD_FILE`, `MUSTER_TEST_IMAGE` |
//!
//! A test that stops, starves or fills a service starts one of its own ([`OwnEngine`], [`OwnDatabase`]); one that
//! cuts the network puts a [`proxy`] in front of any, or the host on a cable of its own ([`net`]). [`machine::Machine`] is more: a Debian with systemd in a container
//! of that engine, for the packages.
//!
//! Programs that are missing are installed from Debian when we are root; otherwise the error says
//! which package to install. Nothing is downloaded from anywhere else: images are built from scratch.
//!
//! Invariants:
//! - A service that can't be started is an error, never a skipped test.
//! - Every process asks the kernel to be stopped when its parent dies, so that a killed test run leaves
//!   nothing running; what it left on disk is swept by the next start.
//! - Only processes that the workbench started itself are ever signalled.

pub mod cache;
mod docker;
mod env;
pub mod images;
pub mod machine;
mod mariadb;
pub mod net;
mod own;
mod postgres;
pub mod process;
pub mod proxy;
mod registry;
mod scratch;
pub mod tools;

pub use env::Env;
pub use own::{OwnDatabase, OwnEngine, OwnEngineOptions};
pub use scratch::random_hex;

use anyhow::{Context, Result};
use scratch::Scratch;

/// A real service that tests may need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// PostgreSQL.
    Postgres,
    /// MariaDB, for the MySQL side.
    Mysql,
    /// A Docker engine.
    Docker,
    /// An authenticated image registry with the test images; brings a Docker engine along.
    Registry,
}

impl Service {
    /// Everything there is.
    pub const ALL: &'static [Self] = &[Self::Postgres, Self::Mysql, Self::Docker, Self::Registry];
}

/// The services that were started. They stop when this is dropped.
pub struct Workbench {
    // Dropped in this order: the services, then the directory they live in.
    running: Vec<Box<dyn Send>>,
    env: Env,
    small_files: Option<std::path::PathBuf>,
    scratch: Scratch,
}

impl Workbench {
    /// Starts `services`, waits until each answers, and returns them.
    ///
    /// Call it on a thread that outlives the workbench (the main thread): the services are told to
    /// stop when the thread that started them ends.
    ///
    /// # Errors
    /// Says which service can't be had and what to do about it.
    pub fn start(services: &[Service]) -> Result<Self> {
        let wants = |service| services.contains(&service);
        let wants_docker = wants(Service::Docker) || wants(Service::Registry);
        tools::install_missing(&packages(services))?;

        let scratch = Scratch::create()?;
        let mut bench = Self {
            running: Vec::new(),
            env: Env::default(),
            small_files: scratch.small_files()?,
            scratch,
        };
        // The two databases lay out their files side by side; that is most of the time it takes.
        let (postgres_prepared, mysql_prepared) = std::thread::scope(|scope| {
            let postgres =
                wants(Service::Postgres).then(|| scope.spawn(|| postgres::prepare(&bench.scratch)));
            let mysql = wants(Service::Mysql).then(|| scope.spawn(|| mariadb::prepare(&bench.scratch)));
            (postgres.map(join), mysql.map(join))
        });
        if let Some(prepared) = postgres_prepared {
            let postgres = prepared
                .and_then(|prepared| prepared.start(500))
                .context("PostgreSQL could not be started")?;
            bench.env.set("MUSTER_TEST_POSTGRES_URL", postgres.url());
            bench.running.push(Box::new(postgres));
        }
        if let Some(prepared) = mysql_prepared {
            let mysql = prepared
                .and_then(|prepared| prepared.start(300))
                .context("MariaDB could not be started")?;
            bench.env.set("MUSTER_TEST_MYSQL_URL", mysql.url());
            bench.running.push(Box::new(mysql));
        }
        if wants_docker {
            bench.start_docker(wants(Service::Registry))?;
        }
        Ok(bench)
    }

    fn start_docker(&mut self, with_registry: bool) -> Result<()> {
        let docker = docker::Engine::start(&self.scratch).context("no Docker engine could be had")?;
        self.env.set("MUSTER_TEST_DOCKER_HOST", docker.host());
        if with_registry {
            let registry =
                registry::Registry::start(&self.scratch).context("the registry could not be started")?;
            let image = images::publish(&docker, &registry, &self.scratch)
                .context("the test images could not be made")?;
            self.env.set("MUSTER_TEST_REGISTRY", registry.address());
            self.env.set("MUSTER_TEST_REGISTRY_USER", registry::USER);
            self.env
                .set("MUSTER_TEST_REGISTRY_PASSWORD_FILE", registry.password_file());
            self.env.set("MUSTER_TEST_IMAGE", image);
            self.running.push(Box::new(registry));
        }
        self.running.push(Box::new(docker));
        Ok(())
    }

    /// Where the services are.
    pub fn env(&self) -> &Env {
        &self.env
    }

    /// Where tests may have small files that are gone with the machine's power, if it has memory for them.
    pub fn small_files(&self) -> Option<&std::path::Path> {
        self.small_files.as_deref()
    }

    /// The private directory of this run; gone when the workbench is dropped.
    pub fn dir(&self) -> &std::path::Path {
        self.scratch.path()
    }
}

impl Drop for Workbench {
    fn drop(&mut self) {
        // The last one started stops first.
        while let Some(service) = self.running.pop() {
            drop(service);
        }
    }
}

fn packages(services: &[Service]) -> Vec<tools::Tool> {
    let mut needed = Vec::new();
    for service in services {
        match service {
            Service::Postgres => needed.push(tools::POSTGRES),
            Service::Mysql => needed.extend([tools::MARIADB, tools::MARIADB_INSTALL]),
            Service::Docker => needed.extend(docker::TOOLS),
            Service::Registry => {
                needed.extend(docker::TOOLS);
                needed.extend([tools::REGISTRY, tools::HTPASSWD, tools::BUSYBOX]);
            }
        }
    }
    needed
}

fn join<T>(thread: std::thread::ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    match thread.join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}
