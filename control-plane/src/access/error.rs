//! What this room refuses.

use std::time::Duration;

use crate::{db::DbError, error::Error, flaw::Flaw};

/// Why something about people was not done.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// Wrong account or password, or too little proof; says no more.
    #[error("the account or the password is wrong")]
    WrongCredentials,
    /// Too many attempts.
    #[error("too many attempts")]
    Throttled(Duration),
    /// A second factor is wanted and there is none.
    #[error(
        "a second factor is needed to sign in and you have none: ask an administrator to enter your e-mail address"
    )]
    NoSecondFactor,
    /// No such provider in the configuration.
    #[error("no such provider")]
    NoProvider,
    /// No such binding.
    #[error("no such binding")]
    NoBinding,
    /// No such device.
    #[error("no such device")]
    NoDevice,
    /// No usable session or key.
    #[error("not signed in")]
    NotSignedIn,
    /// Not a member of that org, or there is none.
    #[error("no such org")]
    NoOrg,
    /// Signed in but in no org at all.
    #[error("you are not a member of any org; ask an administrator to add you")]
    Homeless,
    /// The CSRF token is missing or wrong.
    #[error("the X-CSRF-Token header is missing or wrong; sign in again")]
    Csrf,
    /// No such user.
    #[error("no such user")]
    NoUser,
    /// Not a member.
    #[error("no such member")]
    NoMember,
    /// No such key.
    #[error("no such API key")]
    NoKey,
    /// No such permission template.
    #[error("no such permission template")]
    NoTemplate,
    /// No such role.
    #[error("no such role")]
    NoRole,
    /// No such platform, or not one that the caller administers.
    #[error("no such platform")]
    NoPlatform,
    /// No such administrator.
    #[error("no such administrator")]
    NoAdministrator,
    /// No such operation of the platform's own.
    #[error("no such operation")]
    NoOperation,
    /// No such module in the platform.
    #[error("no such module")]
    NoModule,
    /// No such department.
    #[error("no such department")]
    NoDepartment,
    /// The org has no token at that git host.
    #[error("the org has no token at that git host")]
    NoThirdPart,
    /// No such invitation.
    #[error("no such invitation")]
    NoInvitation,
    /// No such message.
    #[error("no such message")]
    NoMessage,
    /// No such request to join.
    #[error("no such request")]
    NoRequest,
    /// What is in the way of a change.
    #[error("{message}")]
    Conflict {
        /// Kebab-case.
        code: &'static str,
        /// What to do.
        message: String,
    },
    /// Something still refers to it.
    #[error("this {0} is in use: take it from whoever has it first")]
    InUse(&'static str),
    /// It is Muster's or the platform's.
    #[error("{0}")]
    BuiltIn(&'static str),
    /// The owner needs no grants and can't be narrowed.
    #[error("the owner may do everything; transfer the ownership first")]
    OwnerHasAll,
    /// A unique value is taken.
    #[error("{0} is taken by somebody else")]
    Taken(&'static str),
    /// The org has an owner already.
    #[error("an org has exactly one owner: transfer the ownership instead")]
    SecondOwner,
    /// The owner can't leave or be lowered.
    #[error("the owner can't be removed or lowered: transfer the ownership first")]
    LastOwner,
    /// Somebody tried to give more than they have.
    #[error("you can't give, take or change more than you have yourself")]
    AboveYou,
    /// A field is wrong.
    #[error("{field}: {message}")]
    Invalid {
        /// JSON path.
        field: &'static str,
        /// What is wrong with it.
        message: Flaw,
    },
    /// Missing permission.
    #[error(transparent)]
    Refused(#[from] Error),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// Hashing or signing failed.
    #[error("cryptography failed: {0}")]
    Crypto(String),
}

impl AccessError {
    pub(super) fn invalid(field: &'static str, message: impl Into<Flaw>) -> Self {
        Self::Invalid {
            field,
            message: message.into(),
        }
    }
}

impl From<AccessError> for Error {
    fn from(error: AccessError) -> Self {
        let message = error.to_string();
        match error {
            AccessError::WrongCredentials | AccessError::NotSignedIn => Self::Unauthenticated,
            AccessError::Throttled(retry_after) => Self::RateLimited { retry_after },
            AccessError::NoOrg => Self::NotFound("org"),
            AccessError::NoDevice => Self::NotFound("device"),
            AccessError::NoProvider => Self::NotFound("provider"),
            AccessError::NoBinding => Self::NotFound("binding"),
            AccessError::NoUser => Self::NotFound("user"),
            AccessError::NoMember => Self::NotFound("member"),
            AccessError::NoKey => Self::NotFound("API key"),
            AccessError::NoTemplate => Self::NotFound("permission template"),
            AccessError::NoRole => Self::NotFound("role"),
            AccessError::NoPlatform => Self::NotFound("platform"),
            AccessError::NoAdministrator => Self::NotFound("administrator"),
            AccessError::NoOperation => Self::NotFound("operation"),
            AccessError::NoModule => Self::NotFound("module"),
            AccessError::NoDepartment => Self::NotFound("department"),
            AccessError::NoThirdPart => Self::NotFound("token at that git host"),
            AccessError::NoInvitation => Self::NotFound("invitation"),
            AccessError::NoMessage => Self::NotFound("message"),
            AccessError::NoRequest => Self::NotFound("request"),
            AccessError::Conflict { code, message } => Self::conflict(code, message),
            AccessError::InUse(_) => Self::conflict("in-use", message),
            AccessError::BuiltIn(_) => Self::conflict("built-in", message),
            AccessError::Homeless => Self::denied("homeless", message),
            AccessError::Csrf => Self::denied("csrf", message),
            AccessError::AboveYou => Self::denied("above-you", message),
            AccessError::NoSecondFactor => Self::denied("no-second-factor", message),
            AccessError::Taken(field) => Self::Taken(field),
            AccessError::OwnerHasAll => Self::conflict("owner-has-all", message),
            AccessError::SecondOwner => Self::conflict("second-owner", message),
            AccessError::LastOwner => Self::conflict("last-owner", message),
            AccessError::Invalid { field, message } => Self::invalid(field, message),
            AccessError::Refused(error) => error,
            AccessError::Db(error) => error.into(),
            AccessError::Crypto(_) => Self::internal(error),
        }
    }
}
