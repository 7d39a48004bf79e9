//! What can go wrong, said so that a person knows what to do.

use muster_protocol::latest::OrderStatus;

use super::{
    report::millis,
    wait::{Course, Limits},
};

/// Why a release was not, or not wholly, executed.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// The statements are not the approved ones, or can't be part of a release.
    #[error("the release can't be run: {0}")]
    Unsound(String),
    /// No connection, and nothing was begun.
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
    /// No connection any more, and everything that was tried has been undone.
    #[error(
        "can't connect to {address} any more: {message}; what had been begun was undone, and nothing of the release is in \
         the database: execute the release again when the server is back"
    )]
    Left {
        /// Host and port.
        address: String,
        /// What the server or the network said.
        message: String,
    },
    /// No connection any more, though the release had been begun.
    #[error(
        "can't connect to {address} any more: {message}; the release was begun, and how far it came is in the ledger \
         table muster_release_ledger there: when the server is back, execute the release again, and it goes on where \
         it stopped"
    )]
    Unreachable {
        /// Host and port.
        address: String,
        /// What the server or the network said.
        message: String,
    },
    /// Another release, or what is left of an interrupted one, holds the database's release lock.
    #[error(
        "another release is running on this database{}; nothing was begun, try again when that one has ended \
         (waited {waited_ms} ms)",
        .by.as_ref().map(|by| format!(", in {by}")).unwrap_or_default()
    )]
    Busy {
        /// How long it was waited for.
        waited_ms: u64,
        /// Whose session holds the lock.
        by: Option<String>,
    },
    /// The same for a release that had been begun: its own session of before may hold the lock, or somebody who came in
    /// between.
    #[error(
        "the release was begun, and did not get its turn again{} (waited {waited_ms} ms); how far it came is in the \
         ledger table muster_release_ledger: execute it again when that one has ended, and it goes on where it stopped",
        .by.as_ref().map(|by| format!(", the release lock is held in {by}")).unwrap_or_default()
    )]
    BusyAgain {
        /// How long it was waited for.
        waited_ms: u64,
        /// Whose session holds the lock.
        by: Option<String>,
    },
    /// The ledger can't be kept, and nothing was done that it would have to hold.
    #[error(
        "the ledger table muster_release_ledger can't be used: {0}; nothing more of the release was executed: mend the \
         table, or drop it if nothing in it is wanted, and execute the release again"
    )]
    Ledger(String),
    /// The ledger can't be kept, and does not hold what was done.
    #[error(
        "the ledger table muster_release_ledger can't be used: {why}; {} executed for good, and the ledger may not say \
         so any more: don't execute this release again, look at the database and propose what is left of it as a new \
         release",
        statements(*.done)
    )]
    LedgerLost {
        /// What the server said.
        why: String,
        /// How many statements took effect for good.
        done: usize,
    },
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
    /// Somebody else's lock was in the way of a statement, and everything is as the error says: trying again may help.
    #[error("{error}")]
    InTheWay {
        /// What it is if it is not tried again.
        error: Box<SqlError>,
        /// How many statements took effect for good.
        done: usize,
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
    pub fn status(&self) -> OrderStatus {
        match self {
            Self::InTheWay { error, .. } => error.status(),
            Self::Unsound(_)
            | Self::Connect { .. }
            | Self::Left { .. }
            | Self::Busy { .. }
            | Self::Ledger(_)
            | Self::Failed { .. }
            | Self::CancelledHalfway(_) => OrderStatus::Failed,
            Self::RolledBack { .. } | Self::CommitFailed(_) => OrderStatus::RolledBack,
            Self::Cancelled => OrderStatus::Cancelled,
            // Whether its last statement took effect, only the database knows.
            Self::ConnectionLost(_)
            | Self::Unreachable { .. }
            | Self::BusyAgain { .. }
            | Self::LedgerLost { .. }
            | Self::NeedsAttention { .. } => OrderStatus::NeedsAttention,
        }
    }

    /// The same, which may be tried again if a lock caused it; so many statements of the release took effect for good.
    pub(super) fn caused_by(self, error: &sqlx::Error, done: usize) -> Self {
        match self {
            Self::RolledBack { .. } | Self::Failed { .. } if is_lock(error) => Self::InTheWay {
                error: Box::new(self),
                done,
            },
            other => other,
        }
    }

    /// The same where so many statements of the release took effect for good.
    pub(super) fn after(self, done: usize) -> Self {
        match self {
            Self::Ledger(why) if done > 0 => Self::LedgerLost { why, done },
            other => other,
        }
    }

    /// The same where the release had been begun before: what waited for its turn can't say that nothing was.
    pub(super) fn begun_before(self) -> Self {
        match self {
            Self::Busy { waited_ms, by } => Self::BusyAgain { waited_ms, by },
            Self::Cancelled => Self::CancelledHalfway(
                "the release was begun, and how far it came is in the ledger table muster_release_ledger; executing it \
                 again goes on where it stopped"
                    .to_owned(),
            ),
            other => other,
        }
    }
}

