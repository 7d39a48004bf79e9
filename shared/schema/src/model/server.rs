//! The server that a schema was read from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What the meaning of a text depends on, as the server says it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// Its version in its own words, for instance `10.11.14-MariaDB` or `8.0.40`.
    pub version: String,
    /// Whether it keeps names of tables in lower case, whatever is written.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lower_case_names: bool,
    /// The collation that each character set has where none is named.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub collations: BTreeMap<String, String>,
}

impl Server {
    /// Whether it is MariaDB and not MySQL.
    pub fn is_mariadb(&self) -> bool {
        self.version.contains("MariaDB")
    }
}
