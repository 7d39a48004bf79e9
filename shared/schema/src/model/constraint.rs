//! Keys and the other rules that rows must keep. Each stands in its table's map by its name; a name that was not
//! written is the one that the server would give.

use serde::{Deserialize, Serialize};

use super::{Expression, IndexPart, Name, Options};

/// A primary key or a unique constraint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// Its name. MySQL's primary key is always `PRIMARY`.
    pub name: String,
    /// In this order.
    pub columns: Vec<IndexPart>,
    /// Columns that its index also carries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<String>,
    /// Whether two nulls are the same (`nulls not distinct`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub nulls_not_distinct: bool,
    /// When it is checked.
    #[serde(default)]
    pub deferral: Deferral,
    /// Storage parameters of its index, for instance `fillfactor`.
    #[serde(default, skip_serializing_if = "Options::is_empty")]
    pub options: Options,
    /// Its comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// When a constraint is checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deferral {
    /// After each statement, always.
    #[default]
    NotDeferrable,
    /// After each statement, unless the transaction defers it.
    InitiallyImmediate,
    /// At the end of the transaction.
    InitiallyDeferred,
}

/// A condition on each row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What must not be false.
    pub expression: Expression,
    /// Whether tables that inherit from this one don't have it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_inherit: bool,
    /// Whether the rows that were there before are known to keep it (PostgreSQL's `not valid`).
    pub validated: bool,
    /// Whether it is checked at all (MySQL's `not enforced`).
    pub enforced: bool,
    /// Its comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// A reference to another table's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignKey {
    /// Columns here.
    pub columns: Vec<String>,
    /// The table there.
    pub references: Name,
    /// Columns there, as many; empty only where the text names none and the table there is unknown.
    pub referenced: Vec<String>,
    /// When the row there goes.
    pub on_delete: Action,
    /// When the key there changes.
    pub on_update: Action,
    /// The columns that `on delete set null` or `set default` sets, where not all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on_delete_columns: Vec<String>,
    /// `match full`: all columns are null or none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub match_full: bool,
    /// When it is checked.
    #[serde(default)]
    pub deferral: Deferral,
    /// Whether the rows that were there before are known to keep it.
    pub validated: bool,
    /// Its comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// What happens to the rows that refer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Refused at the end of the statement. In MySQL the same as `restrict`, which its reader writes so.
    #[default]
    NoAction,
    /// Refused at once.
    Restrict,
    /// They go too.
    Cascade,
    /// They refer to nothing.
    SetNull,
    /// They get the default.
    SetDefault,
}

/// PostgreSQL's `exclude`: no two rows for which all operators hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exclusion {
    /// The index method, for instance `gist`.
    pub method: String,
    /// What is compared, and by which operator.
    pub parts: Vec<(IndexPart, String)>,
    /// Columns that its index also carries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<String>,
    /// For these rows only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Expression>,
    /// When it is checked.
    #[serde(default)]
    pub deferral: Deferral,
    /// Its comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}
