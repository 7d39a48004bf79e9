//! The way to the control plane: one QUIC connection, kept up for as long as the agent runs. The only room that
//! knows quinn.
//!
//! - **connect**: one of the addresses from the join, certificates on both ends, full-jitter back-off between attempts.
//! - **control**: `Hello` → `Welcome`, then acknowledgements, settings, renewals.
//! - **reports**: asks the [`ReportSource`] for batches and sends them; at most [`MAX_UNACKNOWLEDGED`] are on their
//!   way. Nothing is forgotten before its acknowledgement: a new session begins with what the last one left open.
//! - **orders** and **tails**: streams that the control plane opens are handed to the rooms that serve them through
//!   [`Ports`]; each has a stream of its own, so nothing waits behind anything else.
//! - **downloads**: bytes that an order's worker asks for ([`Downloads`]), on the connection that is there.
//!
//! Fails how: whatever ends a session, the link comes back by itself. Only `Goodbye::Revoked` (the host was removed)
//! ends it for good, since no later attempt can succeed.

mod addresses;
mod backoff;
mod downloads;
mod endpoint;
mod ports;
mod renewal;
mod session;
mod silence;
mod streams;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use muster_identity::{Fingerprint, certificate::PrivateKey, tls::Credentials};
use muster_protocol::latest::{Goodbye, KeysTaken, SigningKeyNotice, Welcome};
use quinn::VarInt;
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};
use tracing::{debug, info, warn};

pub use downloads::{Download, Downloads};
pub use endpoint::{LinkError, join, probe};
pub use ports::{
    IncomingOrder, IncomingTail, MAX_UNACKNOWLEDGED, NoReports, OrderRequest, Ports, ReportSource,
};

use self::{
    backoff::{Backoff, jitter},
    endpoint::Dialled,
    session::{Ended, Session},
    silence::Patience,
};
use crate::{
    identity::{Identity, take_signing_keys},
    resident::Resident,
    status::{LinkState, StatusFile},
};

/// Waits when hurry can't help: another agent has this host's identity, the versions differ, or the certificate is
/// refused as revoked.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_mins(5));

/// How long the last packets of a connection may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);
/// Clocks that differ by more make orders expire early or late.
const SKEW_WARNING_MS: i64 = 5_000;

/// Why the link ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkEnd {
    /// The agent is to stop.
    Stopped,
    /// The host was removed from the fleet.
    Removed,
}

/// Keeps the connection up.
pub struct Link {
    resident: Resident,
    ports: Ports,
    identity: Mutex<Arc<Identity>>,
    status: StatusFile,
    /// The certificate may be due.
    renew: Notify,
    /// The address of the control plane that was lost last, or said goodbye because it stops or has too many agents: others are
    /// tried first.
    lost: Mutex<Option<SocketAddr>>,
}

impl Link {
    /// A link for this host.
    pub fn new(resident: Resident, ports: Ports, identity: Identity) -> Self {
        let status = StatusFile::new(&resident, &identity);
        Self {
            resident,
            ports,
            identity: Mutex::new(Arc::new(identity)),
            status,
            renew: Notify::new(),
            lost: Mutex::default(),
        }
    }

    /// Connects, and connects again, until the agent stops or the host is removed.
    pub async fn run(&self) -> LinkEnd {
        let mut backoff = Backoff::default();
        loop {
            self.status.set(LinkState::Connecting);
            let wait = match self.attempt(&mut backoff).await {
                Ended::Stopped => {
                    self.status.set(LinkState::Stopped);
                    return LinkEnd::Stopped;
                }
                Ended::Goodbye(Goodbye::Revoked) => {
                    self.status.set(LinkState::Removed);
                    return LinkEnd::Removed;
                }
                Ended::Renewed => continue,
                Ended::Goodbye(goodbye) => self.after_goodbye(goodbye, &mut backoff),
                Ended::Lost(error) => self.after_loss(&error, &mut backoff),
            };
            debug!(wait.ms = wait.as_millis(), "waiting before the next attempt");
            tokio::select! {
                () = sleep(wait) => {}
                () = self.resident.stop.cancelled() => {}
            }
        }
    }

