//! Who is connected. Other rooms reach hosts through [`Links`].

mod elsewhere;

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    fmt,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
};

use muster_base::{HostId, OrderId, OrgId, SessionId, UnixMs};
use muster_identity::{certificate::CertificateInfo, keys::KeyId, spiffe::Role, tls::Revocations};
use muster_protocol::latest::{Goodbye, ServerStream, SignedOrder, TailRequest};
use quinn::{Connection, RecvStream, SendStream};
use serde::{Deserialize, Serialize};
use tokio::{sync::broadcast, time::Instant};
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use self::elsewhere::Others;
pub(crate) use self::elsewhere::{Elsewhere, Here};
use super::{
    LinkError, OrderStream, TailStream,
    door::Crowd,
    streams::{self, Busy},
};
use crate::app::Figure;

/// Events that a slow listener may be behind; one that is further behind must look for itself.
const EVENT_QUEUE: usize = 1_024;

/// Whether a host is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = HostStatus)]
pub enum Status {
    /// Connected.
    Online,
    /// Connected, but no reading has come for three sample intervals.
    Degraded,
    /// Not connected.
    Offline,
}

/// What the registry knows of a connected host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presence {
    /// The session.
    pub session: SessionId,
    /// Where it connects from.
    pub address: SocketAddr,
    /// Since when.
    pub connected_at: UnixMs,
    /// When its last report came; the beginning of the session if none has.
    pub last_report_at: UnixMs,
}

/// A host came or went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkEvent {
    /// A session is open; orders can be sent.
    Connected {
        /// The host's org.
        org: OrgId,
        /// The host.
        host: HostId,
        /// Its session.
        session: SessionId,
    },
    /// A session ended, and no newer one has taken its place.
    Disconnected {
        /// The host's org.
        org: OrgId,
        /// The host.
        host: HostId,
        /// The session that ended.
        session: SessionId,
    },
}

/// The connected hosts. Cheap to clone.
#[derive(Clone)]
pub struct Links(Arc<Inner>);

struct Inner {
    sessions: Mutex<HashMap<HostId, Arc<SessionHandle>>>,
    others: Others,
    barred: Barred,
    events: broadcast::Sender<LinkEvent>,
    /// Where the door is, and who stands before it.
    door: OnceLock<(SocketAddr, Arc<Crowd>)>,
}

/// An open session, as the registry holds it.
pub(super) struct SessionHandle {
    pub(super) id: SessionId,
    pub(super) org: OrgId,
    pub(super) host: HostId,
    /// The protocol version that the session speaks.
    pub(super) version: u16,
    pub(super) connection: Connection,
    pub(super) connected_at: UnixMs,
    pub(super) last_report_at: AtomicI64,
    /// Ids of the signing keys that the host believes.
    pub(super) signing_keys: Mutex<Vec<KeyId>>,
    /// Cancelled when the session is to end, after `goodbye` says why.
    pub(super) end: CancellationToken,
    pub(super) goodbye: OnceLock<Goodbye>,
    /// Since when other control planes can know of it.
    pub(super) told: OnceLock<Instant>,
    /// When it began, by the steady clock.
    pub(super) began: Instant,
    /// Orders, live views and files that are on their way.
    pub(super) busy: Arc<AtomicUsize>,
}

impl SessionHandle {
    pub(super) fn set_signing_keys(&self, ids: Vec<KeyId>) {
        *self.signing_keys.lock().unwrap_or_else(PoisonError::into_inner) = ids;
    }

    fn known_keys(&self) -> Vec<KeyId> {
        let known = self.signing_keys.lock().unwrap_or_else(PoisonError::into_inner);
        known.clone()
    }

    fn presence(&self) -> Presence {
        Presence {
            session: self.id,
            address: self.connection.remote_address(),
            connected_at: self.connected_at,
            last_report_at: UnixMs(self.last_report_at.load(Ordering::Relaxed)),
        }
    }

    fn dismiss(&self, goodbye: Goodbye) {
        // The first reason counts.
        self.goodbye.get_or_init(|| goodbye);
        self.end.cancel();
    }
}

impl Default for Links {
    fn default() -> Self {
        Self(Arc::new(Inner {
            sessions: Mutex::default(),
            others: Others::default(),
            barred: Barred::default(),
            events: broadcast::Sender::new(EVENT_QUEUE),
            door: OnceLock::new(),
        }))
    }
}

impl Links {
    /// Whether the host has a session, here or at another control plane.
    pub fn is_online(&self, host: HostId) -> bool {
        self.is_here(host) || self.0.others.contains(host)
    }

    /// Whether the host has a session here: only then can it be sent an order.
    pub fn is_here(&self, host: HostId) -> bool {
        self.sessions().contains_key(&host)
    }

    /// What is known of the host's session; `None` if it has none.
    pub fn presence(&self, host: HostId) -> Option<Presence> {
        let here = self.find(host).map(|session| session.presence());
        here.or_else(|| Some(self.elsewhere_of(host)?.presence))
    }

    /// The protocol version that the host's session speaks; `None` if it has none.
    pub fn version_of(&self, host: HostId) -> Option<u16> {
        let here = self.find(host).map(|session| session.version);
        here.or_else(|| Some(self.elsewhere_of(host)?.version))
    }

    /// Ids of the signing keys that the host believes; `None` if it has no session.
    pub fn signing_keys_of(&self, host: HostId) -> Option<Vec<KeyId>> {
        let here = self.find(host).map(|session| session.known_keys());
        here.or_else(|| Some(self.elsewhere_of(host)?.signing_keys))
    }

    /// How many hosts are connected here.
    pub fn online_count(&self) -> usize {
        self.sessions().len()
    }

