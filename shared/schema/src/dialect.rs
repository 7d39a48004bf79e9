//! The two dialects, and how their names are written.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Which server's SQL a text is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// MySQL and MariaDB.
    MySql,
    /// PostgreSQL.
    Postgres,
}

/// The text names no dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown dialect: write mysql or postgres")]
pub struct DialectError;

impl FromStr for Dialect {
    type Err = DialectError;

    /// Any case; the usual other names are understood.
    fn from_str(text: &str) -> Result<Self, DialectError> {
        match text.to_ascii_lowercase().as_str() {
            "mysql" | "mariadb" => Ok(Self::MySql),
            "postgres" | "postgresql" => Ok(Self::Postgres),
            _ => Err(DialectError),
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MySql => "mysql",
            Self::Postgres => "postgres",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_any_case() {
        assert_eq!("MySQL".parse(), Ok(Dialect::MySql));
        assert_eq!("Postgres".parse(), Ok(Dialect::Postgres));
        assert_eq!("oracle".parse::<Dialect>(), Err(DialectError));
    }
}
