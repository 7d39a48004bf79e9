//! The front's process: watches the routes, listens, and says how it stands.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{File, OpenOptions},
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use muster_base::OrderId;
use nix::fcntl::{Flock, FlockArg};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
    time::{Instant, sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    http,
    route::{self, Mode, Route, RoutePort, Status},
    tcp,
};

const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Without a route for so long, there is nothing to stay for.
const IDLE: Duration = Duration::from_secs(10);
const BACKLOG: u32 = 4_096;
/// What is under way when the front is asked to stop may take so long.
const LAST_WORDS: Duration = Duration::from_secs(30);
const LOCK_TRIES: u32 = 5;
/// The lock's file in the state directory.
pub(super) const LOCK: &str = "front.lock";

/// Where the front's files are.
#[derive(Debug, Clone)]
pub struct Dirs {
    /// Routes; only read.
    pub routes: PathBuf,
    /// Status files and the lock.
    pub state: PathBuf,
}

/// Who serves at this moment, for whoever accepts.
#[derive(Debug, Clone)]
pub struct Target {
    /// Where.
    pub address: SocketAddr,
    /// Connections that are there.
    pub serving: Arc<Serving>,
}

/// How many connections are with one container.
#[derive(Debug, Default)]
pub struct Serving(AtomicUsize);

/// One connection; counts until it is dropped.
#[derive(Debug)]
pub struct Guest(Arc<Serving>);

impl Serving {
    /// One more.
    pub fn enter(self: &Arc<Self>) -> Guest {
        self.0.fetch_add(1, Ordering::SeqCst);
        Guest(Arc::clone(self))
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Runs until `stop`, or until there has been no route for a while. Returns at once if another front runs.
pub async fn run(dirs: &Dirs, stop: CancellationToken) -> io::Result<()> {
    let Some(_lock) = take_lock(&dirs.state).await? else {
        return Ok(());
    };
    let mut services: HashMap<String, Service> = HashMap::new();
    let connections = TaskTracker::new();
    let mut last_route = Instant::now();
    // When the directory goes, whoever made it is gone.
    while let Ok(names) = route::names(&dirs.routes) {
        for name in &names {
            if let Some(route) = route::read::<Route>(&dirs.routes, name)? {
                last_route = Instant::now();
                let service = services.entry(name.clone()).or_default();
                service.follow(route, &connections);
                service.tell(&dirs.state, name)?;
            }
        }
        for name in services.keys().filter(|name| !names.contains(name)) {
            route::remove(&dirs.state, name)?;
        }
        services.retain(|name, _| names.contains(name));
        if last_route.elapsed() >= IDLE {
            break;
        }
        tokio::select! {
            () = sleep(LOOK_EVERY) => {}
            () = stop.cancelled() => break,
        }
    }
    // Nobody is let in any more; who is in may finish.
    services.clear();
    connections.close();
    drop(timeout(LAST_WORDS, connections.wait()).await);
    Ok(())
}

/// The lock. A worker that looks whether a front runs has it for a moment, too.
async fn take_lock(state: &Path) -> io::Result<Option<Flock<File>>> {
    for _ in 0..LOCK_TRIES {
        if let Some(lock) = lock(state)? {
            return Ok(Some(lock));
        }
        sleep(LOOK_EVERY / LOCK_TRIES).await;
    }
    Ok(None)
}

/// The lock, unless another front has it.
pub(super) fn lock(state: &Path) -> io::Result<Option<Flock<File>>> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o644)
        .open(state.join(LOCK))?;
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(Some(lock)),
        Err((_, nix::errno::Errno::EWOULDBLOCK)) => Ok(None),
        Err((_, errno)) => Err(errno.into()),
    }
}

/// One service: its listeners, and who serves.
#[derive(Default)]
struct Service {
    route: Option<Route>,
    doors: BTreeMap<(Option<String>, u16), Door>,
    /// Containers before the present one.
    before: Vec<Arc<Serving>>,
    errors: Vec<String>,
    told: Option<Status>,
}

/// A listener; closed when dropped.
struct Door {
    target: watch::Sender<Target>,
    mode: Mode,
    closed: CancellationToken,
}

impl Drop for Door {
    fn drop(&mut self) {
        self.closed.cancel();
    }
}