    /// The hosts that are connected here.
    pub fn online(&self) -> Vec<HostId> {
        self.sessions().keys().copied().collect()
    }

    /// This room's figures.
    pub(crate) fn figures(&self) -> Vec<Figure> {
        let connected = Figure {
            name: "muster_agents_connected",
            help: "Agents that are connected to this control plane",
            value: self.online_count() as f64,
        };
        let crowd = self.0.door.get().map(|(_, crowd)| crowd.figures());
        [connected]
            .into_iter()
            .chain(crowd.into_iter().flatten())
            .collect()
    }

    /// News of hosts that come and go, from now on.
    pub fn events(&self) -> broadcast::Receiver<LinkEvent> {
        self.0.events.subscribe()
    }

    /// The UDP address of the door, once it is open.
    pub fn local_address(&self) -> Option<SocketAddr> {
        self.0.door.get().map(|(address, _)| *address)
    }

    /// Hands a work order to the host.
    pub async fn open_order(&self, host: HostId, order: &SignedOrder) -> Result<OrderStream, LinkError> {
        let first = ServerStream::Order(Box::new(order.clone()));
        self.stream(host, &first, OrderStream::new).await
    }

    /// Asks the host to stop an order. The answer is what is said of it, up to its outcome; agents of before say the outcome
    /// alone.
    pub async fn cancel_order(&self, host: HostId, order: OrderId) -> Result<OrderStream, LinkError> {
        let first = ServerStream::Cancel(order);
        self.stream(host, &first, OrderStream::new).await
    }

    /// Asks the host, if it is here, for live data, until the stream is dropped.
    pub(super) async fn open_tail(
        &self,
        host: HostId,
        request: TailRequest,
    ) -> Result<TailStream, LinkError> {
        let first = ServerStream::Tail(request);
        self.stream(host, &first, TailStream::new).await
    }

    /// Ends the host's session, if it has one.
    pub fn disconnect(&self, host: HostId, goodbye: Goodbye) {
        if let Some(session) = self.find(host) {
            session.dismiss(goodbye);
        }
    }

    /// Bars the host from now on and ends its session. Call it after the host's removal is committed.
    pub fn revoke(&self, host: HostId) {
        self.0.barred.add([host]);
        self.disconnect(host, Goodbye::Revoked);
    }

    pub(super) fn bar(&self, hosts: impl IntoIterator<Item = HostId>) {
        self.0.barred.add(hosts);
    }

    pub(super) fn is_barred(&self, host: HostId) -> bool {
        self.0.barred.contains(host)
    }

    pub(super) fn revocations(&self) -> Arc<dyn Revocations> {
        Arc::new(self.0.barred.clone())
    }

    pub(super) fn opened(&self, address: SocketAddr, crowd: Arc<Crowd>) {
        // A second door would be a mistake of ours; the first one's address stands.
        self.0.door.get_or_init(|| (address, crowd));
    }

    /// Enters a session. An older one of the same host is told that it was replaced; its address is the answer.
    pub(super) fn enter(&self, session: &Arc<SessionHandle>) -> Option<SocketAddr> {
        let older = self.sessions().insert(session.host, session.clone());
        older.map(|older| {
            tracing::warn!(
                host.id = %session.host, session.id = %session.id, session.older = %older.id,
                "a newer session of the host takes over"
            );
            older.dismiss(Goodbye::Replaced);
            older.connection.remote_address()
        })
    }

    /// Tells the other rooms that a session is ready.
    pub(super) fn announce(&self, session: &SessionHandle) {
        let SessionHandle { id, org, host, .. } = session;
        // Nobody listening is fine.
        drop(self.0.events.send(LinkEvent::Connected {
            org: *org,
            host: *host,
            session: *id,
        }));
    }

    /// Removes a session, unless a newer one has taken its place; whether the host is gone.
    pub(super) fn leave(&self, session: &SessionHandle) -> bool {
        let gone = match self.sessions().entry(session.host) {
            Entry::Occupied(entry) if entry.get().id == session.id => {
                entry.remove();
                true
            }
            Entry::Occupied(_) | Entry::Vacant(_) => false,
        };
        if gone {
            let SessionHandle { id, org, host, .. } = session;
            drop(self.0.events.send(LinkEvent::Disconnected {
                org: *org,
                host: *host,
                session: *id,
            }));
        }
        gone
    }

    /// Opens a stream to the host. The host counts as busy until what is made of it is dropped.
    async fn stream<T>(
        &self,
        host: HostId,
        first: &ServerStream,
        of: impl FnOnce((SendStream, RecvStream), Option<Busy>) -> T,
    ) -> Result<T, LinkError> {
        let session = self.find(host).ok_or(LinkError::Offline(host))?;
        let busy = Busy::new(&session.busy);
        Ok(of(streams::open(&session.connection, first).await?, Some(busy)))
    }

    fn find(&self, host: HostId) -> Option<Arc<SessionHandle>> {
        self.sessions().get(&host).cloned()
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<HostId, Arc<SessionHandle>>> {
        self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Links {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Links")
            .field("online", &self.online_count())
            .finish_non_exhaustive()
    }
}

/// Hosts that were removed: their certificates count no more.
#[derive(Debug, Clone, Default)]
struct Barred(Arc<RwLock<HashSet<HostId>>>);

impl Barred {
    fn add(&self, hosts: impl IntoIterator<Item = HostId>) {
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(hosts);
    }

    fn contains(&self, host: HostId) -> bool {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&host)
    }
}

impl Revocations for Barred {
    fn is_revoked(&self, certificate: &CertificateInfo) -> bool {
        match certificate.id.role {
            Role::Host { host, .. } => self.contains(host),
            Role::ControlPlane => false,
        }
    }
}
