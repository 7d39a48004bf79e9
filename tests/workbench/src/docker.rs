//! A private Docker engine: own socket, data, bridge; no iptables rule, so that it disturbs no other
//! engine of this machine. Published ports work through Docker's own proxy process.

use crate::process::{Launch, Process, run, succeeds};
use crate::scratch::Scratch;
use crate::tools::{self, Tool};
use anyhow::{Context, Result, bail};
use nix::fcntl::{Flock, FlockArg};
use std::fs::File;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

pub(crate) const TOOLS: [Tool; 3] = [tools::DOCKERD, tools::DOCKER, tools::IP];

/// Holds the bridge's name, for the sweeping of a killed run.
pub(crate) const BRIDGE_FILE: &str = "docker-bridge";

/// An engine to test with; if it is ours, dropped with all its containers.
pub(crate) struct Engine {
    host: String,
    ours: Option<Ours>,
}

struct Ours {
    process: Process,
    recipe: Recipe,
}

/// How a private engine is started, so that it can be started again.
struct Recipe {
    dir: PathBuf,
    bridge: String,
    host: String,
    more: Vec<String>,
}

impl Recipe {
    fn start(&self) -> Result<Process> {
        let mut process = Launch::new("dockerd", &tools::DOCKERD.path()?)
            .args([
                "--host",
                &self.host,
                "--bridge",
                &self.bridge,
                "--iptables=false",
                "--ip-masq=false",
                "--ip-forward=false",
            ])
            .args(&self.more)
            .arg_pair("--data-root", &self.dir.join("data"))
            .arg_pair("--exec-root", &self.dir.join("exec"))
            .arg_pair("--pidfile", &self.dir.join("pid"))
            // A configuration file of the machine's own engine must not leak in.
            .arg_pair("--config-file", &empty_config(&self.dir)?)
            .spawn(&self.dir, &self.dir.join("log"))?;
        process.wait_ready(Duration::from_mins(1), || answers(&self.host))?;
        Ok(process)
    }
}

impl Engine {
    /// Starts a private engine, or, where that can't be done, takes the one that is running.
    pub fn start(scratch: &Scratch) -> Result<Self> {
        match Self::start_private(scratch) {
            Ok(engine) => Ok(engine),
            Err(reason) => {
                Self::running().with_context(|| format!("a private engine could not be started: {reason:#}"))
            }
        }
    }

    fn start_private(scratch: &Scratch) -> Result<Self> {
        Self::start_own(scratch, Vec::new(), None)
    }

    /// Starts a private engine with more arguments, its data on a file system of `data_mib` MiB if that is given.
    pub fn start_own(scratch: &Scratch, more: Vec<String>, data_mib: Option<u32>) -> Result<Self> {
        if !nix::unistd::geteuid().is_root() {
            bail!("starting dockerd needs root");
        }
        let dir = scratch.dir("docker")?;
        if let Some(mib) = data_mib {
            let data = scratch.dir("docker/data")?;
            run(Command::new("mount")
                .args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs"])
                .arg(&data))?;
        }
        let bridge = {
            let _alone = one_at_a_time()?;
            add_bridge()?
        };
        std::fs::write(scratch.path().join(BRIDGE_FILE), &bridge)?;
        let host = format!("unix://{}", dir.join("docker.sock").display());
        let recipe = Recipe {
            dir,
            bridge,
            host: host.clone(),
            more,
        };
        let process = recipe.start().inspect_err(|_| remove_bridge(&recipe.bridge))?;
        Ok(Self {
            host,
            ours: Some(Ours { process, recipe }),
        })
    }

    /// Stops a private engine as an upgrade does, and starts it again.
    pub fn restart(&mut self) -> Result<()> {
        let ours = self.ours.as_mut().context("the engine is not ours to restart")?;
        ours.process.stop(Duration::from_secs(30));
        ours.process = ours.recipe.start()?;
        Ok(())
    }

    fn running() -> Result<Self> {
        let hosts = [
            std::env::var("DOCKER_HOST").unwrap_or_default(),
            "unix:///var/run/docker.sock".to_owned(),
        ];
        let host = hosts.into_iter().find(|host| !host.is_empty() && answers(host));
        let host = host.context("no engine answers at DOCKER_HOST or /var/run/docker.sock; run the tests as root, or start Docker")?;
        Ok(Self { host, ours: None })
    }

    /// Where it listens, as `DOCKER_HOST` has it.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// A docker command for this engine; `config` holds the log-ins.
    pub fn command(&self, config: &Path) -> Command {
        let mut command = docker(&self.host);
        command.env("DOCKER_CONFIG", config);
        command
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let Some(ours) = &mut self.ours else { return };
        // Removing them is quicker than the engine's own patience with each container's stop.
        if let Ok(ids) = run(docker(&self.host).args(["ps", "-aq"])) {
            let ids: Vec<&str> = ids.split_whitespace().collect();
            if !ids.is_empty() {
                succeeds(docker(&self.host).args(["rm", "-f", "-v"]).args(ids));
            }
        }
        ours.process.stop(Duration::from_secs(30));
        remove_bridge(&ours.recipe.bridge);
    }
}

/// Held while a bridge is added: two processes that look for a free network at once would find the same one.
fn one_at_a_time() -> Result<Flock<File>> {
    let path = std::env::temp_dir().join("muster-bridges.lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)?;
    Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, errno)| errno.into())
}

pub(crate) fn remove_bridge(name: &str) {
    if let Some(ip) = tools::IP.find() {
        succeeds(Command::new(ip).args(["link", "delete", name]));
    }
}

/// A bridge of our own on a private network that no interface uses yet.
fn add_bridge() -> Result<String> {
    let ip = tools::IP.path()?;
    let name = format!("mb{}", std::process::id());
    let taken = run(Command::new(&ip).args(["-4", "-o", "address"]))?;
    let subnet = (100..250)
        .map(|third| Ipv4Addr::new(172, 31, third, 1))
        .find(|address| !taken.contains(&format!(" {address}/")));
    let address = subnet.context("every network of 172.31.100.0 to 172.31.249.0 is taken")?;
    // Without a fixed address a bridge takes the lowest of its ports', which changes as containers come and go:
    // those that run then answer to an address that nobody has any more, until their neighbour entry is renewed.
    let [a, b, c, d] = address.octets();
    let mac = format!("02:42:{a:02x}:{b:02x}:{c:02x}:{d:02x}");
    run(Command::new(&ip).args(["link", "add", "name", &name, "address", &mac, "type", "bridge"]))
        .context("a network bridge is needed")?;
    run(Command::new(&ip).args(["address", "add", &format!("{address}/24"), "dev", &name]))
        .inspect_err(|_| remove_bridge(&name))?;
    run(Command::new(&ip).args(["link", "set", &name, "up"])).inspect_err(|_| remove_bridge(&name))?;
    Ok(name)
}

fn empty_config(dir: &Path) -> Result<PathBuf> {
    let path = dir.join("daemon.json");
    std::fs::write(&path, "{}")?;
    Ok(path)
}

fn answers(host: &str) -> bool {
    succeeds(docker(host).arg("version"))
}

/// A docker command for the engine at `host`.
pub(crate) fn docker(host: &str) -> Command {
    let mut command = Command::new(tools::DOCKER.find().unwrap_or_else(|| "docker".into()));
    command
        .env("DOCKER_HOST", host)
        .env_remove("DOCKER_CONTEXT")
        .env("DOCKER_BUILDKIT", "0");
    command
}
