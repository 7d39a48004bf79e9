//! What is around the agent: control plane, clock, container engine, spool.

use std::{path::Path, time::Duration};

use muster_base::{Clock, doctor::Finding};
use nix::sys::statvfs::statvfs;
use tokio::{net::UnixStream, time::timeout};

use super::said;
use crate::{
    config::DataDir,
    identity::Identity,
    link,
    spool::{Health, Spool},
    status::{self, LinkState},
};

const PATIENCE: Duration = Duration::from_secs(15);
const MIB: u64 = 1 << 20;
/// Two days of samples and ninety of rollups fit into this.
const LITTLE_ROOM: u64 = 200 * MIB;
/// Files that a running time service leaves: systemd-timesyncd once it is synchronised, chrony, ntpd, openntpd.
const SIGNS: &[&str] = &[
    "run/systemd/timesync/synchronized",
    "run/chrony/chronyd.pid",
    "run/ntpd.pid",
    "run/openntpd.pid",
];

pub(super) async fn server(identity: &Identity, clock: &Clock) -> Finding {
    const CHECK: &str = "server.reachable";
    let why = "readings wait on this host and orders wait for it until it is connected";
    match timeout(PATIENCE, link::probe(identity, clock)).await {
        Ok(Ok(())) => Finding::ok(CHECK, format!("{} shakes hands", identity.server)),
        Ok(Err(error)) => Finding::problem(
            CHECK,
            said(&error),
            why,
            "nobody answers: look at the firewall (UDP) and whether the control plane runs; a certificate is refused: look \
             at both clocks, and whether the host was removed",
        ),
        Err(_) => Finding::problem(
            CHECK,
            format!("{} does not answer", identity.server),
            why,
            "look at the network",
        ),
    }
}

/// Whether anything keeps the clock right.
pub(super) fn synchronised(root: &Path) -> Finding {
    match SIGNS.iter().find(|sign| root.join(sign).exists()) {
        Some(sign) => Finding::ok("clock.synchronised", format!("a time service runs (/{sign})")),
        None => Finding::warning(
            "clock.synchronised",
            "no sign of a time service that has synchronised this host's clock",
            "certificates, orders' validity and readings all go by the clock",
            "install chrony or enable systemd-timesyncd; in a container look at the machine below it",
        ),
    }
}

pub(super) async fn docker(host: &str) -> Finding {
    const CHECK: &str = "docker.socket";
    let path = host.strip_prefix("unix://").unwrap_or(host);
    match timeout(PATIENCE, UnixStream::connect(path)).await {
        Ok(Ok(_)) => Finding::ok(CHECK, format!("{path} takes connections")),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::PermissionDenied => Finding::ok(
            CHECK,
            "the engine's socket is the worker's alone: run the doctor as root to try it",
        ),
        Ok(Err(error)) => Finding::warning(
            CHECK,
            format!("{path}: {error}"),
            "no container can be deployed on this host; readings and SQL releases need no engine",
            "start the container engine, or give its socket with --docker-host",
        ),
        Err(_) => Finding::warning(
            CHECK,
            format!("{path} hangs"),
            "the engine does not work",
            "restart it",
        ),
    }
}

/// The spool's file, and room for it.
pub(super) fn spool(data: &DataDir) -> Vec<Finding> {
    const CHECK: &str = "spool.file";
    let path = data.resident().join(crate::spool::FILE_NAME);
    let mut findings = vec![match Spool::examine(&path) {
        Health::Missing => Finding::ok(CHECK, "there is none yet"),
        Health::InUse => Finding::ok(CHECK, "the running agent has it"),
        Health::Sound => Finding::ok(CHECK, format!("{} is sound", path.display())),
        Health::Unusable(why) => Finding::warning(
            CHECK,
            format!("{} can't be used: {why}", path.display()),
            "readings that were not sent yet are lost; the agent sets the file aside and begins another",
            "look at the disk; keep the file that is set aside if its readings matter",
        ),
    }];
    if let Ok(stat) = statvfs(&data.root) {
        let free = stat.blocks_available().saturating_mul(stat.fragment_size());
        let what = format!("{} MiB are free for it", free / MIB);
        findings.push(if free < LITTLE_ROOM {
            let why = "readings that can't be kept are lost while the control plane is away";
            Finding::problem("spool.room", what, why, "make room")
        } else {
            Finding::ok("spool.room", what)
        });
    }
    findings
}

pub(super) fn running(data: &DataDir) -> Finding {
    const CHECK: &str = "agent.running";
    const WHY: &str = "while it does not run this host is not measured and does no work";
    match status::read(data) {
        Err(error) => Finding::warning(CHECK, format!("{error:#}"), WHY, "start the agent"),
        Ok(status) if status.link == LinkState::Removed => Finding::problem(
            CHECK,
            "this host was removed from the fleet",
            "its certificate is refused from then on",
            "if that was a mistake, remove the identity and join anew",
        ),
        Ok(status) if !status.running => {
            Finding::problem(CHECK, "the agent does not run", WHY, "start it; see its log")
        }
        Ok(status) => match status.link {
            LinkState::Connected { .. } => Finding::ok(CHECK, format!("connected since {}", status.since)),
            LinkState::Connecting | LinkState::Removed | LinkState::Stopped => Finding::warning(
                CHECK,
                format!(
                    "the agent runs and is not connected since {}: {}",
                    status.since,
                    status.last_error.as_deref().unwrap_or("no reason is known yet")
                ),
                "readings wait on this host and orders wait for it until it is connected",
                "see server.reachable",
            ),
        },
    }
}
