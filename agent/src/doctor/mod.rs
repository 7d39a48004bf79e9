//! `muster-agent doctor`: what is wrong with this host's agent, why it matters and what to do. It changes nothing and
//! does not disturb an agent that runs: it shakes hands with the control plane and hangs up.
//!
//! | check | looks at |
//! |---|---|
//! | `identity.*` | both halves of the identity: there, readable, private, and the certificate's time |
//! | `policy.file` | the policy file: there, valid, not writable by others |
//! | `server.reachable` | a handshake over QUIC with the host's own certificate |
//! | `clock.synchronised` | whether a time service keeps the clock right |
//! | `docker.socket` | whether the container engine's socket takes connections |
//! | `spool.*` | the spool file: sound, and room on its disk |
//! | `agent.running` | whether the agent runs and is connected, and why not |
//!
//! Exit status: 0 nothing is wrong, 1 warnings only, 2 problems.

mod files;
mod host;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use clap::Args;
use muster_base::{Clock, doctor::Report};

use crate::config::DataDir;

/// What the doctor is told.
#[derive(Debug, Clone, Args)]
pub struct Patient {
    #[command(flatten)]
    pub data: DataDir,

    /// File that says what this host never does
    #[arg(long, env = "MUSTER_AGENT_POLICY", default_value = crate::config::DEFAULT_POLICY)]
    pub policy: PathBuf,

    /// The container engine's socket, as unix:///path
    #[arg(
        long,
        env = "MUSTER_AGENT_DOCKER_HOST",
        default_value = "unix:///var/run/docker.sock"
    )]
    pub docker_host: String,

    /// Where the machine's own files are
    #[arg(long, hide = true, default_value = "/")]
    pub root: PathBuf,
}

/// Looks at everything.
pub async fn examine(patient: &Patient, clock: &Clock) -> Report {
    let mut findings = Vec::new();
    let identity = files::identity(&patient.data, clock, &mut findings);
    findings.push(files::policy(&patient.policy));
    if let Some(identity) = &identity {
        findings.push(host::server(identity, clock).await);
    }
    findings.push(host::synchronised(&patient.root));
    findings.push(host::docker(&patient.docker_host).await);
    findings.extend(host::spool(&patient.data));
    if identity.is_some() {
        findings.push(host::running(&patient.data));
    }
    Report::new(findings)
}

/// The chain of causes in one line.
fn said(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let why = error.to_string();
        if !text.contains(&why) {
            text = format!("{text}: {why}");
        }
        cause = error.source();
    }
    text
}
