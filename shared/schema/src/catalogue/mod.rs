//! A live database into the model: which questions to ask, and what the answers mean.
//!
//! The library never connects. Its caller runs each of [`queries`] in one transaction that sees one state
//! (`repeatable read`, read only), gives every cell as text or null, and hands the answers to [`assemble`]. A
//! connection that sees a different database than it means to is the caller's to notice.

mod mysql;
mod postgres;

use std::collections::BTreeMap;

use crate::{Dialect, Schema, Unreadable};

/// A question to the server. Its columns are all text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query {
    /// By which its answer is known.
    pub name: &'static str,
    /// One statement, without parameters.
    pub sql: &'static str,
}

/// The rows of one answer.
pub type Rows = Vec<Vec<Option<String>>>;

/// All answers, by their query's name.
pub type Answers = BTreeMap<String, Rows>;

/// What to ask, in any order.
pub fn queries(dialect: Dialect) -> &'static [Query] {
    match dialect {
        Dialect::Postgres => postgres::QUERIES,
        Dialect::MySql => mysql::QUERIES,
    }
}

/// What the answers say.
pub fn assemble(dialect: Dialect, answers: &Answers) -> Result<Schema, Unreadable> {
    match dialect {
        Dialect::Postgres => postgres::assemble(answers),
        Dialect::MySql => mysql::assemble(answers),
    }
}
