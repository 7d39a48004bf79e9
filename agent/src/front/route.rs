//! Routes and their status, as files.

use std::{
    fs, io,
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use muster_base::OrderId;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A file that is bigger is not ours.
const MAX_BYTES: u64 = 64 * 1024;

/// What a service's connections are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// HTTP/1: each request goes to the container that serves at that moment.
    Http,
    /// Anything: a connection stays where it began.
    Tcp,
}

/// Where one service listens and who serves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Route {
    /// The order that put the serving container there.
    pub order: OrderId,
    /// What connections are.
    pub mode: Mode,
    /// Its ports.
    pub ports: Vec<RoutePort>,
}

/// One published port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoutePort {
    /// Address on the host; all if not given.
    pub ip: Option<String>,
    /// Port on the host.
    pub port: u16,
    /// The loopback port where the engine publishes the container's.
    pub to: u16,
}

impl RoutePort {
    /// Where the container is reached.
    pub fn target(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.to))
    }
}

/// What the front says of a route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The order whose route is served.
    pub order: OrderId,
    /// Why some port is not served.
    pub error: Option<String>,
    /// Connections that are with containers before this one.
    pub before: usize,
    /// Process id of the front.
    pub pid: u32,
}

/// The file of a service in a directory. A name that would be a path is none.
fn file(dir: &Path, name: &str) -> io::Result<PathBuf> {
    if name.is_empty() || name.starts_with('.') || name.contains(['/', '\0']) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{name:?} can't be a container's name"),
        ));
    }
    Ok(dir.join(format!("{name}.json")))
}

/// Replaces the file in one step. Everybody may read it, whatever the process's mask says.
pub fn write<T: Serialize>(dir: &Path, name: &str, value: &T) -> io::Result<()> {
    let path = file(dir, name)?;
    let text = serde_json::to_vec(value).map_err(io::Error::other)?;
    let new = dir.join(format!(".{name}.new"));
    fs::write(&new, text)?;
    fs::set_permissions(&new, fs::Permissions::from_mode(0o644))?;
    fs::rename(&new, path)
}

/// What the file says; `None` if there is none, or nothing that can be read.
pub fn read<T: DeserializeOwned>(dir: &Path, name: &str) -> io::Result<Option<T>> {
    let path = file(dir, name)?;
    match fs::metadata(&path) {
        Ok(about) if about.len() > MAX_BYTES => return Ok(None),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    }
    match fs::read(&path) {
        Ok(text) => Ok(serde_json::from_slice(&text).ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Removes the file, if it is there.
pub fn remove(dir: &Path, name: &str) -> io::Result<()> {
    match fs::remove_file(file(dir, name)?) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Names of the services that have a file there.
pub fn names(dir: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        let Some(name) = name.to_str().and_then(|name| name.strip_suffix(".json")) else {
            continue;
        };
        if !name.starts_with('.') {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}
