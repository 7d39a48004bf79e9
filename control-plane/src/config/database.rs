//! `[database]`

use muster_base::SecretString;
use serde::Deserialize;

/// Where the data is kept.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseConfig {
    /// `postgres://user:password@host/database`; absent: SQLite files in the data directory.
    pub url: Option<SecretString>,
}
