//! Why a set-up stops.

use std::{io, path::PathBuf};

use super::{Obstacle, Trouble};
use crate::{
    access::AccessError,
    db::DbError,
    error::{Error, FieldError, chain},
    flaw::Flaw,
    fleet::FleetError,
    keys::KeyError,
};

/// Why a set-up stopped. Nothing it made is in the way of running it again.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// There is a configuration file with a super administrator.
    #[error("{0} is set up already: change the password with `muster setup password`")]
    Done(PathBuf),
    /// There is no configuration file yet.
    #[error("{0} is not set up: run `muster setup` first")]
    NotDone(PathBuf),
    /// Somebody else's installation runs.
    #[error("an installation is running: wait for its end")]
    Running,
    /// Not the token that was printed.
    #[error("this is not the setup token that `muster serve` printed at its last start")]
    WrongToken,
    /// Too many wrong tokens.
    #[error("too many wrong setup tokens")]
    Throttled(std::time::Duration),
    /// The account's name is not usable.
    #[error("the account must have 2 to 64 characters, without spaces")]
    Account,
    /// The password is not usable.
    #[error("the password is not usable")]
    Password(#[source] AccessError),
    /// The database's address is incomplete.
    #[error("{0}: {1}")]
    Address(&'static str, Flaw),
    /// The configuration can't be read.
    #[error("the configuration can't be read")]
    Config(#[source] Box<figment::Error>),
    /// The master key.
    #[error("the master key can't be made or read")]
    Key(#[from] KeyError),
    /// No use of this database can be made.
    #[error("{0}")]
    Trouble(Trouble),
    /// The database holds something that is in the way.
    #[error("nothing was changed: {}", .0.iter().map(Obstacle::to_string).collect::<Vec<_>>().join("; "))]
    Obstacles(Vec<Obstacle>),
    /// The database.
    #[error("the database can't be used")]
    Db(#[from] DbError),
    /// The fleet's keys.
    #[error("the fleet's keys can't be made")]
    Fleet(#[from] FleetError),
    /// Root can't become the owner of the data directory.
    #[error("the owner of {0} can't be made the one who works on it")]
    Owner(PathBuf, #[source] io::Error),
    /// The configuration file can't be given what it needs.
    #[error("{0} can't be given the database and the super administrator: {1}")]
    Configuration(PathBuf, String),
    /// A file.
    #[error("{0} can't be written")]
    File(PathBuf, #[source] io::Error),
}

impl SetupError {
    /// What is in the way, to be said in any language: one entry for each thing, with the field of the input that it is about.
    pub(super) fn errors(&self) -> Vec<FieldError> {
        let one = |field: &str, flaw: Flaw| vec![FieldError::new(field, flaw)];
        match self {
            Self::WrongToken => one("token", Flaw::SetupToken),
            Self::Account => one("account", Flaw::Account),
            Self::Address(field, flaw) => one(field, flaw.clone()),
            Self::Trouble(trouble) => one("database", trouble.flaw()),
            Self::Obstacles(obstacles) => obstacles
                .iter()
                .map(|obstacle| FieldError::new("database", obstacle.flaw()))
                .collect(),
            Self::Db(error) | Self::Fleet(FleetError::Db(error)) => one("database", lost(error)),
            Self::Key(error) => one("", Flaw::MasterKey(chain(error))),
            Self::Configuration(path, why) => {
                one("", Flaw::DataFile(path.display().to_string(), why.clone()))
            }
            Self::File(path, error) => one("", Flaw::DataFile(path.display().to_string(), error.to_string())),
            Self::Done(_)
            | Self::NotDone(_)
            | Self::Running
            | Self::Throttled(_)
            | Self::Password(_)
            | Self::Config(_)
            | Self::Fleet(_)
            | Self::Owner(..) => one("", Flaw::Other(chain(self))),
        }
    }
}

/// A database that was there when it was looked at.
fn lost(error: &DbError) -> Flaw {
    match error {
        DbError::Unavailable(cause) => Flaw::DatabaseGone(cause.to_string()),
        DbError::Refused(_) | DbError::Migrate(_) | DbError::Corrupt(_) => Flaw::DatabaseSays(chain(error)),
    }
}

impl From<SetupError> for Error {
    fn from(error: SetupError) -> Self {
        let message = error.to_string();
        match error {
            SetupError::Done(_) => Self::conflict("installed", "Muster is installed: sign in"),
            SetupError::NotDone(_) => Self::conflict("not-installed", message),
            SetupError::Running => Self::conflict("installing", message),
            SetupError::WrongToken
            | SetupError::Account
            | SetupError::Address(..)
            | SetupError::Trouble(_)
            | SetupError::Configuration(..)
            | SetupError::Obstacles(_) => Self::Invalid(error.errors()),
            SetupError::Throttled(retry_after) => Self::RateLimited { retry_after },
            SetupError::Password(AccessError::Invalid { message, .. }) => Self::invalid("password", message),
            SetupError::Password(error) => error.into(),
            SetupError::Db(error) => error.into(),
            SetupError::Fleet(error) => error.into(),
            SetupError::Config(_) | SetupError::Key(_) | SetupError::Owner(..) | SetupError::File(..) => {
                Self::internal(error)
            }
        }
    }
}
