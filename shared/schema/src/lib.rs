//! SQL as text: cut into statements, told apart by kind and risk, linted. For MySQL/MariaDB and PostgreSQL.
//!
//! A library without I/O that any program may use: it never connects anywhere and never prints SQL of its own
//! making; what it hands out are pieces of what it was given. The only crate that knows `sqlparser`.
//!
//! - [`split()`] cuts a text into statements as the server's own client would (quotes, comments, dollar quotes,
//!   `DELIMITER`), and refuses what a client would act on by itself.
//! - [`classify()`] says what a statement does: its [`StatementKind`], the objects it names, the [`Effect`]s by
//!   which one can see afterwards that it happened, its [`Risk`] with reasons, and whether it can run in a
//!   transaction. What can't be read is [`Risk::Unknown`], the highest risk; nothing is guessed.
//! - [`lint()`] finds what people regret later.
//!
//! ```
//! use muster_schema::{Dialect, Risk, classify, split};
//!
//! let statements = split(Dialect::Postgres, "create table t (id int); drop table u;")?;
//! assert_eq!(statements.len(), 2);
//! let second = classify(Dialect::Postgres, statements[1].text);
//! assert_eq!(second.risk, Risk::Destructive);
//! # Ok::<(), muster_schema::SplitError>(())
//! ```
//!
//! # Invariants
//!
//! - No input makes it panic or recurse without a limit (property tests).
//! - `split` loses nothing: between the statements' spans stand only white space, comments and terminators.
//! - A statement that the server may read otherwise than this crate does (executable comments, changed quoting
//!   modes) is refused or unknown, never safe.
#![deny(missing_docs)]

mod classify;
mod depth;
mod dialect;
mod lex;
mod lint;
mod parse;
mod split;

pub use classify::{Class, Classification, Effect, ObjectRef, Reason, Risk, StatementKind, classify};
pub use dialect::{Dialect, DialectError};
pub use lint::{Finding, RULES, Rule, Severity, lint};
pub use split::{
    MAX_STATEMENT_BYTES, MAX_STATEMENTS, MAX_TEXT_BYTES, SplitError, Statement, canonical, split,
};
