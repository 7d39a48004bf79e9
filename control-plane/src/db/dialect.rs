//! The little that can't be said in SQL that both databases speak.

use super::Db;

impl Db {
    /// Suffix of a `select` that locks the rows it reads until the transaction ends. SQLite needs none: its only
    /// writer is the transaction itself.
    pub fn for_update(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "",
            Self::Postgres(_) => " for update",
        }
    }

    /// Name for logs and the doctor.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::Postgres(_) => "postgres",
        }
    }
}