impl Service {
    /// Does what the route says, if it is another than before, or if it could not be done then.
    fn follow(&mut self, route: Route, connections: &TaskTracker) {
        self.before.retain(|serving| serving.count() > 0);
        if self.route.as_ref() == Some(&route) && self.errors.is_empty() {
            return;
        }
        let same_targets = self
            .route
            .as_ref()
            .is_some_and(|known| known.ports == route.ports);
        let serving = Arc::new(Serving::default());
        self.errors.clear();
        let before = &mut self.before;
        self.doors.retain(|(ip, port), door| {
            let stays = door.mode == route.mode && route.ports.iter().any(|p| p.ip == *ip && p.port == *port);
            if !stays {
                before.push(Arc::clone(&door.target.borrow().serving));
            }
            stays
        });
        for port in &route.ports {
            let key = (port.ip.clone(), port.port);
            match self.doors.get(&key) {
                Some(_) if same_targets => {}
                Some(door) => {
                    let target = Target {
                        address: port.target(),
                        serving: Arc::clone(&serving),
                    };
                    // Whoever accepts holds the lock while it enters, so that nobody is let in to the old one from here on.
                    self.before.push(door.target.send_replace(target).serving);
                }
                None => match open(port, route.mode, &serving, connections) {
                    Ok(door) => drop(self.doors.insert(key, door)),
                    Err(error) => self
                        .errors
                        .push(format!("port {} of the host: {error}", port.port)),
                },
            }
        }
        self.route = Some(route);
    }

    /// Writes the status if it changed.
    fn tell(&mut self, state: &Path, name: &str) -> io::Result<()> {
        let Some(route) = &self.route else {
            return Ok(());
        };
        let status = Status {
            order: route.order,
            error: (!self.errors.is_empty()).then(|| self.errors.join("; ")),
            before: self.before.iter().map(|serving| serving.count()).sum(),
            pid: std::process::id(),
        };
        if self.told.as_ref() != Some(&status) {
            route::write(state, name, &status)?;
            self.told = Some(status);
        }
        Ok(())
    }
}

fn open(port: &RoutePort, mode: Mode, serving: &Arc<Serving>, connections: &TaskTracker) -> io::Result<Door> {
    let listener = listen(port)?;
    let (target, present) = watch::channel(Target {
        address: port.target(),
        serving: Arc::clone(serving),
    });
    let closed = CancellationToken::new();
    let door = closed.clone();
    let guests = connections.clone();
    connections.spawn(accept(listener, mode, present, door, guests));
    Ok(Door { target, mode, closed })
}

fn listen(port: &RoutePort) -> io::Result<TcpListener> {
    let at = |ip: IpAddr| -> io::Result<TcpListener> {
        let address = SocketAddr::new(ip, port.port);
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        // A front that ended leaves connections behind that the kernel still remembers.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    match &port.ip {
        Some(ip) => at(ip
            .parse()
            .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?),
        // Both families; a host may have one only.
        None => at(Ipv6Addr::UNSPECIFIED.into()).or_else(|error| match error.kind() {
            io::ErrorKind::AddrInUse => Err(error),
            _ => at(Ipv4Addr::UNSPECIFIED.into()),
        }),
    }
}

async fn accept(
    listener: TcpListener,
    mode: Mode,
    target: watch::Receiver<Target>,
    closed: CancellationToken,
    connections: TaskTracker,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = closed.cancelled() => return,
        };
        let Ok((client, _)) = accepted else {
            // Out of file descriptors, or the client went: the next may do.
            sleep(LOOK_EVERY).await;
            continue;
        };
        let target = target.clone();
        let closed = closed.clone();
        connections.spawn(async move {
            if let Err(error) = serve(client, mode, target, closed).await {
                tracing::debug!(%error, "a connection ended");
            }
        });
    }
}

async fn serve(
    client: TcpStream,
    mode: Mode,
    mut target: watch::Receiver<Target>,
    closed: CancellationToken,
) -> io::Result<()> {
    client.set_nodelay(true)?;
    match mode {
        Mode::Http => http::serve(client, target, closed).await,
        Mode::Tcp => {
            let (address, guest) = enter(&mut target);
            let served = tcp::serve(client, address).await;
            drop(guest);
            served
        }
    }
}

/// Who serves now, and a place there: nobody is let in to a container that another has replaced.
pub(super) fn enter(target: &mut watch::Receiver<Target>) -> (SocketAddr, Guest) {
    let present = target.borrow_and_update();
    (present.address, present.serving.enter())
}

/// Whether this order's route is served.
pub(super) fn serves(status: &Status, order: OrderId) -> bool {
    status.order == order && status.error.is_none()
}
