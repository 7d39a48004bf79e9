//! Types of columns, domains and attributes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A type, by its full name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataType {
    /// Where a type of the schema's own stands; nothing for what the server brings along, extensions included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// In the server's own words, for instance `integer`, `character varying`, `timestamp with time zone`; `int`,
    /// `varchar`, `datetime` in MySQL.
    pub name: String,
    /// Length, or precision and scale.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
    /// The values of MySQL's `enum` and `set`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// MySQL's `unsigned`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsigned: bool,
    /// MySQL's `zerofill`, the one case in which a display width means something.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub zerofill: bool,
    /// PostgreSQL's arrays; the server keeps neither their bounds nor their number of dimensions.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub array: bool,
}

impl DataType {
    /// A type of the server's own without arguments.
    pub fn plain(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }
}

/// For people; `render` writes SQL.
impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}.")?;
        }
        f.write_str(&self.name)?;
        if !self.arguments.is_empty() {
            write!(f, "({})", self.arguments.join(","))?;
        }
        if !self.values.is_empty() {
            write!(f, "({})", self.values.join(","))?;
        }
        for (is, word) in [
            (self.unsigned, " unsigned"),
            (self.zerofill, " zerofill"),
            (self.array, "[]"),
        ] {
            if is {
                f.write_str(word)?;
            }
        }
        Ok(())
    }
}
