//! The kinds of database server, as people write them.

use muster_protocol::latest::DbDialect;
use muster_schema::Dialect;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use utoipa::ToSchema;

use crate::db::DbError;

/// What kind of server it is; read in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub enum ServerType {
    /// MySQL or MariaDB.
    MySQL,
    /// PostgreSQL.
    Postgres,
}

impl ServerType {
    /// Its SQL.
    pub const fn dialect(self) -> Dialect {
        match self {
            Self::MySQL => Dialect::MySql,
            Self::Postgres => Dialect::Postgres,
        }
    }

    pub(super) const fn on_the_wire(self) -> DbDialect {
        match self {
            Self::MySQL => DbDialect::MySql,
            Self::Postgres => DbDialect::Postgres,
        }
    }

    pub(super) const fn default_port(self) -> u16 {
        match self {
            Self::MySQL => 3306,
            Self::Postgres => 5432,
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self, DbError> {
        text.parse::<Dialect>()
            .map(Self::from)
            .map_err(|_| DbError::Corrupt(format!("db_servers.dialect: {text}")))
    }
}

impl From<Dialect> for ServerType {
    fn from(dialect: Dialect) -> Self {
        match dialect {
            Dialect::MySql => Self::MySQL,
            Dialect::Postgres => Self::Postgres,
        }
    }
}

impl<'de> Deserialize<'de> for ServerType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse::<Dialect>()
            .map(Self::from)
            .map_err(|_| D::Error::custom("must be MySQL or Postgres"))
    }
}
