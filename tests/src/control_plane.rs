//! A real `muster serve` on a directory and ports of its own.

use crate::{Api, programs};
use anyhow::{Context, Result, bail};
use muster_workbench::net::Cable;
use muster_workbench::process::{Launch, Process, free_port, run};
use muster_workbench::random_hex;
use std::fs;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

/// The super administrator's account in stories and demos.
pub const ADMIN: &str = "admin";

/// A running control plane; stopped when dropped.
pub struct ControlPlane {
    process: Option<Process>,
    options: Options,
    dir: PathBuf,
    http_port: u16,
    link_port: u16,
}

/// How to start a [`ControlPlane`].
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// A PostgreSQL database; SQLite without.
    pub database: Option<String>,
    /// Password of [`ADMIN`].
    pub admin_password: String,
    /// More settings, as environment variables.
    pub settings: Vec<(String, String)>,
    /// A fixed port for the HTTP side.
    pub http_port: Option<u16>,
    /// A fixed port for agents.
    pub link_port: Option<u16>,
    /// At the far end of this cable instead of on this machine: what passes over it is counted there.
    pub cable: Option<Arc<Cable>>,
}

impl Options {
    /// SQLite, free ports, and a password that nobody knows.
    pub fn new() -> Result<Self> {
        let admin_password = random_hex(12)?;
        Ok(Self {
            admin_password,
            ..Self::default()
        })
    }
}

impl ControlPlane {
    /// Sets one up in `dir` (unless that was done before), starts it and waits until it can serve.
    pub fn start(dir: &Path, options: Options) -> Result<Self> {
        let http_port = options.http_port.map_or_else(free_port, Ok)?;
        let link_port = options.link_port.map_or_else(free_udp_port, Ok)?;
        let mut plane = Self {
            process: None,
            options,
            dir: dir.to_owned(),
            http_port,
            link_port,
        };
        if !plane.data().join("muster.toml").exists() {
            plane.set_up()?;
        }
        plane.serve()?;
        Ok(plane)
    }

    fn set_up(&self) -> Result<()> {
        fs::create_dir_all(self.data())?;
        fs::set_permissions(&self.dir, fs::Permissions::from_mode(0o700))?;
        let password_file = self.password_file();
        fs::write(&password_file, &self.options.admin_password)?;
        fs::set_permissions(&password_file, fs::Permissions::from_mode(0o600))?;
        let mut setup = Command::new(programs::path("muster")?);
        setup
            .arg("setup")
            .arg("--data")
            .arg(self.data())
            .args(["--account", ADMIN])
            .arg("--password-file")
            .arg(&password_file);
        if let Some(url) = &self.options.database {
            setup.env("MUSTER_SETUP_DATABASE", url);
        }
        run(&mut setup).context("muster setup failed")?;
        Ok(())
    }

    /// Starts it again on the same directory and ports after [`Self::stop`] or [`Self::kill`].
    pub fn serve(&mut self) -> Result<()> {
        let (name, program) = ("muster serve", programs::path("muster")?);
        let launch = match &self.options.cable {
            Some(cable) => cable.launch(name, &program)?,
            None => Launch::new(name, &program),
        };
        let place = self.place();
        let mut launch = launch
            .args(["serve"])
            .args(["--data".as_ref(), self.data().as_os_str()])
            .env("MUSTER_HTTP__LISTEN", format!("{place}:{}", self.http_port))
            .env("MUSTER_LINK__LISTEN", format!("{place}:{}", self.link_port))
            .env("MUSTER_LINK__ADVERTISE", format!("{place}:{}", self.link_port));
        for (name, value) in &self.options.settings {
            launch = launch.env(name, value);
        }
        let mut process = launch.spawn(&self.dir, &self.log())?;
        let api = self.api();
        process.wait_ready(Duration::from_secs(30), || {
            api.call("GET", "/readyz", None)
                .is_ok_and(|answer| answer.status == 200)
        })?;
        self.process = Some(process);
        Ok(())
    }

    /// Changes a setting from its next start on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.options.settings.push((name.to_owned(), value.to_owned()));
    }

    /// Asks it to stop; true if it did so by itself.
    pub fn stop(&mut self) -> bool {
        self.process
            .take()
            .is_none_or(|mut process| process.stop(Duration::from_secs(20)))
    }

    /// Kills it on the spot.
    pub fn kill(&mut self) -> Result<()> {
        self.process.take().map_or(Ok(()), |mut process| process.kill())
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(Process::is_running)
    }

    /// Nobody's client of it.
    pub fn api(&self) -> Api {
        Api::new(&self.address())
    }

    /// The super administrator's client of it.
    pub fn admin(&self) -> Result<Api> {
        self.api().login(ADMIN, &self.options.admin_password)
    }

    /// Where its console and API are.
    pub fn address(&self) -> String {
        format!("http://{}:{}", self.place(), self.http_port)
    }

    fn place(&self) -> Ipv4Addr {
        let cable = self.options.cable.as_ref();
        cable.map_or(Ipv4Addr::LOCALHOST, |cable| cable.far())
    }

    /// Its data directory.
    pub fn data(&self) -> PathBuf {
        self.dir.join("control-plane")
    }

    /// The file with the password of [`ADMIN`].
    pub fn password_file(&self) -> PathBuf {
        self.dir.join("admin-password")
    }

    /// Its output.
    pub fn log(&self) -> PathBuf {
        self.dir.join("control-plane.log")
    }

    /// The end of its output, for whoever has to find out why something failed.
    pub fn last_words(&self) -> String {
        muster_workbench::process::last_lines(&self.log(), 30)
    }

    /// Its process id while it runs.
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }
}

/// A UDP port of the loopback address that nobody has, and that the kernel gives nobody by itself: a control plane
/// that was killed finds it free when it comes back.
pub fn free_udp_port() -> Result<u16> {
    // Above Linux's range of ephemeral ports, 32768 to 60999.
    const FIRST: u16 = 61_000;
    const COUNT: u16 = 4_500;
    for _ in 0..100 {
        let random = u16::from_str_radix(&random_hex(2)?, 16)?;
        let port = FIRST + random % COUNT;
        if UdpSocket::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free UDP port on 127.0.0.1")
}
