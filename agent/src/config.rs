//! What the agent is told at its start: arguments, or the environment variable named beside each.
//!
//! There is no configuration file. What is sampled and how often is the control plane's to say; what this host
//! never does is the policy file's.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;

use crate::cloud::CloudChoice;

/// Where the packages put the agent's data.
pub const DEFAULT_DATA: &str = "/var/lib/muster-agent";
/// Where the packages put the policy file.
pub const DEFAULT_POLICY: &str = "/etc/muster/agent-policy.toml";

/// The data directory and its two halves.
#[derive(Debug, Clone, Args)]
pub struct DataDir {
    /// Directory of the agent's keys and data
    #[arg(long = "data", env = "MUSTER_AGENT_DATA", default_value = DEFAULT_DATA)]
    pub root: PathBuf,
}

impl DataDir {
    /// A data directory at `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The resident's half: identity, roots, spool, status. Belongs to the user `muster-agent`.
    pub fn resident(&self) -> PathBuf {
        self.root.join("resident")
    }

    /// What the front is told: root writes, the front reads.
    pub fn fronts(&self) -> PathBuf {
        self.root.join("fronts")
    }

    /// The worker's half: seal key, pinned signing keys, journal of orders. Belongs to root.
    pub fn worker(&self) -> PathBuf {
        self.root.join("worker")
    }
}

/// Everything `muster-agent run` is told.
#[derive(Debug, Clone, Args)]
pub struct RunConfig {
    #[command(flatten)]
    pub data: DataDir,

    /// File that says what this host never does
    #[arg(long, env = "MUSTER_AGENT_POLICY", default_value = DEFAULT_POLICY)]
    pub policy: PathBuf,

    /// The container engine's socket, as unix:///path
    #[arg(
        long,
        env = "MUSTER_AGENT_DOCKER_HOST",
        default_value = "unix:///var/run/docker.sock"
    )]
    pub docker_host: String,

    /// The worker's binary; by default `muster-worker` beside this one
    #[arg(long, env = "MUSTER_AGENT_WORKER")]
    pub worker: Option<PathBuf>,

    /// Runs the agent's clock this many times as fast as real time, to show hours in seconds; for demos
    #[arg(long, env = "MUSTER_AGENT_CLOCK_FACTOR", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub clock_factor: u32,

    /// Whose metadata service is asked what this machine is: by default the cloud's that the firmware names
    #[arg(long, env = "MUSTER_AGENT_CLOUD", value_enum, default_value_t)]
    pub cloud: CloudChoice,

    /// Address of a metadata service that is asked instead of the cloud's own; for tests
    #[arg(long, env = "MUSTER_AGENT_CLOUD_ADDRESS", hide = true)]
    pub cloud_address: Option<SocketAddr>,
}

impl RunConfig {
    /// Everything as it is without arguments, in `root`; but no cloud is asked.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            data: DataDir::new(root),
            policy: DEFAULT_POLICY.into(),
            docker_host: "unix:///var/run/docker.sock".to_owned(),
            worker: None,
            clock_factor: 1,
            cloud: CloudChoice::Off,
            cloud_address: None,
        }
    }

    /// The worker's binary.
    pub fn worker_binary(&self) -> PathBuf {
        self.worker.clone().unwrap_or_else(|| {
            std::env::current_exe().map_or_else(
                |_| "muster-worker".into(),
                |this| this.with_file_name("muster-worker"),
            )
        })
    }
}
