//! Which release a simulated agent is of, as far as the protocol tells one from another.
//!
//! Versions only add messages, and a number in `muster_protocol` says since when each is known. An agent of before fails
//! on the number of a variant that it has never heard of: so does this one, and says which. What it writes is what that
//! release wrote; it differs in reports alone, which continue one another since version 7 (`memory`).
//!
//! An agent becomes one of another release in place, as an upgraded one does: it keeps its identity, its journal and what
//! it has not been told is stored.

use anyhow::{Result, ensure};
use muster_protocol::{
    CONTAINERS_SINCE, FILES_SINCE, FULL_DEPLOYS_SINCE, GUARDS_SINCE, HANDOVERS_SINCE, KEYS_SINCE,
    PROOFS_SINCE, SCHEMAS_SINCE, VERSIONS,
    latest::{OrderPayload, ServerControl, ServerStream, TailRequest},
};
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use tokio::sync::Notify;

/// What an agent says that it speaks whose newest version is this one. No release gave up an older one.
pub(crate) fn versions(newest: u16) -> (u16, u16) {
    (VERSIONS.0.min(newest), newest)
}

/// The release that an agent is of now, and what it is told to do.
pub(crate) struct Release {
    newest: AtomicU16,
    changed: Notify,
    renewal: Notify,
    renewals: AtomicUsize,
}

impl Release {
    pub(crate) fn of(newest: u16) -> Self {
        Self {
            newest: AtomicU16::new(newest),
            changed: Notify::new(),
            renewal: Notify::new(),
            renewals: AtomicUsize::new(0),
        }
    }

    /// Its newest version.
    pub(crate) fn speaks(&self) -> u16 {
        self.newest.load(Ordering::Relaxed)
    }

    pub(crate) fn become_of(&self, newest: u16) {
        self.newest.store(newest, Ordering::Relaxed);
        // One that has no session hears of it when it has.
        self.changed.notify_one();
    }

    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    pub(crate) fn ask_to_renew(&self) {
        self.renewal.notify_one();
    }

    pub(crate) async fn renewal(&self) {
        self.renewal.notified().await;
    }

    pub(crate) fn renewed(&self) {
        self.renewals.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn renewals(&self) -> usize {
        self.renewals.load(Ordering::Relaxed)
    }
}

/// Fails as an agent of this version does that is sent what it does not know.
pub(crate) fn knows_control(version: u16, message: &ServerControl) -> Result<()> {
    let since = match message {
        ServerControl::Welcome(_)
        | ServerControl::Ack(_)
        | ServerControl::Config(_)
        | ServerControl::Renewed(_)
        | ServerControl::Goodbye(_) => 1,
        ServerControl::Keys(_) => KEYS_SINCE,
    };
    ensure!(
        version >= since,
        "an agent of version {version} can't read {message:?}"
    );
    Ok(())
}

/// The same of a stream's first frame.
pub(crate) fn knows_stream(version: u16, message: &ServerStream) -> Result<()> {
    let since = match message {
        ServerStream::Order(_)
        | ServerStream::Cancel(_)
        | ServerStream::Tail(TailRequest::Samples { .. }) => 1,
        ServerStream::Tail(TailRequest::Log(_)) => CONTAINERS_SINCE,
        ServerStream::Tail(TailRequest::Schema(_)) => SCHEMAS_SINCE,
        ServerStream::Tail(TailRequest::Count(_)) => GUARDS_SINCE,
        ServerStream::Tail(TailRequest::Prove(_)) => PROOFS_SINCE,
    };
    ensure!(
        version >= since,
        "an agent of version {version} can't read {message:?}"
    );
    Ok(())
}

/// Whether an agent of this version can read the order.
pub(crate) const fn knows_order(version: u16, payload: &OrderPayload) -> bool {
    let since = match payload {
        OrderPayload::Deploy(_) | OrderPayload::Sql(_) | OrderPayload::TestServer(_) => 1,
        OrderPayload::Handover(_) => HANDOVERS_SINCE,
        OrderPayload::Container(_) => CONTAINERS_SINCE,
        OrderPayload::File(_) => FILES_SINCE,
        OrderPayload::FullDeploy(_) => FULL_DEPLOYS_SINCE,
        OrderPayload::GuardedSql(_) => GUARDS_SINCE,
    };
    version >= since
}
