//! A private PostgreSQL.

use crate::process::{Launch, Process, free_port, run, succeeds};
use crate::scratch::{Scratch, random_hex, secret_file};
use crate::tools;
use anyhow::Result;
use nix::sys::signal::Signal;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

const USER: &str = "postgres";
/// How long a server may take to go.
const PATIENCE: Duration = Duration::from_secs(20);

/// Files laid out, server not yet started.
pub(crate) struct Prepared {
    dir: PathBuf,
    password: String,
    bin: PathBuf,
}

/// A running server; stopped when dropped.
pub(crate) struct Postgres {
    process: Process,
    prepared: Prepared,
    port: u16,
    max_connections: u32,
    url: String,
}

/// Makes an empty cluster below `scratch`.
pub(crate) fn prepare(scratch: &Scratch) -> Result<Prepared> {
    let server = tools::POSTGRES.path()?;
    let bin = server.parent().map(PathBuf::from).unwrap_or_default();
    let dir = scratch.database_dir("postgres", USER)?;
    let password = random_hex(12)?;
    let password_file = secret_file(dir.join("password"), &password)?;
    run(Command::new("chown").arg(USER).arg(&password_file))?;
    run(Command::new("setpriv")
        .args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--"])
        .arg(bin.join("initdb"))
        .args([
            "--username=muster",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ])
        .arg("--pwfile")
        .arg(&password_file)
        .arg(dir.join("data"))
        .current_dir(&dir))?;
    Ok(Prepared { dir, password, bin })
}

impl Prepared {
    /// Starts the server and waits until it answers.
    pub fn start(self, max_connections: u32) -> Result<Postgres> {
        let port = free_port()?;
        let url = format!("postgres://muster:{}@127.0.0.1:{port}/postgres", self.password);
        Ok(Postgres {
            process: self.launch(port, max_connections)?,
            prepared: self,
            port,
            max_connections,
            url,
        })
    }

    fn launch(&self, port: u16, max_connections: u32) -> Result<Process> {
        let data = self.dir.join("data");
        // SIGINT is PostgreSQL's "fast shutdown"; SIGTERM would wait for every client to leave.
        let mut process = Launch::as_user("PostgreSQL", &self.bin.join("postgres"), USER, Signal::SIGINT)
            .arg_pair("-D", &data)
            .args(["-p", &port.to_string(), "-k", "", "-h", "127.0.0.1"])
            // One run's data needs to survive nothing; many tests bring pools of their own.
            .args([
                "-c",
                "fsync=off",
                "-c",
                "full_page_writes=off",
                "-c",
                &format!("max_connections={max_connections}"),
            ])
            .spawn(&self.dir, &self.dir.join("log"))?;
        let is_ready = self.bin.join("pg_isready");
        process.wait_ready(Duration::from_secs(30), || {
            succeeds(Command::new(&is_ready).args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]))
        })?;
        Ok(process)
    }
}

impl Postgres {
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Ends it as a crash does: no session hears a goodbye.
    pub fn crash(&mut self) -> Result<()> {
        // "Immediate shutdown". SIGKILL would leave sessions behind that keep the next start from beginning.
        self.process.end_by(Signal::SIGQUIT, PATIENCE)
    }

    /// Starts it again, on the same port and data.
    pub fn start_again(&mut self) -> Result<()> {
        self.process = self.prepared.launch(self.port, self.max_connections)?;
        Ok(())
    }
}
