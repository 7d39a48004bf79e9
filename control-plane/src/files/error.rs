//! What this room refuses.

use std::time::Duration;

use super::storage::StorageError;
use crate::{db::DbError, error::Error, flaw::Flaw, fleet::FleetError, work::WorkError};

/// Why something about files was not done.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// No such file or folder in the caller's reach.
    #[error("no such file")]
    NoFile,
    /// No such upload of the caller's.
    #[error("no such upload")]
    NoUpload,
    /// A field is wrong.
    #[error("{field}: {message}")]
    Invalid {
        /// JSON path.
        field: &'static str,
        /// What to do.
        message: Flaw,
    },
    /// A name is taken.
    #[error("there is something of this name already: choose another name")]
    NameTaken,
    /// A folder has no bytes.
    #[error("a folder can't be downloaded: download the files in it")]
    IsFolder,
    /// A folder that is not empty, and nobody said that all of it is to go.
    #[error("the folder is not empty: say that all that is in it is to be deleted, with ?recursive=true")]
    NotEmpty,
    /// More than is deleted at once.
    #[error("there are more than {0} files and folders in it: delete some of them first")]
    TooManyAtOnce(i64),
    /// Too many uploads that are not complete.
    #[error("you have {0} unfinished uploads: complete them, or cancel some")]
    TooManyUploads(i64),
    /// The org has as much as it may.
    #[error("the org's files would be {wanted} {unit}, and {most} are allowed: delete some first")]
    Quota {
        /// `bytes`, or `files and folders`.
        unit: &'static str,
        /// With what was asked for.
        wanted: u64,
        /// The most.
        most: u64,
    },
    /// A piece that is not the next one.
    #[error("{0} bytes are stored: go on from there")]
    Offset(u64),
    /// Pieces that are too small, too often.
    #[error("a piece must have at least {0} bytes, unless it is the last one")]
    SmallPiece(u64),
    /// A piece that is too large, or more than the rest of the file.
    #[error("this piece can have at most {0} bytes")]
    LargePiece(u64),
    /// What was sent broke off.
    #[error("the piece broke off: send it again")]
    BrokeOff,
    /// It is not all there yet.
    #[error("{position} of {size} bytes are stored: send the rest first")]
    Incomplete {
        /// Stored.
        position: u64,
        /// Of so many.
        size: u64,
    },
    /// Other bytes than were meant.
    #[error("what was sent has another SHA-256 than was said: the upload is void, begin it again")]
    OtherHash,
    /// More than this process does at once.
    #[error("too many at once")]
    Busy,
    /// A range that begins after the end.
    #[error("this begins after the end: there are {0} bytes")]
    OutOfRange(u64),
    /// No such send of the caller's.
    #[error("no such send")]
    NoSend,
    /// What is a person's is not for hosts, where others see it.
    #[error("{0} is a person's own: only the org's files are sent to hosts")]
    Personal(String),
    /// No agent of the hosts takes files.
    #[error("the agents of these hosts are too old to take files: upgrade them first")]
    OldAgents,
    /// As many files for hosts have not ended as may be.
    #[error(
        "{open} files for hosts have not ended, and {most} in all are allowed: take some back, or wait until they have"
    )]
    TooManyOpen {
        /// Not ended.
        open: i64,
        /// The most.
        most: i64,
    },
    /// All hosts have their orders.
    #[error("no host waits for it any more: there is nothing to take back")]
    NothingWaits,
    /// The hosts can't be looked up.
    #[error(transparent)]
    Fleet(#[from] FleetError),
    /// The orders can't be made.
    #[error(transparent)]
    Work(#[from] WorkError),
    /// Missing permission.
    #[error(transparent)]
    Refused(#[from] Error),
    /// The storage.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl FilesError {
    pub(super) fn invalid(field: &'static str, message: impl Into<Flaw>) -> Self {
        Self::Invalid {
            field,
            message: message.into(),
        }
    }
}

impl From<FilesError> for Error {
    fn from(error: FilesError) -> Self {
        let message = error.to_string();
        match error {
            FilesError::NoFile => Self::NotFound("file"),
            FilesError::NoUpload => Self::NotFound("upload"),
            FilesError::Invalid { field, message } => Self::invalid(field, message),
            FilesError::NameTaken => Self::conflict("name-taken", message),
            FilesError::IsFolder => Self::conflict("is-folder", message),
            FilesError::NotEmpty => Self::conflict("not-empty", message),
            FilesError::TooManyAtOnce(_) => Self::conflict("too-many-at-once", message),
            FilesError::TooManyUploads(_) => Self::conflict("too-many-uploads", message),
            FilesError::Quota { .. } => Self::conflict("quota", message),
            FilesError::Offset(_) => Self::conflict("wrong-offset", message),
            FilesError::SmallPiece(_) => Self::conflict("small-piece", message),
            FilesError::LargePiece(_) => Self::TooLarge(message.into()),
            FilesError::BrokeOff => Self::conflict("broke-off", message),
            FilesError::Incomplete { .. } => Self::conflict("incomplete", message),
            FilesError::OtherHash => Self::conflict("other-hash", message),
            FilesError::Busy => Self::RateLimited {
                retry_after: Duration::from_secs(5),
            },
            FilesError::OutOfRange(size) => Self::OutOfRange { size },
            FilesError::NoSend => Self::NotFound("send"),
            FilesError::Personal(_) => Self::conflict("file-is-personal", message),
            FilesError::OldAgents => Self::conflict("agent-too-old", message),
            FilesError::NothingWaits => Self::conflict("nothing-waits", message),
            FilesError::TooManyOpen { .. } => Self::conflict("too-many-open-files", message),
            FilesError::Fleet(error) => error.into(),
            FilesError::Work(error) => error.into(),
            FilesError::Refused(error) => error,
            FilesError::Storage(StorageError::Full) => Self::conflict("storage-full", message),
            FilesError::Storage(_) => Self::Upstream(message),
            FilesError::Db(error) => error.into(),
        }
    }
}
