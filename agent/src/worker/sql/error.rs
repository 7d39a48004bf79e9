//! What can go wrong, said so that a person knows what to do.

use muster_protocol::latest::OrderStatus;

/// Why a release was not, or not wholly, executed.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// The statements are not the approved ones, or can't be part of a release.
    #[error("the release can't be run: {0}")]
    Unsound(String),
    /// No connection.
    #[error("can't connect to {address}: {message}")]
    Connect {
        /// Host and port.
        address: String,
        /// What the server or the network said.
        message: String,
    },
    /// The connection broke; what was being done is decided by the ledger.
    #[error(
        "the connection to the database broke: {0}; execute the release again, the ledger knows what was done"
    )]
    ConnectionLost(String),
    /// Another release, or what is left of an interrupted one, holds the database's release lock.
    #[error(
        "another release is running on this database; try again when it has ended (waited {waited_ms} ms)"
    )]
    Busy {
        /// How long it was waited for.
        waited_ms: u64,
    },
    /// The ledger can't be kept.
    #[error("the ledger table muster_release_ledger can't be used: {0}")]
    Ledger(String),
    /// A statement failed and nothing of the release is in the database.
    #[error("statement {number} failed: {message}; everything was rolled back")]
    RolledBack {
        /// Which, from 1.
        number: usize,
        /// What the server said.
        message: String,
    },
    /// The commit failed, for instance on a deferred constraint.
    #[error("the commit failed: {0}; everything was rolled back")]
    CommitFailed(String),
    /// A statement failed after others had taken effect for good.
    #[error("statement {number} failed: {message}; {before}")]
    Failed {
        /// Which, from 1.
        number: usize,
        /// What the server said.
        message: String,
        /// Which statements stay.
        before: String,
    },
    /// Stopped before anything took effect.
    #[error("cancelled; nothing of the release is in the database")]
    Cancelled,
    /// Stopped after something took effect.
    #[error("cancelled; {0}")]
    CancelledHalfway(String),
    /// Only a person can tell what is right.
    #[error("statement {number} needs a person: {message}")]
    NeedsAttention {
        /// Which, from 1.
        number: usize,
        /// What is known, and what to do.
        message: String,
    },
}

impl SqlError {
    /// The order's status that says this.
    pub const fn status(&self) -> OrderStatus {
        match self {
            Self::Unsound(_)
            | Self::Connect { .. }
            | Self::Busy { .. }
            | Self::Ledger(_)
            | Self::ConnectionLost(_)
            | Self::Failed { .. }
            | Self::CancelledHalfway(_) => OrderStatus::Failed,
            Self::RolledBack { .. } | Self::CommitFailed(_) => OrderStatus::RolledBack,
            Self::Cancelled => OrderStatus::Cancelled,
            Self::NeedsAttention { .. } => OrderStatus::NeedsAttention,
        }
    }
}

/// What a server said: message, code, and PostgreSQL's detail and hint.
pub(super) fn message(error: &sqlx::Error) -> String {
    let inner = match error {
        sqlx::Error::Database(inner) => inner,
        // Only our own bookkeeping expects rows.
        sqlx::Error::RowNotFound => return "another session wrote its row meanwhile".to_owned(),
        other => return other.to_string(),
    };
    let mut text = inner.message().to_owned();
    if let Some(postgres) = inner.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
        for more in [postgres.detail(), postgres.hint()].into_iter().flatten() {
            text.push_str("; ");
            text.push_str(more);
        }
    }
    if let Some(mysql) = inner.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        text = format!("{text} (error {})", mysql.number());
    } else if let Some(code) = inner.code() {
        text = format!("{text} (SQLSTATE {code})");
    }
    text
}

/// The connection is gone, as opposed to: the server refused something.
pub(super) fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_) => true,
        // PostgreSQL: admin_shutdown, crash_shutdown, cannot_connect_now, idle_session_timeout.
        sqlx::Error::Database(inner) => {
            let mysql = inner.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>();
            match mysql {
                // Server shutdown, connection killed.
                Some(mysql) => matches!(mysql.number(), 1053 | 1927),
                None => matches!(
                    inner.code().as_deref(),
                    Some("57P01" | "57P02" | "57P03" | "57P05" | "25P03" | "08006" | "08003")
                ),
            }
        }
        _ => false,
    }
}

/// For everything around the release's own statements: bookkeeping that the server refused, or a lost connection.
pub(super) fn bookkeeping(error: &sqlx::Error) -> SqlError {
    if is_lost(error) {
        SqlError::ConnectionLost(message(error))
    } else {
        SqlError::Ledger(message(error))
    }
}

/// `statements 1 to 3 were executed and stay`, for errors that end a release halfway.
pub(super) fn what_stays(done: usize) -> String {
    match done {
        0 => "nothing of the release is in the database".to_owned(),
        1 => "statement 1 was executed and stays; executing the release again goes on after it".to_owned(),
        n => format!(
            "statements 1 to {n} were executed and stay; executing the release again goes on after them"
        ),
    }
}
