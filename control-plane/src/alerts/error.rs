//! What this room refuses.

use crate::{
    access::AccessError,
    db::DbError,
    error::{Error, FieldError},
    flaw::Flaw,
    fleet::FleetError,
    notify::NotifyError,
    secrets::SecretsError,
};

/// Why something about alerts was not done.
#[derive(Debug, thiserror::Error)]
pub enum AlertsError {
    /// No such thing in this org, or out of reach.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// Fields are wrong.
    #[error("the input is not valid")]
    Invalid(Vec<FieldError>),
    /// The name is taken.
    #[error("there is already a {what} with the name {name}")]
    NameTaken {
        /// What.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// Rules name the receiver.
    #[error("rules name this receiver: take it out of them first")]
    ReceiverInUse,
    /// There are as many as there may be.
    #[error("an org can have {most} {what}: delete some first")]
    TooMany {
        /// Of what, in the plural.
        what: &'static str,
        /// How many.
        most: i64,
    },
    /// It has ended.
    #[error("this silence has ended")]
    SilenceEnded,
    /// It is over, or not for long enough.
    #[error("this alert does not fire")]
    NotFiring,
    /// Somebody sees to it.
    #[error("{0} has acknowledged this alert already")]
    Acknowledged(String),
    /// Nobody does.
    #[error("nobody has acknowledged this alert, or it is over")]
    NotAcknowledged,
    /// Secrets.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// The caller may not, or another room refused.
    #[error(transparent)]
    Other(Box<Error>),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl AlertsError {
    /// One wrong field.
    pub(super) fn invalid(field: impl Into<String>, message: impl Into<Flaw>) -> Self {
        Self::Invalid(vec![FieldError::new(field, message)])
    }
}

impl From<Error> for AlertsError {
    fn from(error: Error) -> Self {
        Self::Other(Box::new(error))
    }
}

impl From<AccessError> for AlertsError {
    fn from(error: AccessError) -> Self {
        Error::from(error).into()
    }
}

impl From<FleetError> for AlertsError {
    fn from(error: FleetError) -> Self {
        Error::from(error).into()
    }
}

impl From<NotifyError> for AlertsError {
    fn from(error: NotifyError) -> Self {
        Error::from(error).into()
    }
}

impl From<AlertsError> for Error {
    fn from(error: AlertsError) -> Self {
        let message = error.to_string();
        match error {
            AlertsError::NotFound(what) => Self::NotFound(what),
            AlertsError::Invalid(fields) => Self::Invalid(fields),
            AlertsError::NameTaken { .. } => Self::conflict("name-taken", message),
            AlertsError::ReceiverInUse => Self::conflict("receiver-in-use", message),
            AlertsError::TooMany { .. } => Self::conflict("too-many", message),
            AlertsError::SilenceEnded => Self::conflict("silence-ended", message),
            AlertsError::NotFiring => Self::conflict("not-firing", message),
            AlertsError::Acknowledged(_) => Self::conflict("acknowledged", message),
            AlertsError::NotAcknowledged => Self::conflict("not-acknowledged", message),
            AlertsError::Secrets(inner) => inner.into(),
            AlertsError::Other(inner) => *inner,
            AlertsError::Db(inner) => inner.into(),
        }
    }
}
