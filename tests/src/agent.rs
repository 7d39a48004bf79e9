//! A real `muster-agent` that joined for real.

use crate::api::text;
use crate::{Api, programs};
use anyhow::{Context, Result};
use muster_workbench::net::Cable;
use muster_workbench::process::{Launch, Process, run};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

/// A running agent; stopped when dropped.
pub struct Agent {
    process: Option<Process>,
    options: Options,
    dir: PathBuf,
}

/// How to start an [`Agent`].
#[derive(Clone, Debug)]
pub struct Options {
    /// The policy file's text: what the host never does.
    pub policy: String,
    /// Socket of the Docker engine; one that doesn't exist without.
    pub docker_host: Option<String>,
    /// How many times as fast as real time its clock runs.
    pub clock_factor: u32,
    /// Another build of `muster-agent` than the one that the tests use.
    pub program: Option<PathBuf>,
    /// More variables for its environment.
    pub env: Vec<(String, String)>,
    /// Record the orders that are handed to the worker, into [`Agent::tapped`].
    pub tap: bool,
    /// The host at the end of this cable instead of this machine.
    pub cable: Option<Arc<Cable>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            policy: String::new(),
            docker_host: None,
            clock_factor: 1,
            program: None,
            env: Vec::new(),
            tap: false,
            cable: None,
        }
    }
}

impl Agent {
    /// Makes a join token with `admin`, joins with it in `dir`, and starts the agent.
    pub fn join(dir: &Path, admin: &Api, token: &Value, options: Options) -> Result<Self> {
        let grant = admin.post("/api/v1/join-tokens", token)?;
        let mut agent = Self::prepare(dir, options)?;
        agent.enrol(&grant)?;
        agent.run()?;
        Ok(agent)
    }

    /// As [`Self::join`] with a token for one use.
    pub fn join_once(dir: &Path, admin: &Api, options: Options) -> Result<Self> {
        Self::join(dir, admin, &json!({"uses": 1, "expiresInS": 600}), options)
    }

    /// An agent in `dir` that is to be run; it has joined before.
    pub fn prepare(dir: &Path, options: Options) -> Result<Self> {
        fs::create_dir_all(dir)?;
        let agent = Self {
            process: None,
            options,
            dir: dir.to_owned(),
        };
        fs::write(agent.policy(), &agent.options.policy)?;
        fs::set_permissions(agent.policy(), fs::Permissions::from_mode(0o600))?;
        Ok(agent)
    }

    /// Whether it has joined already.
    pub fn has_joined(&self) -> bool {
        self.data().join("resident").exists()
    }

    /// Joins with the answer of `POST /api/v1/join-tokens`.
    pub fn enrol(&self, grant: &Value) -> Result<()> {
        let program = self.program()?;
        let mut join = match &self.options.cable {
            Some(cable) => cable.command(&program)?,
            None => Command::new(program),
        };
        join.envs(self.options.env.iter().cloned());
        join.arg("join").arg("--data").arg(self.data());
        join.args([
            "--server",
            text(grant, "server")?,
            "--ca-fingerprint",
            text(grant, "caFingerprint")?,
            "--token",
            text(grant, "token")?,
        ]);
        run(&mut join).context("muster-agent join failed")?;
        Ok(())
    }

    /// Starts it; it connects by itself.
    pub fn run(&mut self) -> Result<()> {
        let docker = self.docker_host();
        let (name, program) = ("muster-agent run", self.program()?);
        let launch = match &self.options.cable {
            Some(cable) => cable.launch(name, &program)?,
            None => Launch::new(name, &program),
        };
        let mut launch = launch
            .args(["run"])
            .args(["--data".as_ref(), self.data().as_os_str()])
            .args(["--policy".as_ref(), self.policy().as_os_str()])
            .args([
                "--docker-host",
                &docker,
                "--clock-factor",
                &self.options.clock_factor.to_string(),
            ])
            // Tests may run on a cloud's machine, and ask nobody outside of it.
            .env("MUSTER_AGENT_CLOUD", "off");
        for (name, value) in &self.options.env {
            launch = launch.env(name, value);
        }
        if self.options.tap {
            fs::create_dir_all(self.tapped())?;
            launch = launch
                .args(["--worker".as_ref(), programs::path("muster-tap")?.as_os_str()])
                .env("MUSTER_TAP_WORKER", programs::path("muster-worker")?)
                .env("MUSTER_TAP_DIR", self.tapped());
        }
        let process = launch.spawn(&self.dir, &self.log())?;
        self.process = Some(process);
        Ok(())
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

    /// Its data directory.
    pub fn data(&self) -> PathBuf {
        self.dir.join("agent")
    }

    /// Where recorded orders are, with [`Options::tap`].
    pub fn tapped(&self) -> PathBuf {
        self.dir.join("tapped")
    }

    /// Presents each recorded order to the worker again, in the ways of `muster-present`, and returns what the
    /// worker said.
    pub fn present_recorded(&self) -> Result<Vec<Value>> {
        let mut verdicts = Vec::new();
        for recorded in fs::read_dir(self.tapped())? {
            let mut present = Command::new(programs::path("muster-present")?);
            present
                .arg("--recorded")
                .arg(recorded?.path())
                .arg("--worker")
                .arg(programs::path("muster-worker")?);
            present
                .arg("--data")
                .arg(self.data())
                .arg("--policy")
                .arg(self.policy());
            present.args(["--docker-host", &self.docker_host()]);
            verdicts.push(serde_json::from_str(&run(&mut present)?)?);
        }
        Ok(verdicts)
    }

    fn program(&self) -> Result<PathBuf> {
        let given = self.options.program.clone();
        given.map_or_else(|| programs::path("muster-agent"), Ok)
    }

    fn docker_host(&self) -> String {
        self.options
            .docker_host
            .clone()
            .unwrap_or_else(|| format!("unix://{}", self.dir.join("no-docker").display()))
    }

    /// Its policy file.
    pub fn policy(&self) -> PathBuf {
        self.dir.join("policy.toml")
    }

    /// Its output.
    pub fn log(&self) -> PathBuf {
        self.dir.join("agent.log")
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
