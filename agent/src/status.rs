//! The resident's state in a file, for `muster-agent status`: the agent listens on no port that one could ask.

use std::{
    fs,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use anyhow::Context as _;
use muster_base::{Clock, HostId, OrgId, SessionId, UnixMs};
use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::{
    config::DataDir,
    identity::{Identity, write_private},
    resident::Resident,
    supervise,
};

/// Where the link stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "camelCase")]
pub enum LinkState {
    /// Not connected, and trying.
    Connecting,
    /// A session is open.
    Connected {
        /// Which.
        session: SessionId,
    },
    /// The host was removed from the fleet.
    Removed,
    /// The agent was stopped.
    Stopped,
}

/// What `muster-agent status --json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Where the link stands.
    #[serde(flatten)]
    pub link: LinkState,
    /// Since when.
    pub since: UnixMs,
    /// Whether the resident's process is there.
    #[serde(default)]
    pub running: bool,
    /// The resident's process id.
    pub pid: u32,
    /// The host.
    pub host: HostId,
    /// Its org.
    pub org: OrgId,
    /// The control plane.
    pub server: String,
    /// When the host's certificate ends.
    pub certificate_expires_at: Option<UnixMs>,
    /// Version of the resident that runs.
    pub agent_version: String,
    /// Why the link was last lost.
    pub last_error: Option<String>,
}

/// Keeps the file up to date.
pub(crate) struct StatusFile {
    path: PathBuf,
    clock: Clock,
    status: Mutex<Status>,
}

impl StatusFile {
    pub(crate) fn new(resident: &Resident, identity: &Identity) -> Self {
        Self {
            path: path(&resident.config.data),
            clock: resident.wall.clone(),
            status: Mutex::new(Status {
                link: LinkState::Connecting,
                since: resident.wall.now(),
                running: true,
                pid: std::process::id(),
                host: identity.host,
                org: identity.org,
                server: identity.server.clone(),
                certificate_expires_at: identity.certificate().ok().map(|it| it.not_after),
                agent_version: env!("CARGO_PKG_VERSION").to_owned(),
                last_error: None,
            }),
        }
    }

    pub(crate) fn set(&self, link: LinkState) {
        self.update(|status, now| {
            if status.link != link {
                status.link = link;
                status.since = now;
            }
            if matches!(link, LinkState::Connected { .. }) {
                status.last_error = None;
            }
        });
    }

    pub(crate) fn failed(&self, error: String) {
        self.update(|status, _| status.last_error = Some(error));
    }

    pub(crate) fn certificate(&self, identity: &Identity) {
        self.update(|status, _| {
            status.certificate_expires_at = identity.certificate().ok().map(|it| it.not_after);
        });
    }

    fn update(&self, change: impl FnOnce(&mut Status, UnixMs)) {
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        let before = status.clone();
        change(&mut status, self.clock.now());
        if *status == before && self.path.exists() {
            return;
        }
        let written = serde_json::to_vec_pretty(&*status)
            .map_err(std::io::Error::other)
            .and_then(|json| write_private(&self.path, &json));
        supervise::say(&status);
        if let Err(error) = written {
            warn!(%error, "the status file can't be written");
        }
    }
}

/// Reads the status of the agent in `data`.
pub fn read(data: &DataDir) -> anyhow::Result<Status> {
    let identity = Identity::load(data)?;
    let path = path(data);
    if !path.exists() {
        anyhow::bail!(
            "this host has joined as {} but its agent has never run",
            identity.host
        );
    }
    let text = fs::read(&path).with_context(|| format!("{} can't be read", path.display()))?;
    let mut status: Status =
        serde_json::from_slice(&text).with_context(|| format!("{} can't be read", path.display()))?;
    status.running = is_agent(status.pid);
    Ok(status)
}

fn path(data: &DataDir) -> PathBuf {
    data.resident().join("status.json")
}

/// Process ids are used again: the process must also be called as we are.
fn is_agent(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/comm"))
        .is_ok_and(|name| name.trim_end().starts_with("muster-agent"))
}
