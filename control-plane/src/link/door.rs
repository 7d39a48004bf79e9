//! The endpoint: who may shake hands, and where they go from there.

use std::{
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use muster_base::UnixMs;
use muster_identity::{
    ca::CONTROL_PLANE_CERTIFICATE_MS,
    certificate::PrivateKey,
    spiffe::Role,
    tls::{self, Credentials, Expired},
};
use muster_protocol::{ALPN, ALPN_JOIN, ALPN_PEER};
use quinn::{
    Connection, Endpoint, Incoming, ServerConfig, TokioRuntime, VarInt, crypto::rustls::HandshakeData,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tracing::{debug, error, info};

use super::{
    LinkError, joining, peer,
    seats::{Limits, Seats},
    session, transport,
};
use crate::{
    app::{App, Figure},
    fleet::{self, FleetKeys},
    telemetry,
};

/// Handshakes under way with those who have not shown that they receive what is sent to their address; others must show
/// it first.
const UNSHOWN: usize = 128;
/// Handshakes with those who have; a handshake takes some milliseconds, and whoever was not heard says it again within a second.
const SHOWN: Limits = Limits {
    seats: 512,
    each: 256,
    line: 1_024,
    line_each: 256,
    // Clients have no more.
    patience: Duration::from_secs(8),
};
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Strangers who ask to join; whoever waits for too long is asked to come back.
const JOINING: Limits = Limits {
    seats: 128,
    each: 64,
    line: 512,
    line_each: 128,
    patience: Duration::from_secs(8),
};
/// Joins from one address in a minute.
const JOINS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(120).unwrap();
/// Our own certificate is made anew long before it ends.
const OWN_CERTIFICATE_EVERY: Duration = Duration::from_hours(24);
/// How often other control planes' removals are looked for.
const REMOVALS_EVERY: Duration = Duration::from_secs(1);
/// Clocks differ, and a transaction takes its time.
const REMOVALS_OVERLAP_MS: i64 = 10 * UnixMs::MINUTE;
/// How long open connections may take to end when the process stops.
const STOP_PATIENCE: Duration = Duration::from_secs(3);
/// Connection error code: no business here.
const NO_BUSINESS: VarInt = VarInt::from_u32(2);

/// What everybody behind the door needs.
pub(super) struct Door {
    pub(super) app: App,
    first_keys: Arc<FleetKeys>,
    pub(super) joins: DefaultKeyedRateLimiter<IpAddr>,
    pub(super) crowd: Arc<Crowd>,
    /// Tails for other control planes.
    pub(super) tails: Semaphore,
}

/// Those who have not come in yet.
pub(super) struct Crowd {
    unshown: Arc<Semaphore>,
    shown: Arc<Seats>,
    pub(super) joining: Arc<Seats>,
}

impl Crowd {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            unshown: Arc::new(Semaphore::new(UNSHOWN)),
            shown: Seats::new(SHOWN),
            joining: Seats::new(JOINING),
        })
    }

    pub(super) fn figures(&self) -> [Figure; 2] {
        let unshown = UNSHOWN - self.unshown.available_permits();
        [
            Figure {
                name: "muster_handshakes",
                help: "Handshakes on the agents' port that are under way or wait for it",
                value: (unshown + self.shown.occupied()) as f64,
            },
            Figure {
                name: "muster_joins",
                help: "Strangers who ask to join, or wait for it",
                value: self.joining.occupied() as f64,
            },
        ]
    }
}

impl Door {
    /// The fleet's keys as they are now.
    pub(super) fn keys(&self) -> Arc<FleetKeys> {
        self.app
            .fleet_keys_now()
            .unwrap_or_else(|| Arc::clone(&self.first_keys))
    }
}

/// Opens the agents' door on `listen` (UDP) and lets them in until the process stops.
pub async fn start(app: &App, listen: SocketAddr) -> Result<(), LinkError> {
    let keys = app.fleet_keys().await?;
    app.links.bar(fleet::removed_hosts(app).await?);
    let cant_listen = |source| LinkError::Listen {
        address: listen,
        source,
    };
    let endpoint = Endpoint::new(
        transport::endpoint_config(keys.ca.key())?,
        Some(own_config(app, &keys)?),
        transport::socket(listen).map_err(cant_listen)?,
        Arc::new(TokioRuntime),
    )
    .map_err(cant_listen)?;
    let address = endpoint.local_addr().map_err(cant_listen)?;
    let crowd = Crowd::new();
    app.links.opened(address, crowd.clone());
    info!(link.listen = %address, ca.fingerprint = %keys.fingerprint(), "waiting for agents");
    let door = Arc::new(Door {
        app: app.clone(),
        first_keys: keys,
        joins: RateLimiter::keyed(Quota::per_minute(JOINS_PER_MINUTE)),
        crowd,
        tails: Semaphore::new(peer::SEATS),
    });
    app.tasks
        .keep("agents' door", accept(door.clone(), endpoint.clone()));
    app.tasks
        .keep("own certificate", renew_own(door.clone(), endpoint));
    app.tasks.keep("removed hosts", watch_removals(door));
    app.tasks.keep("fleet keys", fleet::watch_keys(app.clone()));
    Ok(())
}

async fn accept(door: Arc<Door>, endpoint: Endpoint) {
    let stopping = door.app.tasks.stopping();
    loop {
        let incoming = tokio::select! {
            incoming = endpoint.accept() => incoming,
            () = stopping.cancelled() => break,
        };
        let Some(incoming) = incoming else { break };
        // Taken here and not in the task: a burst is over before the first of them runs.
        let permit = if incoming.remote_address_validated() {
            None
        } else if let Ok(permit) = door.crowd.unshown.clone().try_acquire_owned() {
            Some(permit)
        } else {
            // Only fails for those who have shown their address already.
            drop(incoming.retry());
            continue;
        };
        door.app
            .tasks
            .spawn("agent", admit(door.clone(), incoming, permit));
    }
    // Sessions say goodbye by themselves; strangers are not waited for.
    drop(timeout(STOP_PATIENCE, endpoint.wait_idle()).await);
    endpoint.close(VarInt::from_u32(0), b"");
}

