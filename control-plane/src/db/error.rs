//! What can go wrong in a database, in the words that use-cases decide by.

/// A database call failed.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// No connection could be had, or it broke.
    #[error("the database does not answer")]
    Unavailable(#[source] sqlx::Error),
    /// Anything else, constraints included.
    #[error("the database refused a statement")]
    Refused(#[source] sqlx::Error),
    /// A migration could not be applied.
    #[error("the database could not be migrated")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A stored value is not what was stored; never expected.
    #[error("the database holds a value that can't be read: {0}")]
    Corrupt(String),
}

impl DbError {
    /// Whether the unique constraint on exactly these columns of `table` was violated. PostgreSQL constraints and
    /// indexes must be named `<table>_<column>_<column>_key` for this (its own default).
    pub fn violates_unique(&self, table: &str, columns: &[&str]) -> bool {
        let Self::Refused(sqlx::Error::Database(error)) = self else {
            return false;
        };
        if !error.is_unique_violation() {
            return false;
        }
        if let Some(constraint) = error.constraint() {
            return constraint == format!("{table}_{}_key", columns.join("_"));
        }
        let columns: Vec<_> = columns.iter().map(|column| format!("{table}.{column}")).collect();
        error.message().ends_with(&format!(": {}", columns.join(", ")))
    }

    /// Whether any unique constraint was violated.
    pub fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Refused(sqlx::Error::Database(error)) if error.is_unique_violation())
    }

    /// Whether the primary key of `table` was violated; PostgreSQL names it `<table>_pkey`.
    pub fn violates_primary_key(&self, table: &str, columns: &[&str]) -> bool {
        let Self::Refused(sqlx::Error::Database(error)) = self else {
            return false;
        };
        match error.constraint() {
            Some(constraint) => error.is_unique_violation() && constraint == format!("{table}_pkey"),
            None => self.violates_unique(table, columns),
        }
    }

    /// Whether the unique index `name` was violated. `columns` tells it in SQLite, which doesn't name indexes.
    pub fn violates_index(&self, name: &str, table: &str, columns: &[&str]) -> bool {
        let Self::Refused(sqlx::Error::Database(error)) = self else {
            return false;
        };
        match error.constraint() {
            Some(constraint) => error.is_unique_violation() && constraint == name,
            None => self.violates_unique(table, columns),
        }
    }

    /// Whether a row that is referred to is missing, or one that is still referred to was to be deleted.
    pub fn violates_foreign_key(&self) -> bool {
        matches!(self, Self::Refused(sqlx::Error::Database(error)) if error.is_foreign_key_violation())
    }
}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable(error),
            // PostgreSQL: connection exceptions, too many connections, shutdown in progress.
            sqlx::Error::Database(inner)
                if inner.code().is_some_and(|code| {
                    code.starts_with("08") || code.starts_with("57P") || code == "53300"
                }) =>
            {
                Self::Unavailable(error)
            }
            _ => Self::Refused(error),
        }
    }
}
