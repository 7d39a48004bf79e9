//! What stands in a database before it is ours: its tables, compared with those that the migrations make.
//!
//! Looking changes nothing. The shape that our tables should have isn't written down a second time: the migrations
//! are run on a scratch copy (a database in memory; in PostgreSQL a schema of its own inside a transaction that is
//! rolled back) and read from there, up to the step that the database says it has. [`mend`] adds what is missing or
//! makes empty tables anew; it never touches a table that the migrations don't make.

mod mend;
mod postgres;
mod sqlite;
mod statement;

use std::collections::BTreeMap;

use sqlx::{
    SqlStr,
    migrate::{Migrate, Migrator},
};

pub use self::mend::{Mend, postgres as mend_postgres, sqlite as mend_sqlite};
pub use self::{
    postgres::{may_create as may_create_in_postgres, survey as survey_postgres},
    sqlite::survey as survey_sqlite,
};
use super::DbError;

/// Where sqlx keeps which migrations were applied.
pub const HISTORY: &str = "_sqlx_migrations";

/// A table, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Column name to type, as the database writes it.
    pub columns: BTreeMap<String, String>,
    /// Whether there is at least one row.
    pub filled: bool,
}

/// What the history table says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    /// There is none.
    None,
    /// Ours, up to this version.
    Ours(i64),
    /// A step that is not ours, or that differs from ours: another program's, or a newer Muster's.
    Strange(i64),
    /// A step broke off.
    Torn(i64),
}

/// One database, looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// The migrations' tables, as they should be at the version that the history names.
    pub expected: BTreeMap<String, BTreeMap<String, String>>,
    /// All tables there are, but for the history.
    pub found: BTreeMap<String, Table>,
    /// How far the migrations went.
    pub history: History,
}

/// The migrations' texts up to `version`, oldest first; all of them without a version.
fn steps(migrator: &Migrator, version: Option<i64>) -> Vec<SqlStr> {
    migrator
        .iter()
        .filter(|step| version.is_none_or(|version| step.version <= version))
        .map(|step| step.sql.clone())
        .collect()
}

/// Compares the history table with our migrations.
async fn history<C: Migrate>(connection: &mut C, migrator: &Migrator) -> Result<History, DbError> {
    if let Some(version) = connection.dirty_version(HISTORY).await? {
        return Ok(History::Torn(version));
    }
    let applied = connection.list_applied_migrations(HISTORY).await?;
    let mut last = None;
    for step in applied {
        let ours = migrator.iter().find(|ours| ours.version == step.version);
        if ours.is_none_or(|ours| ours.checksum != step.checksum) {
            return Ok(History::Strange(step.version));
        }
        last = last.max(Some(step.version));
    }
    Ok(last.map_or(History::None, History::Ours))
}

impl History {
    /// The step up to which our tables have their shape.
    fn version(self) -> Option<i64> {
        match self {
            Self::Ours(version) => Some(version),
            Self::None | Self::Strange(_) | Self::Torn(_) => None,
        }
    }
}

/// `name` as an identifier, whatever it holds.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// One query that says for each of some tables whether it has a row: its number in `names`, and the answer.
fn filled_query(names: &[&String]) -> String {
    let selects = names
        .iter()
        .enumerate()
        .map(|(number, name)| format!("select {number}, exists(select 1 from {})", quoted(name)));
    selects.collect::<Vec<_>>().join(" union all ")
}
