//! What this room refuses.

use crate::{access::AccessError, db::DbError, error::Error, flaw::Flaw, secrets::seal::SealError};

/// Why something about the outbox was not done.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// No such letter, or of a platform that the caller doesn't administer.
    #[error("no such letter")]
    NoLetter,
    /// Only what was given up is sent again.
    #[error("only a letter that was given up, and that is still worth something, can be sent again")]
    NotDead,
    /// There is no mail server in the configuration.
    #[error("no mail server is configured: fill in [mail] in muster.toml and start Muster again")]
    NoServer,
    /// The day's text messages are used up.
    #[error("no more text messages today")]
    SmsLimit,
    /// A field is wrong.
    #[error("{field}: {message}")]
    Invalid {
        /// JSON path.
        field: &'static str,
        /// What to do.
        message: Flaw,
    },
    /// The caller may not.
    #[error(transparent)]
    Caller(Box<Error>),
    /// A code can't be sealed or opened.
    #[error("a sealed value can't be used")]
    Seal(#[from] SealError),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<Error> for NotifyError {
    fn from(error: Error) -> Self {
        Self::Caller(Box::new(error))
    }
}

impl From<NotifyError> for AccessError {
    fn from(error: NotifyError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<AccessError> for NotifyError {
    fn from(error: AccessError) -> Self {
        Error::from(error).into()
    }
}

impl From<NotifyError> for Error {
    fn from(error: NotifyError) -> Self {
        let message = error.to_string();
        match error {
            NotifyError::NoLetter => Self::NotFound("letter"),
            NotifyError::NotDead => Self::conflict("not-dead", message),
            NotifyError::NoServer => Self::conflict("no-mail-server", message),
            NotifyError::SmsLimit => Self::RateLimited {
                retry_after: std::time::Duration::from_hours(1),
            },
            NotifyError::Invalid { field, message } => Self::invalid(field, message),
            NotifyError::Caller(inner) => *inner,
            NotifyError::Seal(inner) => Self::internal(inner),
            NotifyError::Db(inner) => inner.into(),
        }
    }
}
