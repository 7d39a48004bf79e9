//! Expressions and queries.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An expression or a query, in the SQL of its schema's dialect.
///
/// Its text is kept as it was written or reported, without comments and with single blanks. `==` compares letters;
/// whether two mean the same is for `crate::normalise` to say.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Expression(String);

impl Expression {
    /// Takes the text as it is.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The SQL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
