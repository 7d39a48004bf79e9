//! Containers that are there: starting and stopping them, and reading what they write.

use muster_base::{HostId, OrgId, UnixMs};
use serde::{Deserialize, Serialize};

/// Start, stop or restart a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerOrder {
    /// The container's name on its host.
    pub name: String,
    /// What is to be done with it.
    pub action: ContainerAction,
}

/// What is done with a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContainerAction {
    /// Start it, if it does not run.
    Start,
    /// Stop it, if it runs.
    Stop {
        /// So long it may take to stop by itself before it is killed; `None`: what the container itself says.
        grace_ms: Option<u64>,
    },
    /// Stop it, if it runs, and start it.
    Restart {
        /// As for a stop.
        grace_ms: Option<u64>,
    },
}

/// A wish to read a container's log, under the control plane's signature: the worker believes nobody else, not even
/// the resident that passes it on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedLook {
    /// Encoded [`LogLook`].
    pub body: Vec<u8>,
    /// First 8 bytes of the SHA-256 of the signing key.
    pub key_id: [u8; 8],
    /// Ed25519 signature over `body` (`muster_identity::look`).
    pub signature: Vec<u8>,
}

/// What is to be read of a container's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLook {
    /// The org that asks.
    pub org: OrgId,
    /// The host that is asked.
    pub host: HostId,
    /// Not begun after this time.
    pub expires: UnixMs,
    /// The container's name on its host.
    pub container: String,
    /// The last so many lines of what was written before now, of those that fit.
    pub tail: u32,
    /// Only lines written later than this, in nanoseconds since the epoch.
    pub after_ns: Option<i64>,
    /// Go on with what it writes from now on.
    pub follow: bool,
    /// Only lines with this text in them, whatever its case.
    pub search: Option<String>,
}

/// A line that a container wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When the engine got it, in nanoseconds since the epoch.
    pub at_ns: i64,
    /// Where it was written to.
    pub stream: LogStream,
    /// The line without its end, without control characters and without the values of secrets.
    pub text: String,
    /// Whether it was longer.
    pub cut: bool,
}

/// Where a container wrote a line to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LogStream {
    /// Standard output, or the terminal of a container that has one.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Why no more lines come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LogEnd {
    /// That was all, and nobody asked for what comes.
    Complete,
    /// The container was removed.
    Gone,
}
