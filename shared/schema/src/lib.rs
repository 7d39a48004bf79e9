//! SQL schemas: read, compared, and changed by plans that say what they risk. SQL as text: cut into statements, told
//! apart by kind and risk, linted. For MySQL/MariaDB and PostgreSQL.
//!
//! A library without I/O that any program may use: it never connects anywhere. The only crate that knows `sqlparser`.
//!
//! # Schemas
//!
//! ```text
//! DDL text ──read──► Schema ◄──catalogue::assemble── answers to catalogue::queries
//!                      │
//!            plan(from, to) ──► Plan: steps with SQL, risk, lock, way back; or a Refusal that says why
//! ```
//!
//! - [`read()`] makes a [`Schema`] of `create …` statements; what it can't read is [`Unreadable`], by line.
//! - [`catalogue`] does so for a live database: it says what to ask and what the answers mean.
//! - [`plan()`] orders the changes from one to the other. Both sides may be of either origin: what a database
//!   reports equals what was written.
//! - [`render()`] writes a schema as SQL.
//! - [`left_over()`] finds the indexes that a build which broke off left behind.
//!
//! ```
//! use muster_schema::{Dialect, PlanOptions, Risk, plan, read};
//!
//! let from = read(Dialect::Postgres, "create table users (id bigint primary key, mail text, age int);")?;
//! let to = read(
//!     Dialect::Postgres,
//!     "create table users (
//!         id bigint primary key,
//!         email text -- @renamed from=mail
//!     );",
//! )?;
//! let plan = plan(&from, &to, &PlanOptions::default())?;
//! assert_eq!(plan.steps[0].sql, "alter table public.users rename column mail to email");
//! assert_eq!(plan.steps[1].sql, "alter table public.users drop column age");
//! assert_eq!(plan.risk(), Risk::Destructive);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Statements
//!
//! - [`split()`] cuts a text into statements as the server's own client would (quotes, comments, dollar quotes,
//!   `DELIMITER`), and refuses what a client would act on by itself.
//! - [`classify()`] says what a statement does: its [`StatementKind`], the objects it names, the [`Effect`]s by
//!   which one can see afterwards that it happened, its [`Risk`] with reasons, and whether it can run in a
//!   transaction. What can't be read is [`Risk::Unknown`], the highest risk; nothing is guessed.
//! - [`lint()`] finds what people regret later; [`lint_with()`] by the rules that an environment wants.
//! - [`lock_of()`] says which lock it takes, by the server's own name.
//! - [`row_change()`] reads an update or delete of one table, so that the rows it would touch can be counted, and kept before.
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
//! - What isn't understood is refused, never left out: no plan is empty because something was not read.
//! - Of a schema `s`: `plan(s, s)` is empty, and reading what `render` writes gives `s` again.
//! - No input makes it panic or recurse without a limit (property tests).
//! - `split` loses nothing: between the statements' spans stand only white space, comments and terminators.
//! - A statement that the server may read otherwise than this crate does (executable comments, changed quoting
//!   modes) is refused or unknown, never safe.
#![deny(missing_docs)]

mod bare;
pub mod catalogue;
mod classify;
mod depth;
mod dialect;
mod left_over;
mod lex;
mod lint;
mod locks;
pub mod model;
mod normalise;
mod parse;
mod plan;
mod read;
mod render;
mod rows;
mod split;
mod visible;

pub use bare::{NotBare, bare_definition};
pub use classify::{Class, Classification, Effect, ObjectRef, Reason, Risk, StatementKind, classify};
pub use dialect::{Dialect, DialectError};
pub use left_over::{LeftOver, left_over};
pub use lint::{
    Finding, Rule, Setting, SettingError, Settings, Severity, all as lint_rules, lint, lint_with,
};
pub use locks::{Taken, is_in_place, lock_of};
pub use model::Schema;
pub use plan::{
    ASIDE, Aside, AsideError, Lock, Plan, PlanOptions, Refusal, Reverse, SetAside, Step, Subject, Withheld,
    at_table, plan, whereabouts, without,
};
pub use read::{Unreadable, read, read_rendered};
pub use render::render;
pub use rows::{NotCounted, RowChange, every_row, kept_rows_name, row_change};
pub use split::{
    MAX_STATEMENT_BYTES, MAX_STATEMENTS, MAX_TEXT_BYTES, SplitError, Statement, canonical, split,
};
pub use visible::visible;