/// What a person does with a statement of which only they can tell whether it happened.
pub(super) const LOOK_AND_DECIDE: &str = "look, then set its row in muster_release_ledger to 'done', or delete the row to have the statement run again, and \
     execute the release again";

/// A limit that a statement ran into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    Lock,
    Statement,
}

impl Limit {
    fn of(error: &sqlx::Error, course: &Course) -> Option<Self> {
        let sqlx::Error::Database(inner) = error else {
            return None;
        };
        match number(error) {
            // Lock wait; statement time of MariaDB and of MySQL; interrupted, which may have been somebody else.
            Some(1205) => Some(Self::Lock),
            Some(1969 | 3024) => Some(Self::Statement),
            Some(1317) if course.stopped => Some(Self::Statement),
            Some(_) => None,
            None => match inner.code().as_deref() {
                Some("55P03") => Some(Self::Lock),
                Some("57014") if inner.message().contains("statement timeout") || course.stopped => {
                    Some(Self::Statement)
                }
                _ => None,
            },
        }
    }
}

/// What a server said of a failed statement; for the two limits also what was in the way, and what to do.
pub(super) fn explained(error: &sqlx::Error, course: &Course, limits: Limits) -> String {
    let text = message(error);
    match (Limit::of(error, course), course.in_the_way.as_deref()) {
        (Some(Limit::Lock), Some(who)) => format!(
            "{text}: it waited {} ms for a lock held by {who}; execute the release again when that has ended, or end \
             it",
            millis(limits.lock)
        ),
        (Some(Limit::Lock), None) => format!(
            "{text}: it waited {} ms for a lock, and who holds it can't be seen with this user's rights; look at the \
             server's sessions as its administrator",
            millis(limits.lock)
        ),
        (Some(Limit::Statement), _) => format!(
            "{text}: it took longer than {} ms, this server's limit for a statement (statementTimeoutMs); raise that, \
             or make the statement smaller",
            millis(limits.statement)
        ),
        (None, _) => text,
    }
}

/// Somebody else's lock: it was not given up in time, or the server ended one of those who waited for each other.
fn is_lock(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(inner) = error else {
        return false;
    };
    match number(error) {
        // And what the transaction saw was changed by another meanwhile.
        Some(number) => matches!(number, 1205 | 1213 | 1020),
        None => matches!(inner.code().as_deref(), Some("55P03" | "40P01" | "40001")),
    }
}

/// The number of an error of MySQL or MariaDB.
pub(super) fn number(error: &sqlx::Error) -> Option<u16> {
    let sqlx::Error::Database(inner) = error else {
        return None;
    };
    inner
        .try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>()
        .map(sqlx::mysql::MySqlDatabaseError::number)
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
        sqlx::Error::Database(inner) => match number(error) {
            // Server shutdown, connection killed, idle for too long.
            Some(number) => matches!(number, 1053 | 1927 | 4031),
            None => matches!(
                inner.code().as_deref(),
                Some("57P01" | "57P02" | "57P03" | "57P05" | "25P03" | "08006" | "08003")
            ),
        },
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
            "{} executed and stay; executing the release again goes on after them",
            statements(n)
        ),
    }
}

fn statements(done: usize) -> String {
    match done {
        1 => "statement 1 was".to_owned(),
        n => format!("statements 1 to {n} were"),
    }
}
