//! What an agent knows about its host and its containers apart from readings.

use muster_base::UnixMs;
use serde::{Deserialize, Serialize};

/// Facts of a host: sent with `Hello` and again when one changes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HostFacts {
    /// The host's own name.
    pub hostname: String,
    /// Operating system, for instance `Debian GNU/Linux 12`.
    pub os: String,
    /// Kernel release.
    pub kernel: String,
    /// Machine architecture, for instance `x86_64`.
    pub arch: String,
    /// Logical CPUs.
    pub cpus: u32,
    /// CPU model name.
    pub cpu_model: String,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Swap in bytes.
    pub swap_bytes: u64,
    /// When the host booted.
    pub boot_at: UnixMs,
    /// Version of the container engine, if one answers.
    pub docker_version: Option<String>,
    /// Version of the agent.
    pub agent_version: String,
    /// The address that the host reaches the control plane from.
    pub inner_ip: Option<String>,
}

/// What the engine says of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerFacts {
    /// The engine's id, 64 hexadecimal digits.
    pub id: String,
    /// Name without the leading slash.
    pub name: String,
    /// The image as it was asked for.
    pub image: String,
    /// The image's content id, `sha256:…`.
    pub image_id: String,
    /// Lifecycle state.
    pub state: ContainerState,
    /// Health check's verdict.
    pub health: ContainerHealth,
    /// How often the engine restarted it.
    pub restarts: u32,
    /// When it was created.
    pub created_at: UnixMs,
    /// When it last started.
    pub started_at: Option<UnixMs>,
    /// Labels that Muster put on it (`muster.*`), sorted by key.
    pub labels: Vec<(String, String)>,
    /// Memory limit in bytes; `None` if it has none.
    pub memory_limit_bytes: Option<u64>,
}

/// The engine's lifecycle states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the engine's own words")]
pub enum ContainerState {
    Created,
    Running,
    Paused,
    Restarting,
    Removing,
    Exited,
    Dead,
}

/// A health check's verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ContainerHealth {
    /// The container has no health check.
    None,
    /// Not decided yet.
    Starting,
    /// The last check passed.
    Healthy,
    /// As many checks in a row failed as the container allows.
    Unhealthy,
}
