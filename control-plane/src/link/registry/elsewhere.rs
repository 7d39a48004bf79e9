//! Hosts that are connected to another control plane on the same database, as [`crate::peers`] reads of them, and what it
//! tells of those that are here.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{PoisonError, RwLock, atomic::Ordering},
};

use muster_base::{HostId, OrgId, SessionId, UnixMs};
use muster_identity::keys::KeyId;
use muster_protocol::latest::Goodbye;
use tokio::time::Instant;
use uuid::Uuid;

use super::{Links, Presence, SessionHandle};

/// Sessions whose beginnings are no further apart, by two control planes' clocks, may be either the newer one.
const CLOCKS_DIFFER_MS: i64 = 5_000;

/// A host's session at another control plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Elsewhere {
    /// Which control plane.
    pub(crate) plane: Uuid,
    /// The session. Its last report is as late as it may be by now.
    pub(crate) presence: Presence,
    /// When its last report came that was told of, by the other's clock.
    pub(crate) reported_at: UnixMs,
    /// The protocol version that it speaks.
    pub(crate) version: u16,
    /// Ids of the signing keys that the host believes.
    pub(crate) signing_keys: Vec<KeyId>,
}

/// A session here.
#[derive(Debug, Clone)]
pub(crate) struct Here {
    pub(crate) org: OrgId,
    pub(crate) host: HostId,
    pub(crate) presence: Presence,
    /// When it began, by the steady clock.
    pub(crate) began: Instant,
    pub(crate) version: u16,
    pub(crate) signing_keys: Vec<KeyId>,
    /// Whether the others were told of it.
    pub(crate) is_told: bool,
}

/// The sessions at other control planes, by host.
#[derive(Debug, Default)]
pub(super) struct Others(RwLock<HashMap<HostId, Elsewhere>>);

impl Others {
    pub(super) fn find(&self, host: HostId) -> Option<Elsewhere> {
        self.read(|sessions| sessions.get(&host).cloned())
    }

    pub(super) fn contains(&self, host: HostId) -> bool {
        self.read(|sessions| sessions.contains_key(&host))
    }

    fn read<T>(&self, of: impl FnOnce(&HashMap<HostId, Elsewhere>) -> T) -> T {
        of(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, of: impl FnOnce(&mut HashMap<HostId, Elsewhere>) -> T) -> T {
        of(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Links {
    /// Whether the host has a session at another control plane, and none here.
    pub(crate) fn is_elsewhere(&self, host: HostId) -> bool {
        !self.is_here(host) && self.0.others.contains(host)
    }

    /// The host's session at another control plane.
    pub(crate) fn elsewhere_of(&self, host: HostId) -> Option<Elsewhere> {
        self.0.others.find(host)
    }

    /// The sessions at other control planes of hosts that have none here.
    pub(crate) fn elsewhere(&self) -> Vec<(HostId, Elsewhere)> {
        let all: Vec<_> = self.0.others.read(|sessions| {
            let sessions = sessions.iter();
            sessions.map(|(host, session)| (*host, session.clone())).collect()
        });
        let here = self.sessions();
        all.into_iter()
            .filter(|(host, _)| !here.contains_key(host))
            .collect()
    }

    /// Takes these as all sessions that there are at other control planes.
    pub(crate) fn set_elsewhere(&self, sessions: HashMap<HostId, Elsewhere>) {
        self.0.others.write(|others| *others = sessions);
    }

    /// Takes where these hosts are: at another control plane, or not.
    pub(crate) fn put_elsewhere(&self, hosts: impl IntoIterator<Item = (HostId, Option<Elsewhere>)>) {
        self.0.others.write(|others| {
            for (host, session) in hosts {
                match session {
                    Some(session) => others.insert(host, session),
                    None => others.remove(&host),
                };
            }
        });
    }

    /// The sessions here.
    pub(crate) fn here(&self) -> Vec<Here> {
        let mut here: Vec<_> = self.sessions().values().map(|session| session.here()).collect();
        // Whoever writes their rows does so in one order, whichever task it is: two orders would wait for each other.
        here.sort_unstable_by_key(|here| here.host);
        here
    }

    /// The host's session here.
    pub(crate) fn here_of(&self, host: HostId) -> Option<Here> {
        self.find(host).map(|session| session.here())
    }

    /// The others can know of this session from now on.
    pub(crate) fn told(&self, host: HostId, session: SessionId) {
        if let Some(known) = self.find(host).filter(|known| known.id == session) {
            known.told.get_or_init(Instant::now);
        }
    }

    /// Ends the host's session here because another control plane has a newer one, which began at `connected_at` by its
    /// clock: theirs stands in the host's row. Where it connected from; nothing if there is none, or if theirs may be the
    /// older one: the others did not know of ours when the row was read.
    pub(crate) fn give_way(
        &self,
        host: HostId,
        connected_at: UnixMs,
        read_at: Instant,
    ) -> Option<SocketAddr> {
        let session = self.find(host)?;
        let is_newer = session.connected_at.ms_since(connected_at) > CLOCKS_DIFFER_MS;
        let was_told = session.told.get().is_some_and(|told| *told <= read_at);
        if is_newer || !was_told || session.end.is_cancelled() {
            return None;
        }
        session.dismiss(Goodbye::Replaced);
        Some(session.connection.remote_address())
    }

    /// How many hosts each of the other control planes has.
    pub(crate) fn counts_elsewhere(&self) -> HashMap<Uuid, usize> {
        self.0.others.read(|sessions| {
            let mut counts = HashMap::new();
            for session in sessions.values() {
                *counts.entry(session.plane).or_default() += 1;
            }
            counts
        })
    }

    /// The hosts here that could connect elsewhere: no order, live view or file is on its way, and the others know of them. In
    /// no order.
    pub(crate) fn idle(&self) -> Vec<HostId> {
        let sessions = self.sessions();
        let idle = sessions.values().filter(|session| {
            session.busy.load(Ordering::Acquire) == 0
                && session.told.get().is_some()
                && !session.end.is_cancelled()
        });
        idle.map(|session| session.host).collect()
    }

    /// Sends an idle host's agent elsewhere: to it this is a control plane that stops, which it tries last. Whether it was told.
    pub(crate) fn send_elsewhere(&self, host: HostId) -> bool {
        let Some(session) = self.find(host) else {
            return false;
        };
        let is_idle = session.busy.load(Ordering::Acquire) == 0 && !session.end.is_cancelled();
        if is_idle {
            session.dismiss(Goodbye::ShuttingDown);
        }
        is_idle
    }

    /// As if a report of the host had come then.
    #[cfg(test)]
    pub(crate) fn heard_for_tests(&self, host: HostId, at: UnixMs) {
        if let Some(session) = self.find(host) {
            session.last_report_at.store(at.0, Ordering::Relaxed);
        }
    }
}

impl SessionHandle {
    fn here(&self) -> Here {
        Here {
            org: self.org,
            host: self.host,
            presence: self.presence(),
            version: self.version,
            signing_keys: self.known_keys(),
            is_told: self.told.get().is_some(),
            began: self.began,
        }
    }
}
