//! What can go wrong with secrets.

use muster_base::SecretId;

use super::seal::SealError;
use crate::{db::DbError, error::Error};

/// Why something was not done with a secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// No such group in this org.
    #[error("no such secret group")]
    NoGroup,
    /// No such secret, or no such version of it, in this org.
    #[error("no such secret")]
    NoSecret,
    /// An order needs a secret that is not there any more.
    #[error("the secret {0} does not exist: change the variable that refers to it")]
    Gone(SecretId),
    /// An order needs a secret that has vanished at its provider.
    #[error("the secret {0} is stale: it vanished at its provider; restore it there or refer to another")]
    Stale(SecretId),
    /// The name is taken.
    #[error("there is already a {what} with the name {name}")]
    NameTaken {
        /// What.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// The group holds secrets.
    #[error("the group still holds secrets: delete or move them first")]
    GroupNotEmpty,
    /// Env vars refer to the secret.
    #[error("env vars refer to this secret: change or delete them first")]
    InUse,
    /// Secrets that come by sync are read-only here.
    #[error("this secret is synced from a provider: change it there")]
    Synced,
    /// A field is wrong.
    #[error("{field}: {message}")]
    Invalid {
        /// JSON path.
        field: &'static str,
        /// What to do.
        message: String,
    },
    /// A value can't be sealed or opened.
    #[error("a sealed value can't be used")]
    Seal(#[from] SealError),
    /// The stored value is not text.
    #[error("a sealed value is not text")]
    NotText,
    /// The caller may not.
    #[error(transparent)]
    Caller(Box<Error>),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<Error> for SecretsError {
    fn from(error: Error) -> Self {
        Self::Caller(Box::new(error))
    }
}

impl From<SecretsError> for Error {
    fn from(error: SecretsError) -> Self {
        let message = error.to_string();
        match error {
            SecretsError::NoGroup => Self::NotFound("secret group"),
            SecretsError::NoSecret => Self::NotFound("secret"),
            SecretsError::Gone(_) => Self::conflict("secret-gone", message),
            SecretsError::Stale(_) => Self::conflict("secret-stale", message),
            SecretsError::NameTaken { .. } => Self::conflict("name-taken", message),
            SecretsError::GroupNotEmpty => Self::conflict("group-not-empty", message),
            SecretsError::InUse => Self::conflict("secret-in-use", message),
            SecretsError::Synced => Self::conflict("secret-synced", message),
            SecretsError::Invalid { field, message } => Self::invalid(field, message),
            SecretsError::Seal(inner) => Self::internal(inner),
            SecretsError::NotText => Self::internal(anyhow::anyhow!(message)),
            SecretsError::Caller(inner) => *inner,
            SecretsError::Db(inner) => inner.into(),
        }
    }
}
