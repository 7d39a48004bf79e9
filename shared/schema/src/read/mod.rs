//! DDL text into the model.
//!
//! A text says what is to be there: it is read from its first statement to its last, as a server would run it on
//! an empty database. What isn't read is [`Unreadable`] with its line and the reason: nothing is guessed, and
//! nothing is left out.

mod cursor;
pub(crate) mod mysql;
pub(crate) mod postgres;
pub(crate) mod token;

pub(crate) use cursor::Cursor;
pub(crate) use token::Tok;

use crate::{
    Dialect, Schema, SplitError, split,
    split::{Statement, split_ours},
};

/// Why a text or a catalogue can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// The text can't be cut into statements.
    #[error(transparent)]
    Split(#[from] SplitError),
    /// A statement isn't understood.
    #[error("line {line}: {reason}")]
    Statement {
        /// Line in the text, from 1.
        line: u32,
        /// What isn't, for a person.
        reason: String,
    },
    /// What the server reports of an object isn't understood.
    #[error("{object}: {reason}")]
    Catalogue {
        /// Which object, or which query's answer.
        object: String,
        /// What isn't, for a person.
        reason: String,
    },
    /// The dialect's texts can't be read.
    #[error("schemas in {0} are not read")]
    Dialect(Dialect),
}

impl Unreadable {
    /// In a line of the text.
    pub(crate) fn at(line: u32, reason: impl Into<String>) -> Self {
        Self::Statement {
            line,
            reason: reason.into(),
        }
    }

    /// In what the server reports of an object.
    pub(crate) fn of(object: impl std::fmt::Display, reason: impl std::fmt::Display) -> Self {
        Self::Catalogue {
            object: object.to_string(),
            reason: reason.to_string(),
        }
    }
}

/// Reads a text of `create …`, `alter …`, `comment on …` statements.
///
/// Names that the text doesn't qualify stand in `public` (PostgreSQL), unless it sets `search_path`. Renames are
/// annotations in comments: `-- @renamed from=old_name` in the line of the column, the table or the index that has
/// the new name.
pub fn read(dialect: Dialect, text: &str) -> Result<Schema, Unreadable> {
    match dialect {
        Dialect::Postgres => postgres::read(&split(dialect, text)?),
        Dialect::MySql => mysql::read(text, split),
    }
}

/// How a text is cut.
type Splitting = for<'a> fn(Dialect, &'a str) -> Result<Vec<Statement<'a>>, SplitError>;

/// As [`read()`], of what [`render`](crate::render()) wrote: a whole database is longer than what people hand in.
pub fn read_rendered(dialect: Dialect, text: &str) -> Result<Schema, Unreadable> {
    match dialect {
        Dialect::Postgres => postgres::read(&split_ours(dialect, text)?),
        Dialect::MySql => mysql::read(text, split_ours),
    }
}
