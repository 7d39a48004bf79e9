//! The identity's and the policy's files.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use muster_base::{Clock, doctor::Finding};

use super::said;
use crate::{
    config::DataDir,
    identity::{Identity, IdentityError, WorkerIdentity, resident_pinned_keys},
    policy::Policy,
};

const WHY_KEYS: &str =
    "whoever can read these files can be this host, or read the secrets that are sent to it";

/// Both halves, and the resident's if it can be used.
pub(super) fn identity(data: &DataDir, clock: &Clock, findings: &mut Vec<Finding>) -> Option<Identity> {
    let identity = match Identity::load(data) {
        Ok(identity) => identity,
        Err(error) => {
            let todo = match &error {
                IdentityError::NotJoined(_) => {
                    "muster-agent join, with the command that the console shows".to_owned()
                }
                _ => {
                    "run the doctor as root; if the file is damaged, stop the agent, remove it and join anew"
                        .to_owned()
                }
            };
            let why = "without an identity this host belongs to no fleet";
            findings.push(Finding::problem("identity.resident", said(&error), why, todo));
            return None;
        }
    };
    findings.push(certificate(&identity, clock));
    findings.push(match resident_pinned_keys(data) {
        Ok(keys) => Finding::ok(
            "identity.signingKeys",
            format!("{} signing keys count", keys.keys().len()),
        ),
        Err(error) => Finding::problem(
            "identity.signingKeys",
            said(&error),
            "no order can be verified, so none is done",
            "stop the agent, remove the identity and join anew",
        ),
    });
    findings.push(worker(data));
    for path in [
        data.resident(),
        Identity::path(data),
        data.worker(),
        data.worker().join("seal.key"),
        data.worker().join("signing-keys.json"),
    ] {
        findings.extend(exposed(&path));
    }
    Some(identity)
}

fn certificate(identity: &Identity, clock: &Clock) -> Finding {
    const CHECK: &str = "identity.certificate";
    let certificate = match identity.certificate() {
        Ok(certificate) => certificate,
        Err(error) => {
            let why = "the control plane knows this host by its certificate";
            return Finding::problem(
                CHECK,
                said(&error),
                why,
                "stop the agent, remove the identity and join anew",
            );
        }
    };
    let (now, end) = (clock.now(), certificate.not_after);
    if now < certificate.not_before {
        return Finding::problem(
            CHECK,
            format!(
                "the certificate begins at {}, and it is {now} here",
                certificate.not_before
            ),
            "a certificate from the future is refused: this host's clock is behind",
            "set the clock",
        );
    }
    if now >= end {
        return Finding::warning(
            CHECK,
            format!("the certificate ended at {end}"),
            "it is good for nothing but to be renewed",
            "start the agent: it renews by itself, unless the host was removed; look at the clock, too",
        );
    }
    if now >= certificate.renew_at() {
        return Finding::warning(
            CHECK,
            format!("the certificate ends at {end} and should have been renewed by now"),
            "after that the agent must renew before it can do anything else",
            "see server.reachable and agent.running",
        );
    }
    Finding::ok(CHECK, format!("host {} until {end}", identity.host))
}

fn worker(data: &DataDir) -> Finding {
    const CHECK: &str = "identity.worker";
    match WorkerIdentity::load(data) {
        Ok(worker) => Finding::ok(
            CHECK,
            format!(
                "the worker's half is there, {} keys count",
                worker.pinned.keys().len()
            ),
        ),
        // The resident's user may not read it, and that is as it should be.
        Err(IdentityError::File { source, .. }) if source.kind() == std::io::ErrorKind::PermissionDenied => {
            Finding::ok(
                CHECK,
                "the worker's half is not ours to read: run the doctor as root to see it",
            )
        }
        Err(error) => Finding::problem(
            CHECK,
            said(&error),
            "no work order can be done on this host",
            "stop the agent, remove the identity and join anew",
        ),
    }
}

/// A file or directory that others can read.
fn exposed(path: &Path) -> Option<Finding> {
    let mode = fs::metadata(path).ok()?.permissions().mode() & 0o777;
    let right = if path.is_dir() { 700 } else { 600 };
    (mode & 0o077 != 0).then(|| {
        Finding::problem(
            "identity.modes",
            format!("{} can be read by others (mode {mode:o})", path.display()),
            WHY_KEYS,
            format!(
                "chmod {right} {}; if others may have read it: remove the host and join anew",
                path.display()
            ),
        )
    })
}

/// The policy file.
pub(super) fn policy(path: &Path) -> Finding {
    const CHECK: &str = "policy.file";
    const WHY: &str = "what the policy does not allow is refused";
    match Policy::load(path) {
        Ok(_) if path.exists() => Finding::ok(CHECK, format!("{} is valid", path.display())),
        Ok(_) => Finding::warning(
            CHECK,
            format!("there is no policy file {}", path.display()),
            "without one this host takes no image and no database",
            "muster-agent's package has a commented template; allow what this host is for",
        ),
        Err(error) => Finding::problem(
            CHECK,
            said(&error),
            WHY,
            "correct the file; orders are refused meanwhile",
        ),
    }
}