    async fn attempt(&self, backoff: &mut Backoff) -> Ended {
        let stop = &self.resident.stop;
        let identity = self.identity();
        let dialled = tokio::select! {
            biased;
            () = stop.cancelled() => return Ended::Stopped,
            dialled = endpoint::dial(&identity, &self.resident.wall, self.lost()) => dialled,
        };
        let Dialled {
            endpoint,
            connection,
            is_one_of_many,
        } = match dialled {
            Ok(dialled) => dialled,
            Err(error) => return Ended::Lost(error),
        };
        let opened = tokio::select! {
            biased;
            () = stop.cancelled() => return Ended::Stopped,
            opened = Session::open(self, connection.clone()) => opened,
        };
        let address = connection.remote_address();
        let ended = match opened {
            Ok(session) => {
                backoff.reset();
                info!(session.id = %session.id, "connected");
                self.status.set(LinkState::Connected { session: session.id });
                let patience = if is_one_of_many {
                    Patience::ONE_OF_MANY
                } else {
                    Patience::ONLY_ONE
                };
                tokio::select! {
                    ended = session.run() => ended,
                    () = silence::begins(&connection, patience) => {
                        connection.close(VarInt::from_u32(0), b"");
                        Ended::Lost(LinkError::Silent(address))
                    }
                }
            }
            Err(LinkError::Goodbye(goodbye)) => Ended::Goodbye(goodbye),
            Err(error) => Ended::Lost(error),
        };
        let is_lost = matches!(ended, Ended::Lost(_) | Ended::Goodbye(Goodbye::ShuttingDown));
        *self.lost.lock().unwrap_or_else(PoisonError::into_inner) = is_lost.then_some(address);
        connection.close(VarInt::from_u32(0), b"");
        drop(timeout(CLOSE_TIMEOUT, endpoint.wait_idle()).await);
        ended
    }

    fn lost(&self) -> Option<SocketAddr> {
        *self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn after_goodbye(&self, goodbye: Goodbye, backoff: &mut Backoff) -> Duration {
        let (why, wait) = match goodbye {
            Goodbye::ShuttingDown => (
                "the control plane stops, or has more agents than others",
                backoff.next(),
            ),
            Goodbye::ProtocolError => (
                "the control plane could not understand this agent",
                backoff.next(),
            ),
            Goodbye::Replaced => (
                "another agent took over this host's session: was the machine copied?",
                jitter(PATIENCE.0, PATIENCE.1),
            ),
            Goodbye::UnsupportedVersion => (
                "no protocol version in common: upgrade the older side",
                jitter(PATIENCE.0, PATIENCE.1),
            ),
            Goodbye::Revoked => (
                "the host was removed from the fleet",
                jitter(PATIENCE.0, PATIENCE.1),
            ),
        };
        warn!(?goodbye, "{why}");
        self.status.failed(why.to_owned());
        wait
    }

    fn after_loss(&self, error: &LinkError, backoff: &mut Backoff) -> Duration {
        warn!(%error, "not connected");
        self.status.failed(error.to_string());
        if error.says_revoked() {
            jitter(PATIENCE.0, PATIENCE.1)
        } else {
            backoff.next()
        }
    }

    fn welcome(&self, welcome: Welcome) {
        let skew_ms = self.resident.wall.now().ms_since(welcome.now);
        if skew_ms.abs() > SKEW_WARNING_MS {
            warn!(
                clock.skew_ms = skew_ms,
                "this host's clock differs from the control plane's: set it"
            );
        }
        self.ports.config.send_replace(welcome.config);
        self.take_keys(welcome.signing_keys, welcome.roots_der);
    }

    /// Takes the fleet's keys as they are now, and says what this host believes from here on.
    fn take_keys(&self, signing_keys: Vec<SigningKeyNotice>, roots_der: Vec<Vec<u8>>) -> KeysTaken {
        let signing = take_signing_keys(&self.resident.config.data, &signing_keys).unwrap_or_else(|error| {
            warn!(%error, "the fleet's new signing keys can't be kept");
            Vec::new()
        });
        self.ports.signing_keys.send_replace(signing_keys);
        let present = self.identity();
        if !roots_der.is_empty() && roots_der != present.credentials.roots_der {
            self.take_roots(&present, roots_der);
        }
        let roots = &self.identity().credentials.roots_der;
        KeysTaken {
            roots: roots.iter().map(|root| *Fingerprint::of(root).bytes()).collect(),
            signing,
        }
    }

    /// Roots change during a rotation. They come from a control plane that a present root speaks for.
    fn take_roots(&self, present: &Identity, roots_der: Vec<Vec<u8>>) {
        let Some(key) = PrivateKey::from_pkcs8_der(present.credentials.key.pkcs8_der()).ok() else {
            return;
        };
        let changed = Identity {
            host: present.host,
            org: present.org,
            trust_domain: present.trust_domain.clone(),
            server: present.server.clone(),
            credentials: Credentials {
                certificate_der: present.credentials.certificate_der.clone(),
                key,
                roots_der,
            },
        };
        match changed.save(&self.resident.config.data) {
            Ok(()) => {
                info!("the fleet's roots changed");
                self.replace_identity(changed);
                self.renew.notify_one();
            }
            Err(error) => warn!(%error, "the fleet's new roots can't be kept"),
        }
    }

    fn identity(&self) -> Arc<Identity> {
        self.identity
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn replace_identity(&self, identity: Identity) {
        self.status.certificate(&identity);
        *self.identity.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(identity);
    }

    fn seal_public_key(&self) -> Vec<u8> {
        Identity::seal_public_key(&self.resident.config.data).unwrap_or_else(|error| {
            warn!(%error, "the worker's public key can't be read: no secret can be sent to this host");
            Vec::new()
        })
    }
}
