//! What the service manager (systemd, `Type=notify`) is told of the control plane.
//!
//! | state | told | watchdog |
//! |---|---|---|
//! | starting | nothing: a new version may have much to migrate | not fed |
//! | not installed, waiting for the database | ready, and which of the two it is | fed by answers |
//! | serving | ready, and how many agents are connected | fed by answers, unless a task is lost |
//!
//! A task asks the process's own HTTP side as a stranger would, over TCP. The first answer makes it ready: the install
//! page can be opened, or the agents' door is open, too. From then on each answer feeds the watchdog, as long as no
//! task is lost that the process can't do without. A runtime that is stuck, a listener that accepts no more or a dead
//! task so lets the watchdog run out, and systemd starts the control plane anew. A database that does not answer is no
//! reason: the server is alive without it and recovers when it is back.
//!
//! Without a service manager nothing of this happens.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use sd_notify::NotifyState;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
    time::{MissedTickBehavior, interval, timeout},
};
use tracing::{debug, warn};

use crate::{app::App, tasks::Tasks};

/// How often the process asks itself where no watchdog wants it more often.
const EVERY: Duration = Duration::from_secs(10);
/// How long an answer may take before it is asked for again.
const PATIENCE: Duration = Duration::from_secs(5);
/// Enough of an answer to know it by.
const ALIVE: &[u8] = b"HTTP/1.1 200";

/// What the process is at.
#[derive(Debug, Clone)]
enum Phase {
    Starting,
    /// Something other than the whole is served, and why.
    Before(&'static str),
    Serving(App),
}

impl Phase {
    /// The line that the service manager shows.
    fn status(&self) -> Option<String> {
        match self {
            Self::Starting => None,
            Self::Before(why) => Some((*why).to_owned()),
            Self::Serving(app) => Some(format!("serving; {} agents connected", app.links.online_count())),
        }
    }
}

/// Told what the process is at, and tells the service manager.
#[derive(Debug)]
pub struct Supervisor(watch::Sender<Phase>);

impl Supervisor {
    /// Starts telling the service manager, if there is one. `http` is where the HTTP side listens.
    pub fn start(tasks: &Tasks, http: SocketAddr) -> Self {
        let (sender, phase) = watch::channel(Phase::Starting);
        if std::env::var_os("NOTIFY_SOCKET").is_some() {
            let every = sd_notify::watchdog_enabled().map_or(EVERY, |limit| limit / 4);
            let stopping = tasks.stopping();
            let telling = tell(phase, reachable(http), every);
            tasks.spawn("supervise", async move {
                stopping.run_until_cancelled(telling).await;
            });
        }
        Self(sender)
    }

    /// The installer is served from now on.
    pub fn not_installed(&self) {
        self.0
            .send_replace(Phase::Before("not installed: the setup token is in the journal"));
    }

    /// Everybody is told from now on that the database is away.
    pub fn waiting(&self) {
        self.0.send_replace(Phase::Before("waiting for the database"));
    }

    /// Nobody is answered until the next phase.
    pub fn starting(&self) {
        self.0.send_replace(Phase::Starting);
    }

    /// Everything is served from now on.
    pub fn serving(&self, app: &App) {
        self.0.send_replace(Phase::Serving(app.clone()));
    }
}

/// The process begins to stop.
pub fn stopping() {
    notify(&[NotifyState::Stopping]);
}

/// Asks at every tick and at every change of the phase; ends with its sender.
async fn tell(mut phase: watch::Receiver<Phase>, http: SocketAddr, every: Duration) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = Told::default();
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            changed = phase.changed() => if changed.is_err() { return },
        }
        let now = phase.borrow_and_update().clone();
        if let Some(status) = now.status() {
            tell_once(&now, status, http, &mut told).await;
        }
    }
}

#[derive(Default)]
struct Told {
    ready: bool,
    status: String,
}

async fn tell_once(phase: &Phase, status: String, http: SocketAddr, told: &mut Told) {
    if let Phase::Serving(app) = phase
        && let Some(task) = app.tasks.lost()
    {
        warn!(task.name = task, "the watchdog is left to run out");
        return;
    }
    if let Err(error) = ask(http).await {
        warn!(%error, "the control plane does not answer itself");
        return;
    }
    let mut states = vec![NotifyState::Watchdog];
    if !told.ready {
        states.push(NotifyState::Ready);
    }
    if status != told.status {
        states.push(NotifyState::Status(&status));
    }
    notify(&states);
    *told = Told { ready: true, status };
}

/// Asks `/healthz` as anybody else would.
async fn ask(http: SocketAddr) -> io::Result<()> {
    let asked = async {
        let mut stream = TcpStream::connect(http).await?;
        stream
            .write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .await?;
        let mut answer = [0; ALIVE.len()];
        stream.read_exact(&mut answer).await?;
        if answer == ALIVE {
            Ok(())
        } else {
            Err(io::Error::other("an answer other than 200 to /healthz"))
        }
    };
    timeout(PATIENCE, asked).await?
}

/// From here: a listener on every address is asked on the loopback one.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        other => other.ip(),
    };
    SocketAddr::new(ip, listen.port())
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        debug!(%error, "the service manager can't be told");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_every_address_is_asked_on_the_loopback_one() {
        let asked = |listen: &str| reachable(listen.parse().unwrap()).to_string();
        assert_eq!(asked("0.0.0.0:8440"), "127.0.0.1:8440");
        assert_eq!(asked("[::]:8440"), "[::1]:8440");
        assert_eq!(asked("10.1.2.3:80"), "10.1.2.3:80");
    }

    #[tokio::test]
    async fn only_a_server_that_says_so_is_alive() {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .unwrap();
        let address = listener.local_addr().unwrap();
        let server = async {
            for answer in [
                "HTTP/1.1 200 OK\r\n\r\n",
                "HTTP/1.1 503 Service Unavailable\r\n\r\n",
            ] {
                let (mut stream, _) = listener.accept().await.unwrap();
                stream.read_exact(&mut [0; 32]).await.unwrap();
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        };
        let ((), asked) = tokio::join!(server, async { (ask(address).await, ask(address).await) });
        assert!(asked.0.is_ok() && asked.1.is_err(), "{asked:?}");
        drop(listener);
        assert!(ask(address).await.is_err());
    }
}
