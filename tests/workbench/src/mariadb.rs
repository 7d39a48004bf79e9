//! A private MariaDB, which stands for the MySQL side.

use crate::process::{Launch, Process, free_port, run};
use crate::scratch::{Scratch, random_hex, secret_file};
use crate::tools;
use anyhow::Result;
use nix::sys::signal::Signal;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

const USER: &str = "mysql";

/// Files laid out, server not yet started.
pub(crate) struct Prepared {
    dir: PathBuf,
    password: String,
    init_file: PathBuf,
}

/// A running server; stopped when dropped.
pub(crate) struct Mariadb {
    process: Process,
    prepared: Prepared,
    port: u16,
    max_connections: u32,
    url: String,
}

/// Makes an empty data directory below `scratch`.
pub(crate) fn prepare(scratch: &Scratch) -> Result<Prepared> {
    let dir = scratch.database_dir("mariadb", USER)?;
    // A server that starts sweeps its temporary directory, and with it other servers' files.
    let tmp = scratch.database_dir("mariadb/tmp", USER)?;
    run(Command::new(tools::MARIADB_INSTALL.path()?)
        .args([
            "--no-defaults",
            "--user=mysql",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        ])
        .arg(format!("--tmpdir={}", tmp.display()))
        .arg(format!("--datadir={}", dir.join("data").display())))?;
    let password = random_hex(12)?;
    // The server runs this once before it opens its port.
    let sql = format!(
        "alter user root@localhost identified by '{password}';\ncreate or replace user root@'127.0.0.1' identified by '{password}';\ngrant all on *.* to root@'127.0.0.1' with grant option;\n"
    );
    let init_file = secret_file(dir.join("init.sql"), &sql)?;
    run(Command::new("chown").arg(USER).arg(&init_file))?;
    Ok(Prepared {
        dir,
        password,
        init_file,
    })
}

impl Prepared {
    /// Starts the server and waits until it answers.
    pub fn start(self, max_connections: u32) -> Result<Mariadb> {
        let port = free_port()?;
        let url = format!("mysql://root:{}@127.0.0.1:{port}/mysql", self.password);
        Ok(Mariadb {
            process: self.launch(port, max_connections)?,
            prepared: self,
            port,
            max_connections,
            url,
        })
    }

    fn launch(&self, port: u16, max_connections: u32) -> Result<Process> {
        let mut process = Launch::as_user("MariaDB", &tools::MARIADB.path()?, USER, Signal::SIGTERM)
            .args([
                "--no-defaults",
                "--skip-networking=0",
                "--bind-address=127.0.0.1",
                "--skip-name-resolve",
            ])
            // 2 hands each commit to the operating system: one run's data has to survive this process, no more.
            .args([
                "--innodb-flush-log-at-trx-commit=2",
                "--innodb-buffer-pool-size=64M",
                &format!("--max-connections={max_connections}"),
            ])
            .arg_pair("--datadir", &self.dir.join("data"))
            .arg_pair("--tmpdir", &self.dir.join("tmp"))
            .arg_pair("--socket", &self.dir.join("sock"))
            .arg_pair("--pid-file", &self.dir.join("pid"))
            .arg_pair("--init-file", &self.init_file)
            .args([format!("--port={port}")])
            .spawn(&self.dir, &self.dir.join("log"))?;
        process.wait_ready(Duration::from_mins(1), || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        })?;
        Ok(process)
    }
}

impl Mariadb {
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Ends it as a crash does: no session hears a goodbye.
    pub fn crash(&mut self) -> Result<()> {
        self.process.kill()
    }

    /// Starts it again, on the same port and data.
    pub fn start_again(&mut self) -> Result<()> {
        self.process = self.prepared.launch(self.port, self.max_connections)?;
        Ok(())
    }
}
