//! The container engine, spoken to over its own socket. The only room that knows bollard.
//!
//! Works from Engine 20.10 (API 1.41) on: the first word asks which version it speaks. Credentials travel in the
//! request's header and nowhere else; bollard's own log of request bodies goes through the `log` crate, which
//! nothing here listens to.
//!
//! Fails how: every call ends in time; [`DockerError`] says in a person's words what the engine or the registry
//! said. Nothing here decides what happens next: that is `deploy`'s.

mod body;
mod containers;
mod error;
mod facts;
mod images;
mod listed;
mod log;
mod pull;

use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, ClientVersion, Docker};

pub use body::MadeOf;
pub use containers::{Found, Health};
pub use error::DockerError;
pub use images::Holder;
pub use log::{Lines, Piece, Readable};
pub use pull::{Credentials, Pulled};

/// Where the engine listens unless somebody says otherwise.
pub const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";

const CALL_TIMEOUT: Duration = Duration::from_mins(1);
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);

/// A pull that makes no progress for longer has an end: the engine itself waits for ever.
const STALLED_AFTER: Duration = Duration::from_mins(2);

/// A container engine that answered.
#[derive(Clone)]
pub struct Engine {
    docker: Docker,
    version: Option<String>,
    stalled_after: Duration,
}

impl Engine {
    /// Connects to the engine behind `host` (`unix:///path`) and agrees on a version.
    pub async fn connect(host: &str) -> Result<Self, DockerError> {
        let path = host.strip_prefix("unix://").unwrap_or(host);
        let unreachable = |reason: String| DockerError::EngineUnreachable {
            host: host.to_owned(),
            reason,
        };
        let connect = |version: &ClientVersion| {
            Docker::connect_with_unix(path, CALL_TIMEOUT.as_secs(), version)
                .map_err(|e| unreachable(e.to_string()))
        };
        let asking = connect(API_DEFAULT_VERSION)?;
        let answer = match tokio::time::timeout(HELLO_TIMEOUT, asking.version()).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(e)) => return Err(unreachable(e.to_string())),
            Err(_) => return Err(unreachable("it does not answer".to_owned())),
        };
        let speaks = answer.api_version.as_deref().and_then(api_version);
        let speaks = speaks.ok_or_else(|| unreachable("it does not say which API it speaks".to_owned()))?;
        let docker = connect(if speaks < *API_DEFAULT_VERSION {
            &speaks
        } else {
            API_DEFAULT_VERSION
        })?
        .with_request_modifier(|mut request| {
            // The engine reads this header as URL-safe base64 and drops, without a word, what it can't read;
            // bollard writes the other alphabet. They differ for `>`, `?` and `~` in a password.
            if let Some(auth) = request.headers_mut().get_mut("x-registry-auth") {
                let safe = auth.to_str().map(|text| text.replace('+', "-").replace('/', "_"));
                if let Some(Ok(value)) = safe.ok().map(|text| text.parse()) {
                    *auth = value;
                    auth.set_sensitive(true);
                }
            }
            request
        });
        Ok(Self {
            docker,
            version: answer.version,
            stalled_after: STALLED_AFTER,
        })
    }

    /// The engine's version.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }
}

/// `1.41`.
fn api_version(text: &str) -> Option<ClientVersion> {
    let (major, minor) = text.split_once('.')?;
    Some(ClientVersion {
        major_version: major.parse().ok()?,
        minor_version: minor.parse().ok()?,
    })
}
