//! What this room refuses and what can go wrong in it.

use muster_metrics::{DecodeError, chunk::EncodeError};

use crate::{
    db::DbError,
    error::{Error, FieldError},
};

/// A report was not stored.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// It is not what an agent sends.
    #[error("the report can't be read")]
    Malformed(#[from] DecodeError),
    /// The control plane stops; the report is not lost, its agent has it.
    #[error("the control plane stops")]
    Stopping,
    /// The database will not take it, now or later.
    #[error("the database refused the report")]
    Refused,
}

/// A question about readings was not answered.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// There is no such host, or it is another org's.
    #[error("no such host")]
    NoHost,
    /// There never was such a container on the host.
    #[error("no such container")]
    NoContainer,
    /// The question is wrong.
    #[error("the question is not valid")]
    Invalid(Vec<FieldError>),
    /// The host can't be reached now.
    #[error("the host is not connected: live readings need its agent; see its history instead")]
    Offline,
    /// The caller may not.
    #[error(transparent)]
    Caller(Box<Error>),
    /// Stored readings can't be read.
    #[error("stored readings can't be read")]
    Damaged(#[from] DecodeError),
    /// Samples can't be compressed.
    #[error("samples can't be sealed")]
    Encode(#[from] EncodeError),
    /// A computation was cut off.
    #[error("the computation was cut off")]
    CutOff(#[from] tokio::task::JoinError),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl TelemetryError {
    /// One wrong parameter.
    pub(super) fn invalid(field: &str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError::new(field, message.into())])
    }
}

impl From<Error> for TelemetryError {
    fn from(error: Error) -> Self {
        Self::Caller(Box::new(error))
    }
}

impl From<sqlx::Error> for TelemetryError {
    fn from(error: sqlx::Error) -> Self {
        Self::Db(error.into())
    }
}

impl From<TelemetryError> for Error {
    fn from(error: TelemetryError) -> Self {
        let message = error.to_string();
        match error {
            TelemetryError::NoHost => Self::NotFound("host"),
            TelemetryError::NoContainer => Self::NotFound("container"),
            TelemetryError::Invalid(fields) => Self::Invalid(fields),
            TelemetryError::Offline => Self::conflict("host-offline", message),
            TelemetryError::Caller(inner) => *inner,
            TelemetryError::Damaged(inner) => Self::internal(inner),
            TelemetryError::Encode(inner) => Self::internal(inner),
            TelemetryError::CutOff(inner) => Self::internal(inner),
            TelemetryError::Db(inner) => inner.into(),
        }
    }
}
