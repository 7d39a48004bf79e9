//! Indexes that are no constraint's.

use serde::{Deserialize, Serialize};

use super::{Expression, Name, Options};

/// An index; it stands in its table's or materialised view's map by its name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a property that an index has or has not"
)]
pub struct Index {
    /// What it is over, in this order.
    pub parts: Vec<IndexPart>,
    /// Whether it keeps out doubles.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unique: bool,
    /// In lower case: `btree`, `hash`, `gin`, `gist`…; `fulltext` and `spatial` in MySQL.
    pub method: String,
    /// Columns that it also carries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<String>,
    /// For these rows only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Expression>,
    /// Whether two nulls are the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub nulls_not_distinct: bool,
    /// Storage parameters (PostgreSQL), `parser` and the like (MySQL).
    #[serde(default, skip_serializing_if = "Options::is_empty")]
    pub options: Options,
    /// The optimiser passes it by (MySQL's `invisible`, MariaDB's `ignored`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub invisible: bool,
    /// A build that broke off left it behind; it takes space and serves nobody (PostgreSQL).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub invalid: bool,
    /// Its comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// What it was called before, by an annotation in the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renamed_from: Option<String>,
}

/// One column or expression of an index or key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexPart {
    /// What is indexed.
    pub on: Indexed,
    /// How many characters of it (MySQL).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<u32>,
    /// Its collation, where it is not the column's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collation: Option<Name>,
    /// Its operator class, where it is not the type's own. What the server brings along has no namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator_class: Option<Name>,
    /// Largest first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub descending: bool,
    /// Where nulls stand, as it takes effect: first in a descending part unless it says otherwise (PostgreSQL).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub nulls_first: bool,
}

/// What an index is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Indexed {
    /// A column.
    Column(String),
    /// The value of an expression.
    Expression(Expression),
}

impl IndexPart {
    /// The whole column, smallest first.
    pub fn column(name: impl Into<String>) -> Self {
        Self {
            on: Indexed::Column(name.into()),
            prefix: None,
            collation: None,
            operator_class: None,
            descending: false,
            nulls_first: false,
        }
    }

    /// The column's name, if it is over one.
    pub fn column_name(&self) -> Option<&str> {
        match &self.on {
            Indexed::Column(name) => Some(name),
            Indexed::Expression(_) => None,
        }
    }
}
