//! A private image registry that lets nobody in without the password.

use crate::process::{Launch, Process, free_port, run};
use crate::scratch::{Scratch, random_hex, secret_file};
use crate::tools;
use anyhow::Result;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// Who may push and pull.
pub(crate) const USER: &str = "muster";

/// A running registry; stopped when dropped.
pub(crate) struct Registry {
    _process: Process,
    address: String,
    password_file: PathBuf,
}

impl Registry {
    /// Starts it and waits until it answers.
    pub fn start(scratch: &Scratch) -> Result<Self> {
        let dir = scratch.dir("registry")?;
        let password = random_hex(12)?;
        let password_file = secret_file(dir.join("password"), &password)?;
        let htpasswd = run(Command::new(tools::HTPASSWD.path()?).args(["-n", "-B", "-b", USER, &password]))?;
        let htpasswd_file = secret_file(dir.join("htpasswd"), &htpasswd)?;
        let address = format!("127.0.0.1:{}", free_port()?);
        let config = format!(
            "version: 0.1\nlog: {{level: warn}}\nstorage:\n  filesystem: {{rootdirectory: {data}}}\n  delete: {{enabled: true}}\n\
             http: {{addr: '{address}'}}\nauth:\n  htpasswd: {{realm: muster, path: {htpasswd}}}\n",
            data = dir.join("data").display(),
            htpasswd = htpasswd_file.display(),
        );
        let config_file = dir.join("config.yml");
        std::fs::write(&config_file, config)?;
        let mut process = Launch::new("docker-registry", &tools::REGISTRY.path()?)
            .args(["serve"])
            .args([&config_file])
            .env("OTEL_TRACES_EXPORTER", "none")
            .spawn(&dir, &dir.join("log"))?;
        process.wait_ready(Duration::from_secs(30), || refuses_strangers(&address))?;
        Ok(Self {
            _process: process,
            address,
            password_file,
        })
    }

    /// `host:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The file with [`USER`]'s password.
    pub fn password_file(&self) -> String {
        self.password_file.display().to_string()
    }
}

/// Ready means: it answers, and asks for a password.
fn refuses_strangers(address: &str) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        write!(stream, "GET /v2/ HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.contains(" 401 "))
}
