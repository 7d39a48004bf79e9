//! What can go wrong with the spool.

use std::path::PathBuf;

use muster_metrics::DecodeError;

/// The spool could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The file can't be opened or created.
    #[error("can't open the spool {path}: check that the directory exists and belongs to the agent's user")]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<redb::Error>,
    },
    /// The file was set aside because it is damaged, and could not be.
    #[error("can't set the damaged spool {path} aside")]
    SetAside {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The database refused a read or a write.
    #[error("the spool can't be read or written: {0}")]
    Database(Box<redb::Error>),
    /// Something in it is not what was written.
    #[error("the spool holds something unreadable: {0}")]
    Damaged(#[from] DecodeError),
}

macro_rules! from_redb {
    ($($error:ident)*) => {$(
        impl From<redb::$error> for SpoolError {
            fn from(error: redb::$error) -> Self {
                Self::Database(Box::new(error.into()))
            }
        }
    )*};
}

from_redb! { TransactionError TableError StorageError CommitError SetDurabilityError }
