//! Who this host is: its key, its certificate, the roots it trusts, and the join that got them.
//!
//! Two halves, because two processes must not have to trust each other:
//!
//! | file | owner | holds |
//! |---|---|---|
//! | `resident/identity.json` | `muster-agent` | host, org, trust domain, server, roots, certificate and its key |
//! | `resident/seal.pub` | `muster-agent` | public half of the worker's seal key |
//! | `resident/signing-keys.json` | `muster-agent` | the keys whose orders count, for the resident's own check |
//! | `worker/host.json` | root | org and host, so that the worker needn't ask the resident who it is |
//! | `worker/seal.key` | root | the key that opens sealed secrets |
//! | `worker/signing-keys.json` | root | the keys whose orders count |
//! | `worker/join.json` | root | keys of a join under way; gone when it is over |
//!
//! All files are 0600 and replaced whole (write, sync, rename), so that a crash leaves the old one or the new one.
//! `identity.json` is written last: a host whose join broke off is not joined, and joins by the same command. Nothing is trusted on first use: the
//! join pins the CA by the fingerprint on its command line. Keys are made here and never leave.

mod enrol;
mod files;
mod pending;
mod pins;
mod resident_half;
mod worker_half;

use std::{io, path::PathBuf};

pub use enrol::{JoinOrder, join};
pub use files::write_private;
pub use pins::{offer_keys, take_signing_keys};
pub use resident_half::Identity;
pub use worker_half::{WorkerIdentity, resident_pinned_keys};

use crate::link::LinkError;

/// Why this host has no identity, or did not get one.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The data directory holds no identity.
    #[error("this host has not joined a fleet: run `muster-agent join` (looked for {0})")]
    NotJoined(PathBuf),
    /// It holds one already.
    #[error("this host has joined already, as {host}: to join anew, stop the agent and remove {path}")]
    AlreadyJoined {
        /// The host that it is.
        host: muster_base::HostId,
        /// What to remove.
        path: PathBuf,
    },
    /// A file can't be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file does not hold what was written there.
    #[error("{path} can't be read: {reason}")]
    Malformed {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The control plane said no.
    #[error("the control plane refused the join: {0}")]
    Refused(&'static str),
    /// The control plane could not be reached, or is not the one that was pinned.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// A key or certificate can't be used.
    #[error(transparent)]
    Crypto(#[from] muster_identity::IdentityError),
}

impl IdentityError {
    fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
