//! Why a set-up stops.

use std::{io, path::PathBuf};

use super::{Obstacle, Trouble};
use crate::{
    access::AccessError,
    db::DbError,
    error::{Error, FieldError},
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
    /// A file.
    #[error("{0} can't be written")]
    File(PathBuf, #[source] io::Error),
}

impl From<SetupError> for Error {
    fn from(error: SetupError) -> Self {
        let message = error.to_string();
        match error {
            SetupError::Done(_) => Self::conflict("installed", "Muster is installed: sign in"),
            SetupError::NotDone(_) => Self::conflict("not-installed", message),
            SetupError::Running => Self::conflict("installing", message),
            SetupError::WrongToken => Self::invalid("token", Flaw::SetupToken),
            SetupError::Throttled(retry_after) => Self::RateLimited { retry_after },
            SetupError::Account => Self::invalid("account", Flaw::Account),
            SetupError::Password(AccessError::Invalid { message, .. }) => Self::invalid("password", message),
            SetupError::Password(error) => error.into(),
            SetupError::Address(field, message) => Self::invalid(field, message),
            SetupError::Trouble(trouble) => Self::invalid("database", trouble.flaw()),
            SetupError::Obstacles(obstacles) => Self::Invalid(
                obstacles
                    .iter()
                    .map(|obstacle| FieldError::new("database", obstacle.flaw()))
                    .collect(),
            ),
            SetupError::Db(error) => error.into(),
            SetupError::Fleet(error) => error.into(),
            SetupError::Config(_) | SetupError::Key(_) | SetupError::Owner(..) | SetupError::File(..) => {
                Self::internal(error)
            }
        }
    }
}
