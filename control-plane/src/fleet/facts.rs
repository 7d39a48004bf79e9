//! What a host is, as its agent says.

use muster_base::UnixMs;
use muster_protocol::latest::HostFacts;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// No honest fact is longer.
const MAX_CHARS: usize = 256;

/// Facts of a host.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    /// The host's own name.
    pub hostname: String,
    /// Operating system.
    pub os: String,
    /// Kernel release.
    pub kernel: String,
    /// Machine architecture.
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
    /// Version of the container engine; null if none answers.
    pub docker_version: Option<String>,
    /// Version of the agent.
    pub agent_version: String,
    /// The address that the host reaches the control plane from.
    pub inner_ip: Option<String>,
}

impl From<&HostFacts> for Facts {
    fn from(facts: &HostFacts) -> Self {
        Self {
            hostname: short(&facts.hostname),
            os: short(&facts.os),
            kernel: short(&facts.kernel),
            arch: short(&facts.arch),
            cpus: facts.cpus,
            cpu_model: short(&facts.cpu_model),
            memory_bytes: facts.memory_bytes,
            swap_bytes: facts.swap_bytes,
            boot_at: facts.boot_at,
            docker_version: facts.docker_version.as_deref().map(short),
            agent_version: short(&facts.agent_version),
            inner_ip: facts.inner_ip.as_deref().map(short),
        }
    }
}

/// As much of a text as an honest fact has, without what would move a terminal.
pub(crate) fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_CHARS).collect()
}
