//! What can go wrong with secrets.

use muster_base::SecretId;

use super::{infisical::ProviderFault, seal::SealError};
use crate::{db::DbError, error::Error, flaw::Flaw};

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
    /// No such provider in this org.
    #[error("no such secret provider")]
    NoProvider,
    /// Groups are synced from the provider.
    #[error("groups are synced from this provider: give them another one, or none, first")]
    ProviderInUse,
    /// A synced group holds what its provider has and nothing else.
    #[error("this group is synced from a provider: make the secret there, or in another group")]
    GroupSynced,
    /// The group has secrets of its own.
    #[error("the group holds secrets that were made here: a synced group holds what its provider has only")]
    GroupHasOwn,
    /// The group has no provider.
    #[error("this group is not synced from a provider: give it one first")]
    NotSynced,
    /// The group is being synced.
    #[error("this group is being synced: wait for its end")]
    SyncUnderWay,
    /// The provider has nothing where it had something.
    #[error(
        "the provider has no secret there, which may be a wrong project, environment or path: nothing was removed; \
         sync by hand with `allowEmpty` if it is meant to be empty"
    )]
    NothingThere,
    /// The provider has secrets, and none of them can be one here.
    #[error(
        "none of the {count} secrets that the provider has there can be one here (the first one, {name}: {reason}): \
         nothing was removed"
    )]
    NothingTaken {
        /// How many it has.
        count: usize,
        /// The name of one.
        name: String,
        /// Why it can't.
        reason: String,
    },
    /// The provider has too much.
    #[error("the provider has more than {0} secrets there: split them over several paths")]
    TooMany(usize),
    /// The provider.
    #[error(transparent)]
    Provider(#[from] ProviderFault),
    /// A field is wrong.
    #[error("{field}: {message}")]
    Invalid {
        /// JSON path.
        field: &'static str,
        /// What to do.
        message: Flaw,
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

impl SecretsError {
    /// The error as one sentence for the record of a sync; nothing internal, no secret.
    pub(super) fn for_record(self) -> String {
        match Error::from(self) {
            Error::Internal(source) => {
                tracing::error!(error = format!("{source:#}"), "a sync failed by our own fault");
                "internal error; the log of the control plane says more".to_owned()
            }
            other => other.to_string(),
        }
    }
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
            SecretsError::NoProvider => Self::NotFound("secret provider"),
            SecretsError::ProviderInUse => Self::conflict("provider-in-use", message),
            SecretsError::GroupSynced => Self::conflict("group-synced", message),
            SecretsError::GroupHasOwn => Self::conflict("group-has-own", message),
            SecretsError::NotSynced => Self::conflict("group-not-synced", message),
            SecretsError::SyncUnderWay => Self::conflict("sync-under-way", message),
            SecretsError::NothingThere | SecretsError::NothingTaken { .. } => {
                Self::conflict("provider-empty", message)
            }
            SecretsError::TooMany(_) => Self::conflict("too-many-secrets", message),
            SecretsError::Provider(fault) => Self::Upstream(fault.to_string()),
            SecretsError::Invalid { field, message } => Self::invalid(field, message),
            SecretsError::Seal(inner) => Self::internal(inner),
            SecretsError::NotText => Self::internal(anyhow::anyhow!(message)),
            SecretsError::Caller(inner) => *inner,
            SecretsError::Db(inner) => inner.into(),
        }
    }
}
