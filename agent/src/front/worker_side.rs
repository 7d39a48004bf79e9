//! The worker's half: writes routes, sees to it that a front runs, and waits for its word.

use std::{
    io,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use crate::config::DataDir;

use super::{
    route::{self, Route, Status},
    serve,
};

const LOOK_EVERY: Duration = Duration::from_millis(50);
/// A front that runs answers in a moment; one that is started needs a little longer.
const PATIENCE: Duration = Duration::from_secs(15);
/// A front that is started has taken its lock by then.
const START: Duration = Duration::from_secs(1);
/// What keeps the front from listening may go by itself: a container that was just stopped gives its port free.
const ERRORS_LAST: Duration = Duration::from_secs(3);
/// Loopback ports given to containers: below those that the kernel gives to outgoing connections.
const PORTS: std::ops::Range<u16> = 23_000..32_000;

/// What went wrong with the front.
#[derive(Debug, thiserror::Error)]
pub enum FrontError {
    /// Its files can't be written or read.
    #[error("the front's files can't be used: {0}")]
    Files(#[from] io::Error),
    /// It can't be started.
    #[error("the front {0} can't be started: {1}")]
    Start(PathBuf, #[source] io::Error),
    /// It says why it does not serve.
    #[error("the front can't listen: {0}")]
    Listen(String),
    /// It says nothing.
    #[error(
        "the front does not answer; look at muster-front.service on the host (`systemctl status muster-front.path`)"
    )]
    Silent,
    /// All are in use.
    #[error("no loopback port from {} to {} is free", PORTS.start, PORTS.end)]
    NoPort,
}

/// Where the front's files are, and who starts it.
#[derive(Debug, Clone)]
pub struct Fronts {
    /// Routes.
    pub routes: PathBuf,
    /// Status files and the lock.
    pub state: PathBuf,
    /// `muster-front`, if it is the worker's to start.
    pub program: Option<PathBuf>,
}

impl Fronts {
    /// The front of this data directory. `state` is where systemd's keeps its status; without, it is the worker's to start.
    pub fn new(data: &DataDir, state: Option<PathBuf>) -> Self {
        let beside = |this: PathBuf| this.with_file_name("muster-front");
        Self {
            program: match state {
                Some(_) => None,
                None => Some(std::env::current_exe().map_or_else(|_| "muster-front".into(), beside)),
            },
            state: state.unwrap_or_else(|| data.fronts().join("state")),
            routes: data.fronts(),
        }
    }

    /// What is served under this name.
    pub fn route(&self, name: &str) -> io::Result<Option<Route>> {
        route::read(&self.routes, name)
    }

    /// Has the front serve `wanted` under this name, or nothing; on return it does.
    pub async fn point_at(&self, name: &str, wanted: Option<&Route>) -> Result<(), FrontError> {
        match wanted {
            Some(route) => self.serve(name, route).await,
            None => self.withdraw(name).await,
        }
    }

    async fn serve(&self, name: &str, wanted: &Route) -> Result<(), FrontError> {
        if !self.routes.is_dir() {
            std::fs::create_dir_all(&self.routes)?;
            // The front has a user of its own, and the worker's mask is strict.
            std::fs::set_permissions(&self.routes, std::fs::Permissions::from_mode(0o755))?;
        }
        if self.route(name)?.as_ref() != Some(wanted) {
            route::write(&self.routes, name, wanted)?;
        }
        let began = Instant::now();
        let mut asked: Option<Instant> = None;
        loop {
            if asked.is_none_or(|at| at.elapsed() >= START) {
                self.ensure()?;
                asked = Some(Instant::now());
            }
            match self.status(name)? {
                Some(status) if serve::serves(&status, wanted.order) && self.is_running()? => return Ok(()),
                Some(Status {
                    order,
                    error: Some(why),
                    ..
                }) if order == wanted.order && began.elapsed() >= ERRORS_LAST => {
                    return Err(FrontError::Listen(why));
                }
                _ if began.elapsed() >= PATIENCE => return Err(FrontError::Silent),
                _ => sleep(LOOK_EVERY).await,
            }
        }
    }

    async fn withdraw(&self, name: &str) -> Result<(), FrontError> {
        if self.route(name)?.is_none() {
            return Ok(());
        }
        route::remove(&self.routes, name)?;
        let began = Instant::now();
        while self.status(name)?.is_some() && self.is_running()? {
            if began.elapsed() >= PATIENCE {
                return Err(FrontError::Silent);
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Connections that are still with containers before the present one. `None` if nobody knows: then there are none.
    pub fn before(&self, name: &str) -> io::Result<Option<usize>> {
        if !self.is_running()? {
            return Ok(None);
        }
        Ok(self.status(name)?.map(|status| status.before))
    }

    /// Starts the front if there are routes, it is ours to start and it does not run.
    pub fn ensure(&self) -> Result<(), FrontError> {
        let Some(program) = &self.program else {
            return Ok(());
        };
        let routes = route::names(&self.routes).unwrap_or_default();
        if routes.is_empty() || self.is_running()? {
            return Ok(());
        }
        std::fs::create_dir_all(&self.state)?;
        // It has a session of its own and outlives us; init takes care of its end.
        Command::new(program)
            .arg("--routes")
            .arg(&self.routes)
            .arg("--state")
            .arg(&self.state)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map(drop)
            .map_err(|error| FrontError::Start(program.clone(), error))
    }

    /// A loopback port for a container.
    pub fn free_port(&self, salt: u64, taken: &[u16]) -> Result<u16, FrontError> {
        let mut known = taken.to_vec();
        for name in route::names(&self.routes).unwrap_or_default() {
            let ports = self.route(&name)?.map(|route| route.ports);
            known.extend(ports.iter().flatten().map(|port| port.to));
        }
        let count = u64::from(PORTS.end - PORTS.start);
        (0..count)
            .filter_map(|step| u16::try_from(u64::from(PORTS.start) + salt.wrapping_add(step) % count).ok())
            .find(|port| !known.contains(port) && std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok())
            .ok_or(FrontError::NoPort)
    }

    fn status(&self, name: &str) -> io::Result<Option<Status>> {
        // The state directory comes with the front's first start.
        route::read(&self.state, name)
    }

    fn is_running(&self) -> io::Result<bool> {
        match serve::lock(&self.state) {
            Ok(lock) => Ok(lock.is_none()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            // The front's user made the file, and we have no capability to write it: it is there, so systemd started it.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(true),
            Err(error) => Err(error),
        }
    }
}
