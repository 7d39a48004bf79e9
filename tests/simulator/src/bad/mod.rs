//! Peers that mean no good, at both of a control plane's ports at once, for as long as one lets them.
//!
//! | module | who |
//! |---|---|
//! | [`datagrams`] | random bytes and forged first packets: nothing that is a connection |
//! | [`handshakes`] | handshakes that nobody finishes, connections whose other end is gone, certificates that don't belong here |
//! | [`hosts`] | hosts of the fleet that have gone mad: frames too large, cut off, unreadable, never finished; strangers that ask to join the same way |
//! | [`http`] | heads and bodies that come a byte at a time, too large, cut off, no HTTP at all; answers that nobody reads |
//!
//! What they sit on is as much as there is; how much they send is little, so that it is fairness that is tried and not how much a
//! machine can bear: whoever sends more than a process can read has its socket drop packets of everybody.
//!
//! Each kind is tried again and again, a number of them at a time, from addresses of the loopback network that nobody
//! else has; some of those who make no noise but sit on what there is few of also from the address of the real agents. What was made is counted by kind; an answer that such a peer must not get, or a connection that is kept
//! though it is refused, is noted.

mod datagrams;
mod handshakes;
mod hosts;
mod http;

use crate::gate::Gate;
use crate::join::{self, Admitted, Invitation};
use anyhow::{Context as _, Result};
use muster_base::Clock;
use muster_identity::Fingerprint;
use muster_protocol::VERSIONS;
use muster_tests::Api;
use muster_tests::api::text;
use quinn::Endpoint;
use serde_json::json;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Hosts that go mad.
const MAD: usize = 4;
/// As many faults of the control plane are told; more are of the same kind.
const MOST_FAULTS: usize = 20;
/// How long whoever is refused may be kept. Strangers without a word have ten seconds.
const REFUSED_WITHIN: Duration = Duration::from_secs(8);
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// Bad peers at work. They stop when it is dropped.
pub struct BadPeers {
    runtime: Runtime,
    tasks: TaskTracker,
    stop: CancellationToken,
    target: Arc<Target>,
}

/// What they did.
#[derive(Debug, Clone)]
pub struct Deeds {
    /// Connections, or datagrams that are none, by kind.
    pub made: BTreeMap<&'static str, usize>,
    /// What the control plane should not have done.
    pub faults: Vec<String>,
}

/// Whom they mean, and what comes of it.
struct Target {
    link: SocketAddr,
    http: SocketAddr,
    ca_fingerprint: Fingerprint,
    clock: Clock,
    made: Mutex<BTreeMap<&'static str, usize>>,
    faults: Mutex<Vec<String>>,
}

impl BadPeers {
    /// Has some hosts join, who go mad at once, and everybody else begin.
    pub fn begin(admin: &Api) -> Result<Self> {
        let uses = json!({"uses": MAD, "expiresInS": 600});
        let grant = admin.post("/api/v1/join-tokens", &uses)?;
        let invitation = Invitation {
            token: text(&grant, "token")?.to_owned(),
            ca_fingerprint: text(&grant, "caFingerprint")?.parse()?,
        };
        let http = admin.base().trim_start_matches("http://");
        let target = Arc::new(Target {
            link: text(&grant, "server")?.parse()?,
            http: http.parse().context("the API is not at an address")?,
            ca_fingerprint: invitation.ca_fingerprint,
            clock: Clock::system(),
            made: Mutex::default(),
            faults: Mutex::default(),
        });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let admitted = runtime.block_on(admitted(&target, &invitation))?;
        let peers = Self {
            runtime,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            target,
        };
        peers.start(admitted)?;
        Ok(peers)
    }

