//! What can go wrong on the way to an agent.

use std::io;

use muster_base::HostId;
use muster_protocol::FrameError;
use quinn::{ConnectionError, StoppedError, WriteError};

use crate::{error::Error, fleet::FleetError, telemetry::IngestError};

/// A host could not be reached, or the door could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The host has no session here.
    #[error("host {0} is not connected")]
    Offline(HostId),
    /// The host has its session at another control plane, and that one can't be asked.
    #[error("host {host} is connected to another control plane, which can't be asked: {why}")]
    Elsewhere {
        /// The host.
        host: HostId,
        /// Why it can't.
        why: String,
    },
    /// The connection ended.
    #[error("the connection to the host ended: {0}")]
    Lost(#[from] ConnectionError),
    /// A message could not be sent or understood.
    #[error("the host's message can't be read: {0}")]
    Frame(#[from] FrameError),
    /// The agent did not want the stream.
    #[error("the agent refused the stream")]
    Refused,
    /// A report was not stored.
    #[error(transparent)]
    NotStored(#[from] IngestError),
    /// It took too long.
    #[error("the host did not answer in time")]
    TimedOut,
    /// The UDP port can't be had.
    #[error("can't listen for agents on UDP {address}")]
    Listen {
        /// Which.
        address: std::net::SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The fleet's keys can't be had.
    #[error(transparent)]
    Fleet(#[from] FleetError),
    /// The TLS configuration can't be made.
    #[error("the agents' door can't be set up: {0}")]
    Setup(String),
}

impl LinkError {
    /// Whether it may work when the host is back.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Offline(_)
            | Self::Elsewhere { .. }
            | Self::Lost(_)
            | Self::Frame(_)
            | Self::Refused
            | Self::NotStored(_)
            | Self::TimedOut => true,
            Self::Listen { .. } | Self::Fleet(_) | Self::Setup(_) => false,
        }
    }
}

impl From<muster_identity::IdentityError> for LinkError {
    fn from(error: muster_identity::IdentityError) -> Self {
        Self::Setup(error.to_string())
    }
}

impl From<WriteError> for LinkError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::ConnectionLost(lost) => Self::Lost(lost),
            WriteError::Stopped(_) | WriteError::ClosedStream | WriteError::ZeroRttRejected => Self::Refused,
        }
    }
}

impl From<StoppedError> for LinkError {
    fn from(error: StoppedError) -> Self {
        match error {
            StoppedError::ConnectionLost(lost) => Self::Lost(lost),
            StoppedError::ZeroRttRejected => Self::Refused,
        }
    }
}

impl From<LinkError> for Error {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Offline(_)
            | LinkError::Elsewhere { .. }
            | LinkError::Lost(_)
            | LinkError::Frame(_)
            | LinkError::Refused
            | LinkError::NotStored(_)
            | LinkError::TimedOut => Self::Upstream(error.to_string()),
            LinkError::Fleet(error) => error.into(),
            LinkError::Listen { .. } | LinkError::Setup(_) => Self::internal(error),
        }
    }
}
