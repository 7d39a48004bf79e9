//! What this room refuses.

use muster_identity::IdentityError;

use crate::{db::DbError, error::Error, flaw::Flaw, secrets::seal::SealError};

/// Why something about the fleet was not done.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// No such host in the caller's org.
    #[error("no such host")]
    NoHost,
    /// No such cluster in the caller's org.
    #[error("no such cluster")]
    NoCluster,
    /// No such environment in the caller's org.
    #[error("no such environment")]
    NoEnvironment,
    /// No such join token in the caller's org.
    #[error("no such join token")]
    NoJoinToken,
    /// No such instance in the caller's reach.
    #[error("no such instance")]
    NoInstance,
    /// No such account on the host.
    #[error("no such account")]
    NoAccount,
    /// There would be too many accounts.
    #[error("a host can have at most {0} accounts: delete those that are gone first")]
    TooManyAccounts(i64),
    /// There would be too many.
    #[error("an org can have at most {0} instances: delete those that are gone first")]
    TooManyInstances(usize),
    /// A name is taken.
    #[error("a {0} of this name exists already")]
    NameTaken(&'static str),
    /// Something still refers to it.
    #[error("this {0} is in use: move what refers to it elsewhere first")]
    InUse(&'static str),
    /// A field is wrong.
    #[error("{field}: {message}")]
    Invalid {
        /// JSON path.
        field: &'static str,
        /// What to do.
        message: Flaw,
    },
    /// The older key still counts.
    #[error("a rotation is under way: end it first")]
    RotationUnderWay,
    /// There is nothing to advance or retire.
    #[error("no rotation is under way, or it is not so far: look at the keys' states")]
    NoRotation,
    /// Hosts have certificates of the older CA.
    #[error(
        "{0} hosts still have a certificate of the older CA and would have to join anew: wait, or force it"
    )]
    StillNeeded(i64),
    /// The configured trust domain is not one.
    #[error(
        "link.trust_domain = {0:?} is not a trust domain: use lower-case letters, digits, dots and dashes"
    )]
    TrustDomain(String),
    /// Missing permission.
    #[error(transparent)]
    Refused(#[from] Error),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// A key or certificate can't be made or used.
    #[error("the fleet's identity can't be used: {0}")]
    Identity(#[from] IdentityError),
    /// A private key can't be opened.
    #[error("the fleet's private keys can't be opened: {0}")]
    Sealed(#[from] SealError),
}

impl FleetError {
    pub(super) fn invalid(field: &'static str, message: impl Into<Flaw>) -> Self {
        Self::Invalid {
            field,
            message: message.into(),
        }
    }
}

impl From<FleetError> for Error {
    fn from(error: FleetError) -> Self {
        let message = error.to_string();
        match error {
            FleetError::NoHost => Self::NotFound("host"),
            FleetError::NoCluster => Self::NotFound("cluster"),
            FleetError::NoEnvironment => Self::NotFound("environment"),
            FleetError::NoJoinToken => Self::NotFound("join token"),
            FleetError::NoInstance => Self::NotFound("instance"),
            FleetError::NoAccount => Self::NotFound("account"),
            FleetError::TooManyAccounts(_) | FleetError::TooManyInstances(_) => {
                Self::conflict("too-many", message)
            }
            FleetError::NameTaken(_) => Self::conflict("name-taken", message),
            FleetError::InUse(_) => Self::conflict("in-use", message),
            FleetError::RotationUnderWay => Self::conflict("rotation-under-way", message),
            FleetError::NoRotation => Self::conflict("no-rotation", message),
            FleetError::StillNeeded(_) => Self::conflict("still-needed", message),
            FleetError::Invalid { field, message } => Self::invalid(field, message),
            FleetError::Refused(error) => error,
            FleetError::Db(error) => error.into(),
            FleetError::TrustDomain(_) | FleetError::Identity(_) | FleetError::Sealed(_) => {
                Self::internal(error)
            }
        }
    }
}
