//! What this room refuses.

use crate::{db::DbError, error::Error};

/// Why something about orders was not done.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// There is none, or it isn't the caller's.
    #[error("no such order")]
    NoOrder,
    /// It has ended.
    #[error("the order has ended; there is nothing to stop")]
    Ended,
    /// It does not fit into one frame.
    #[error("the order is too large: {0}")]
    TooLarge(#[source] muster_protocol::FrameError),
    /// Missing permission, or wrong input.
    #[error(transparent)]
    Refused(#[from] Error),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<WorkError> for Error {
    fn from(error: WorkError) -> Self {
        match error {
            WorkError::NoOrder => Self::NotFound("order"),
            WorkError::Ended => Self::conflict("order-ended", error.to_string()),
            WorkError::TooLarge(_) => Self::TooLarge("the order is too large to be sent to a host".into()),
            WorkError::Refused(error) => error,
            WorkError::Db(error) => error.into(),
        }
    }
}