    fn start(&self, admitted: Vec<Admitted>) -> Result<()> {
        let _here = self.runtime.enter();
        let first = admitted.first().context("no host joined")?;
        let strangers = handshakes::Strangers::new(&self.target, first)?;
        self.spawn(datagrams::noise(self.target.clone(), address(1, 0)));
        self.spawn(datagrams::forged(self.target.clone()));
        self.spawn(datagrams::noise(self.target.clone(), SHARED));
        for number in 0..handshakes::UNHEARING {
            let from = address(2, number);
            self.spawn(handshakes::unfinished(self.target.clone(), from, number, 0));
        }
        for (from, count) in [
            (address(8, 0), handshakes::UNFINISHED),
            (address(8, 1), handshakes::UNFINISHED),
            (SHARED, handshakes::OF_THE_SAME),
        ] {
            for number in 0..count {
                self.spawn(handshakes::unfinished(self.target.clone(), from, number, 1));
            }
        }
        for number in 0..handshakes::VANISHED {
            self.spawn(handshakes::vanished(self.target.clone(), number));
        }
        for (from, count) in [
            (address(5, 0), handshakes::SILENT),
            (address(5, 1), handshakes::SILENT),
            (SHARED, handshakes::OF_THE_SAME),
        ] {
            let endpoint = Endpoint::client(SocketAddr::new(from, 0))?;
            for number in 0..count {
                self.spawn(handshakes::silent(self.target.clone(), endpoint.clone(), number));
            }
        }
        self.spawn(handshakes::strangers(self.target.clone(), strangers));
        self.spawn(hosts::joiners(self.target.clone()));
        for (number, host) in admitted.into_iter().enumerate() {
            self.spawn(hosts::mad(self.target.clone(), host, number));
        }
        for number in 0..http::SLOW {
            self.spawn(http::slow_head(self.target.clone(), number));
            self.spawn(http::slow_body(self.target.clone(), number));
        }
        self.spawn(http::large(self.target.clone()));
        self.spawn(http::cut_off(self.target.clone()));
        self.spawn(http::garbage(self.target.clone()));
        self.spawn(http::deaf(self.target.clone()));
        Ok(())
    }

    fn spawn(&self, deed: impl Future<Output = Result<()>> + Send + 'static) {
        let (stop, target) = (self.stop.clone(), self.target.clone());
        let task = async move {
            if let Some(Err(error)) = stop.run_until_cancelled(deed).await {
                target.fault(format!("a bad peer gave up: {error:#}"));
            }
        };
        self.tasks.spawn_on(task, self.runtime.handle());
    }

    /// Ends it; what was done.
    pub fn end(self) -> Deeds {
        self.halt();
        Deeds {
            made: lock(&self.target.made).clone(),
            faults: lock(&self.target.faults).clone(),
        }
    }

    fn halt(&self) {
        self.stop.cancel();
        self.tasks.close();
        let stopped = async { tokio::time::timeout(STOP_PATIENCE, self.tasks.wait()).await };
        drop(self.runtime.block_on(stopped));
    }
}

impl Drop for BadPeers {
    fn drop(&mut self) {
        self.halt();
    }
}

async fn admitted(target: &Target, invitation: &Invitation) -> Result<Vec<Admitted>> {
    let mut admitted = Vec::new();
    for number in 0..MAD {
        let gate = Gate::at(address(4, number), target.link)?;
        let name = format!("mad-{number}");
        admitted.push(join::ask(&gate, invitation, &name, VERSIONS, &target.clock).await?);
        gate.close();
    }
    Ok(admitted)
}

impl Target {
    fn made(&self, kind: &'static str) {
        *lock(&self.made).entry(kind).or_default() += 1;
    }

    fn fault(&self, what: String) {
        let mut faults = lock(&self.faults);
        if faults.len() < MOST_FAULTS {
            faults.push(what);
        }
    }
}

/// The address of good hosts, which some share.
const SHARED: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// An address of the loopback network that is this peer's, and of nobody who means well.
fn address(kind: u8, number: usize) -> IpAddr {
    Ipv4Addr::new(127, 9, kind, u8::try_from(number % 250 + 1).unwrap_or(1)).into()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
