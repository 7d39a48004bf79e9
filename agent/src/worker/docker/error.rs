//! What can go wrong at the engine and the registry behind it, told apart by what a person would do about it.

use bollard::errors::Error as Bollard;

/// The engine did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum DockerError {
    /// Nobody answers at the socket.
    #[error(
        "the container engine at {host} can't be reached: {reason}; check on the host that it runs \
         (`systemctl status docker`)"
    )]
    EngineUnreachable {
        /// Its address.
        host: String,
        /// Why.
        reason: String,
    },
    /// The connection to the engine broke in the middle of a call.
    #[error(
        "the container engine stopped answering ({0}); check on the host that it runs (`systemctl status docker`)"
    )]
    EngineAway(String),
    /// The registry does not answer the engine.
    #[error(
        "the registry {registry} can't be reached from the host: {reason}; check that it runs and that the host's \
         network reaches it, then deploy again"
    )]
    RegistryUnreachable {
        /// Its address.
        registry: String,
        /// The engine's words.
        reason: String,
    },
    /// The registry refuses the credentials, or wants some.
    #[error(
        "the registry {registry} refused the credentials for {image}: {reason}; check the registry's user and \
         password (or token) in Muster, and that they may pull this image"
    )]
    Unauthorized {
        /// Its address.
        registry: String,
        /// What was pulled.
        image: String,
        /// The engine's words.
        reason: String,
    },
    /// The registry has no such tag or digest.
    #[error("the registry has no image {image}: {reason}; check that this version was built and pushed")]
    NoSuchImage {
        /// What was pulled.
        image: String,
        /// The engine's words.
        reason: String,
    },
    /// The image is not here and may not be pulled.
    #[error(
        "the host has no image {image} that came from its registry, and its pull policy is `never`: pull it on the host first, or \
         choose `missing` or `always`"
    )]
    NotHere {
        /// What was looked for.
        image: String,
    },
    /// What was pulled is not what was approved.
    #[error(
        "the image {image} has the digest {actual}, expected {expected}: somebody moved the tag; deploy the version \
         anew to take what it is now"
    )]
    WrongDigest {
        /// What was pulled.
        image: String,
        /// What the order names.
        expected: String,
        /// What came.
        actual: String,
    },
    /// The engine's disk is full.
    #[error(
        "no space is left where the container engine keeps its data: {0}; free some on the host (`docker system df` \
         shows what takes it), then deploy again"
    )]
    NoSpace(String),
    /// A port of the host is in use.
    #[error(
        "a port is taken on the host: {0}; stop what uses it, or publish the application at another port"
    )]
    PortTaken(String),
    /// The pull made no progress for too long.
    #[error(
        "the pull of {image} made no progress for {after_s} s; check the registry and the network between it and the \
         host, then deploy again"
    )]
    PullStalled {
        /// What was pulled.
        image: String,
        /// How long it was waited for.
        after_s: u64,
    },
    /// There is no such container, network or volume.
    #[error("not found: {0}")]
    NotFound(String),
    /// The name belongs to another container.
    #[error("the name is taken: {0}")]
    Conflict(String),
    /// Anything else the engine said.
    #[error("the container engine said: {0}")]
    Engine(String),
}

impl From<Bollard> for DockerError {
    fn from(error: Bollard) -> Self {
        match error {
            Bollard::DockerResponseServerError {
                status_code: 404,
                message,
            } => Self::NotFound(message),
            Bollard::DockerResponseServerError {
                status_code: 409,
                message,
            } => Self::Conflict(message),
            Bollard::DockerResponseServerError { message, .. } if is_port_taken(&message) => {
                Self::PortTaken(message)
            }
            Bollard::DockerResponseServerError { message, .. } if is_disk_full(&message) => {
                Self::NoSpace(message)
            }
            Bollard::DockerResponseServerError { message, .. } => Self::Engine(message),
            Bollard::IOError { err } => Self::EngineAway(chain(&err)),
            Bollard::HyperResponseError { err } => Self::EngineAway(chain(&err)),
            Bollard::HyperLegacyError { err } => Self::EngineAway(chain(&err)),
            Bollard::RequestTimeoutError => Self::EngineAway("no answer in time".to_owned()),
            other => Self::Engine(other.to_string()),
        }
    }
}

impl DockerError {
    /// The failure of a pull, from the words that the engine passes on: its status codes tell too little.
    pub(super) fn of_pull(error: Bollard, registry: &str, image: &str) -> Self {
        let (status, reason) = match error {
            Bollard::DockerResponseServerError { status_code, message } => (status_code, message),
            Bollard::DockerStreamError { error } => (0, error),
            other => return other.into(),
        };
        let words = reason.to_ascii_lowercase();
        let says = |any: &[&str]| any.iter().any(|part| words.contains(part));
        let (registry, image) = (registry.to_owned(), image.to_owned());
        if is_disk_full(&words) {
            Self::NoSpace(reason)
        } else if says(&[
            "no basic auth credentials",
            "unauthorized",
            "authentication required",
            "access denied",
            "denied:",
        ]) {
            Self::Unauthorized {
                registry,
                image,
                reason,
            }
        } else if says(&["manifest unknown", "not found", "no such image", "name unknown"]) || status == 404 {
            Self::NoSuchImage { image, reason }
        } else if says(&[
            "connection refused",
            "no such host",
            "i/o timeout",
            "timeout",
            "deadline exceeded",
            "request canceled",
            "unreachable",
            "dial tcp",
            "eof",
            "tls",
            "x509",
            "connection reset",
            "broken pipe",
        ]) {
            Self::RegistryUnreachable { registry, reason }
        } else {
            Self::Engine(reason)
        }
    }

    /// Whether the engine itself is away: it may be back in a moment.
    pub const fn is_engine_away(&self) -> bool {
        matches!(self, Self::EngineUnreachable { .. } | Self::EngineAway(_))
    }

    /// Whether the thing that was to go is gone already.
    pub const fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound(_))
    }
}

fn is_port_taken(message: &str) -> bool {
    message.contains("port is already allocated") || message.contains("address already in use")
}

fn is_disk_full(message: &str) -> bool {
    message.contains("no space left on device") || message.contains("disk quota exceeded")
}

/// An error with its causes: the outermost alone says little.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pull(message: &str) -> DockerError {
        let error = Bollard::DockerResponseServerError {
            status_code: 500,
            message: message.to_owned(),
        };
        DockerError::of_pull(error, "r.io", "r.io/shop:1")
    }

    #[test]
    fn the_engines_words_are_told_apart() {
        // As Engine 20.10 words them.
        let refused = "Get \"http://r.io/v2/\": dial tcp 127.0.0.1:5000: connect: connection refused";
        assert!(matches!(pull(refused), DockerError::RegistryUnreachable { .. }));
        let silent = "Get \"http://r.io/v2/\": context deadline exceeded";
        assert!(matches!(pull(silent), DockerError::RegistryUnreachable { .. }));
        let no_auth = "Get \"http://r.io/v2/shop/manifests/1\": no basic auth credentials";
        assert!(matches!(pull(no_auth), DockerError::Unauthorized { .. }));
        let wrong = "Get \"http://r.io/v2/\": unauthorized: authentication required";
        assert!(matches!(pull(wrong), DockerError::Unauthorized { .. }));
        let missing = "manifest for r.io/shop:1 not found: manifest unknown: manifest unknown";
        assert!(matches!(pull(missing), DockerError::NoSuchImage { .. }));
        let full = "write /var/lib/docker/tmp/GetImageBlob123: no space left on device";
        assert!(matches!(pull(full), DockerError::NoSpace(_)));
    }
}
