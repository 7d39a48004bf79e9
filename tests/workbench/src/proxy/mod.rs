//! A network that fails when a test says so: a proxy in front of a real service, over TCP or a Unix socket.
//!
//! A [`Fault`] happens once, at the byte that it names; what comes after it goes through again, unless the proxy was
//! told to stay dead ([`Proxy::fail_for_good`]). All that passes is passed unchanged.

mod conn;
mod pump;

pub use conn::Endpoint;

use anyhow::{Result, bail};
use conn::{Conn, Listener};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What goes wrong, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// What holds these bytes never arrives: the connection breaks instead.
    Before(&'static str),
    /// What holds these bytes arrives, and the connection breaks at once.
    During(&'static str),
    /// What holds these bytes arrives and is answered; the connection breaks instead of passing the answer back.
    After(&'static str),
    /// The connection breaks when the service has said this many bytes.
    AfterBytes(u64),
    /// From these bytes of the client on, nothing passes any more on this connection, and nothing is closed.
    Hang(&'static str),
    /// What holds these bytes arrives, and from then on nothing passes back to the client on this connection, and nothing
    /// is closed: as when the client's address has changed.
    Mute(&'static str),
    /// The client vanishes when it says these bytes: they never arrive, nothing passes any more on this connection, and the
    /// service does not even hear that the client has closed it, as when a host loses its power or its address.
    Vanish(&'static str),
    /// What holds these bytes waits until [`Proxy::release`].
    Hold(&'static str),
}

/// What new connections get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// The service.
    Pass,
    /// An end at once.
    Close,
    /// Nothing at all, for ever.
    Silent,
}

/// How far the planned fault has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It is to come.
    Planned,
    /// It happened.
    Happened,
    /// It happened, and what it held was let go.
    Released,
}

/// The proxy. It and its connections end when this is dropped.
pub struct Proxy {
    endpoint: Endpoint,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    target: Endpoint,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    mode: Mode,
    fault: Option<Fault>,
    /// Whether the proxy stays dead after the fault.
    for_good: bool,
    stage: Stage,
    stopping: bool,
    /// Bytes that the service has said.
    said: u64,
    live: Vec<Conn>,
    pumps: Vec<JoinHandle<()>>,
}

impl Proxy {
    /// A proxy on a free port in front of the service at `target`.
    pub fn tcp(target: Endpoint) -> Result<Self> {
        Self::start(&Endpoint::port(0), target)
    }

    /// A proxy on a free port of `address`, for peers that reach only that one of this machine's addresses.
    pub fn tcp_at(address: IpAddr, target: Endpoint) -> Result<Self> {
        Self::start(&Endpoint::Tcp((address, 0).into()), target)
    }

    /// A proxy at the socket `path` in front of the service at `target`.
    pub fn unix(path: PathBuf, target: Endpoint) -> Result<Self> {
        Self::start(&Endpoint::Unix(path), target)
    }

    fn start(at: &Endpoint, target: Endpoint) -> Result<Self> {
        let listener = Listener::bind(at)?;
        let endpoint = listener.endpoint(at)?;
        let shared = Arc::new(Shared {
            target,
            state: Mutex::new(State {
                mode: Mode::Pass,
                fault: None,
                for_good: false,
                stage: Stage::Planned,
                stopping: false,
                said: 0,
                live: Vec::new(),
                pumps: Vec::new(),
            }),
            changed: Condvar::new(),
        });
        let accepting = Arc::clone(&shared);
        Ok(Self {
            endpoint,
            shared,
            accepting: Some(std::thread::spawn(move || pump::accept(&accepting, &listener))),
        })
    }

    /// Where it listens.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Its port.
    ///
    /// # Errors
    /// It listens at a Unix socket.
    pub fn port(&self) -> Result<u16> {
        match &self.endpoint {
            Endpoint::Tcp(address) => Ok(address.port()),
            Endpoint::Unix(path) => bail!("{} has no port", path.display()),
        }
    }

    /// Lets this go wrong once; after it everything passes.
    pub fn fail(&self, fault: Fault) {
        self.plan(fault, false);
    }

    /// Lets this go wrong, and stays dead after it.
    pub fn fail_for_good(&self, fault: Fault) {
        self.plan(fault, true);
    }

    fn plan(&self, fault: Fault, for_good: bool) {
        let mut state = self.shared.lock();
        state.fault = Some(fault);
        state.for_good = for_good;
        (state.stage, state.said) = (Stage::Planned, 0);
    }

    /// Whether the planned fault has happened.
    pub fn has_failed(&self) -> bool {
        self.shared.lock().stage != Stage::Planned
    }

    /// Waits until the planned fault has happened.
    ///
    /// # Errors
    /// It did not within `deadline`.
    pub fn wait_failed(&self, deadline: Duration) -> Result<()> {
        let end = Instant::now() + deadline;
        let mut state = self.shared.lock();
        while state.stage == Stage::Planned {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                bail!("{:?} did not happen within {deadline:?}", state.fault);
            }
            let waited = self.shared.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(())
    }

    /// Lets go on what a [`Fault::Hold`] holds.
    pub fn release(&self) {
        self.shared.lock().stage = Stage::Released;
        self.shared.changed.notify_all();
    }

    /// Cuts every connection; new ones end at once.
    pub fn die(&self) {
        self.set(Mode::Close);
        self.shared.cut_all();
    }

    /// New connections are accepted and hear nothing.
    pub fn fall_silent(&self) {
        self.set(Mode::Silent);
    }

    /// Everything passes again.
    pub fn recover(&self) {
        self.set(Mode::Pass);
    }

    fn set(&self, mode: Mode) {
        self.shared.lock().mode = mode;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.lock().stopping = true;
        self.shared.changed.notify_all();
        if let Some(accepting) = self.accepting.take() {
            accepting.join().ok();
        }
        self.shared.cut_all();
        let pumps = std::mem::take(&mut self.shared.lock().pumps);
        for pump in pumps {
            pump.join().ok();
        }
        if let Endpoint::Unix(path) = &self.endpoint {
            std::fs::remove_file(path).ok();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cut_all(&self) {
        for conn in self.lock().live.drain(..) {
            conn.cut();
        }
    }

    /// The planned fault happens now; `false` if another connection had it.
    fn happen(&self) -> bool {
        let mut state = self.lock();
        if state.stage != Stage::Planned {
            return false;
        }
        state.stage = Stage::Happened;
        if state.for_good {
            state.mode = Mode::Close;
        }
        drop(state);
        self.changed.notify_all();
        true
    }

    /// Waits until what is held is let go.
    fn wait_released(&self) {
        let mut state = self.lock();
        while state.stage != Stage::Released && !state.stopping {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