async fn admit(door: Arc<Door>, incoming: Incoming, permit: Option<OwnedSemaphorePermit>) {
    let address = incoming.remote_address();
    let shaken = match permit {
        Some(_permit) => Box::pin(shake_hands(incoming)).await,
        None => Box::pin(shake_hands_in_turn(&door, incoming)).await,
    };
    match shaken {
        Ok(connection) => sort(door, connection).await,
        Err(error) => debug!(%error, peer = %address, "a handshake failed"),
    }
}

/// With somebody who has shown their address.
async fn shake_hands_in_turn(door: &Door, incoming: Incoming) -> Result<Connection, LinkError> {
    let Some(seat) = door.crowd.shown.take(incoming.remote_address().ip()).await else {
        incoming.ignore();
        return Err(LinkError::Refused);
    };
    let connecting = incoming.accept()?;
    let shaken = seat.hold(HANDSHAKE_TIMEOUT, connecting).await;
    Ok(shaken.ok_or(LinkError::TimedOut)??)
}

async fn shake_hands(incoming: Incoming) -> Result<Connection, LinkError> {
    let connecting = incoming.accept()?;
    Ok(timeout(HANDSHAKE_TIMEOUT, connecting)
        .await
        .map_err(|_| LinkError::TimedOut)??)
}

/// Sends a connection to where its protocol is spoken.
async fn sort(door: Arc<Door>, connection: Connection) {
    let protocol = connection
        .handshake_data()
        .and_then(|data| data.downcast::<HandshakeData>().ok())
        .and_then(|data| data.protocol);
    match protocol.as_deref() {
        Some(ALPN_JOIN) => Box::pin(joining::serve(door, connection)).await,
        Some(ALPN) => match tls::peer(connection.peer_identity()) {
            Some(Ok(info)) => match info.id.role {
                Role::Host { org, host } => {
                    let expired = info.not_after <= door.app.clock.now();
                    session::serve(door, connection, org, host, expired).await;
                }
                Role::ControlPlane => connection.close(NO_BUSINESS, b"not a host"),
            },
            Some(Err(_)) | None => connection.close(NO_BUSINESS, b"a host's certificate is needed"),
        },
        Some(ALPN_PEER) => match tls::peer(connection.peer_identity()) {
            Some(Ok(info)) if info.id.role == Role::ControlPlane && info.not_after > door.app.clock.now() => {
                peer::serve(door, connection).await;
            }
            Some(Ok(_) | Err(_)) | None => connection.close(NO_BUSINESS, b"not a control plane"),
        },
        _ => connection.close(NO_BUSINESS, b"unknown protocol"),
    }
}

/// Makes our own certificates anew from time to time and when the fleet's keys change; open connections stay as they
/// are.
async fn renew_own(door: Arc<Door>, endpoint: Endpoint) {
    let stopping = door.app.tasks.stopping();
    let mut changes = door.app.fleet_key_changes();
    loop {
        tokio::select! {
            () = sleep(OWN_CERTIFICATE_EVERY) => {}
            Ok(()) = changes.changed() => {}
            () = stopping.cancelled() => return,
        }
        match own_config(&door.app, &door.keys()) {
            Ok(config) => endpoint.set_server_config(Some(config)),
            Err(error) => error!(%error, "our own certificate can't be made anew"),
        }
    }
}

/// Hosts may be removed at another control plane that shares the database: their sessions here end, too.
async fn watch_removals(door: Arc<Door>) {
    let app = &door.app;
    let stopping = app.tasks.stopping();
    loop {
        tokio::select! {
            () = sleep(REMOVALS_EVERY) => {}
            () = stopping.cancelled() => return,
        }
        look_for_removed(app).await;
    }
}

/// Ends the sessions of hosts that were removed lately, wherever that was.
pub(crate) async fn look_for_removed(app: &App) {
    match fleet::removed_since(app, app.clock.now().plus_ms(-REMOVALS_OVERLAP_MS)).await {
        Ok(hosts) => {
            for host in hosts.into_iter().filter(|host| !app.links.is_barred(*host)) {
                app.links.revoke(host);
                telemetry::forget_newest(app, host);
            }
        }
        Err(error) => debug!(%error, "can't look for removed hosts"),
    }
}

fn own_config(app: &App, keys: &FleetKeys) -> Result<ServerConfig, LinkError> {
    let now: UnixMs = app.clock.now();
    let roots_der = keys.roots_der();
    // One of each root that hosts may ask by; the first is the one that issues.
    let credentials = keys.authorities().enumerate().map(|(place, ca)| {
        let key = PrivateKey::generate()?;
        let life = CONTROL_PLANE_CERTIFICATE_MS;
        let mut roots_der = roots_der.clone();
        roots_der.swap(0, place);
        Ok(Credentials {
            certificate_der: ca.issue_control_plane(&key, &keys.trust_domain, now, life)?,
            key,
            roots_der,
        })
    });
    let credentials = credentials.collect::<Result<Vec<_>, LinkError>>()?;
    let tls = tls::server_config(
        &credentials,
        &keys.trust_domain,
        &app.clock,
        app.links.revocations(),
        Expired::AdmitForRenewal,
        &[ALPN, ALPN_JOIN, ALPN_PEER],
    )?;
    transport::server_config(tls)
}
