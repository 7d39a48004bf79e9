//! Services of one test's own, which it may stop, restart, starve and fill.

use crate::docker::Engine;
use crate::mariadb::{self, Mariadb};
use crate::postgres::{self, Postgres};
use crate::scratch::Scratch;
use crate::{Service, packages, tools};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

/// A Docker engine. One in a process: its bridge bears the process's number.
pub struct OwnEngine {
    engine: Engine,
    // Goes last: the engine lives in it.
    scratch: Scratch,
}

/// How to start an [`OwnEngine`].
#[derive(Clone, Debug, Default)]
pub struct OwnEngineOptions {
    /// Its data lies on a file system of so many MiB.
    pub data_mib: Option<u32>,
    /// How often it tries to download a layer.
    pub download_attempts: Option<u32>,
}

impl OwnEngine {
    /// Starts it and waits until it answers.
    ///
    /// # Errors
    /// We are not root, or it does not start.
    pub fn start(options: &OwnEngineOptions) -> Result<Self> {
        tools::install_missing(&packages(&[Service::Docker]))?;
        let scratch = Scratch::create()?;
        let attempts = options
            .download_attempts
            .map(|attempts| format!("--max-download-attempts={attempts}"));
        let more = attempts.into_iter().collect();
        let engine = Engine::start_own(&scratch, more, options.data_mib)?;
        Ok(Self { engine, scratch })
    }

    /// Where it listens, as `DOCKER_HOST` has it.
    pub fn host(&self) -> &str {
        self.engine.host()
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        PathBuf::from(self.host().trim_start_matches("unix://"))
    }

    /// Where it keeps its data.
    pub fn data(&self) -> PathBuf {
        self.scratch.path().join("docker/data")
    }

    /// A directory that goes with it.
    pub fn dir(&self) -> &Path {
        self.scratch.path()
    }

    /// Stops it as an upgrade does, and starts it again: its containers stop, and those start again that are to.
    ///
    /// # Errors
    /// It does not start again.
    pub fn restart(&mut self) -> Result<()> {
        self.engine.restart()
    }
}

/// A database server.
pub struct OwnDatabase {
    server: Server,
    // Goes last: the server lives in it.
    _scratch: Scratch,
}

enum Server {
    Postgres(Postgres),
    Mariadb(Mariadb),
}

impl OwnDatabase {
    /// Starts a server of this kind that serves so many connections.
    ///
    /// # Errors
    /// It is no database, or does not start.
    pub fn start(kind: Service, max_connections: u32) -> Result<Self> {
        tools::install_missing(&packages(&[kind]))?;
        let scratch = Scratch::create()?;
        let server = match kind {
            Service::Postgres => {
                let prepared = postgres::prepare(&scratch).context("PostgreSQL could not be laid out")?;
                Server::Postgres(prepared.start(max_connections)?)
            }
            Service::Mysql => {
                let prepared = mariadb::prepare(&scratch).context("MariaDB could not be laid out")?;
                Server::Mariadb(prepared.start(max_connections)?)
            }
            Service::Docker | Service::Registry => bail!("{kind:?} is no database"),
        };
        Ok(Self {
            server,
            _scratch: scratch,
        })
    }

    /// Its URL, with user and password.
    pub fn url(&self) -> &str {
        match &self.server {
            Server::Postgres(server) => server.url(),
            Server::Mariadb(server) => server.url(),
        }
    }

    /// Ends it as a crash does: no session hears a goodbye.
    ///
    /// # Errors
    /// It does not end.
    pub fn crash(&mut self) -> Result<()> {
        match &mut self.server {
            Server::Postgres(server) => server.crash(),
            Server::Mariadb(server) => server.crash(),
        }
    }

    /// Starts it again on the same port and data.
    ///
    /// # Errors
    /// It does not start.
    pub fn start_again(&mut self) -> Result<()> {
        match &mut self.server {
            Server::Postgres(server) => server.start_again(),
            Server::Mariadb(server) => server.start_again(),
        }
    }
}
