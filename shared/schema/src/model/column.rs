//! Columns.

use serde::{Deserialize, Serialize};

use super::{DataType, Expression, Name, SequenceOptions};

/// A column of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    pub data_type: DataType,
    /// Whether it may be null. A primary key's columns may not.
    pub nullable: bool,
    /// What a row gets that doesn't say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<ColumnDefault>,
    /// Its value is computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated: Option<Generated>,
    /// Its value is counted (PostgreSQL).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// Its value is counted (MySQL).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub auto_increment: bool,
    /// MySQL's `on update current_timestamp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_update: Option<Expression>,
    /// Its character set, where it is not the table's (MySQL).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charset: Option<String>,
    /// Its collation, where it is not the type's (PostgreSQL) or the table's (MySQL). `pg_catalog` is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collation: Option<Name>,
    /// A check that stands with the column and has no name (MySQL; MariaDB keeps it as a part of the column).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Expression>,
    /// `select *` doesn't show it (MySQL).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub invisible: bool,
    /// How its long values are stored, where that is not the type's own way (PostgreSQL): `plain`, `external`…
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<String>,
    /// Its comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// What it was called before, by an annotation in the text or a stable id. Not part of what a database holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renamed_from: Option<String>,
}

/// What a row gets that doesn't say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnDefault {
    /// The value of an expression.
    Expression(Expression),
    /// The next number of a sequence, which `serial` also means.
    Next(Name),
}

/// A computed column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generated {
    /// From the other columns of the row.
    pub expression: Expression,
    /// Whether it takes space, or is computed when it is read.
    pub stored: bool,
}

/// PostgreSQL's `generated … as identity`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Whether a row may not bring a number of its own.
    pub always: bool,
    /// How it counts.
    pub options: SequenceOptions,
}
