//! What an SQL release's order holds: the statements, what holds them in, and the database that they are for. And the wishes to
//! read a database's schema and to count rows.

use muster_base::{ExecutionId, HostId, OrderId, OrgId, ReleaseId, ServerId, UnixMs};
use serde::{Deserialize, Serialize};

/// The dialect of a database server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DbDialect {
    /// MySQL and MariaDB.
    MySql,
    /// PostgreSQL.
    Postgres,
}

/// A database as the agent reaches it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqlTarget {
    /// The registered server.
    pub server: ServerId,
    /// Dialect.
    pub dialect: DbDialect,
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// User.
    pub username: String,
    /// Name of the password among the sealed secrets.
    pub password_secret: String,
    /// Database.
    pub database: String,
}

/// A release on one database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqlSpec {
    /// The execution that this is.
    pub execution: ExecutionId,
    /// The release. The ledger in the target database is kept by it: a release runs there once.
    pub release: ReleaseId,
    /// The release's version as a person knows it.
    pub version: String,
    /// SHA-256 of the approved SQL text: each statement followed by `;` and a line feed.
    pub sql_sha256: [u8; 32],
    /// Where.
    pub target: SqlTarget,
    /// What, in order.
    pub statements: Vec<SqlStatement>,
    /// Waiting for a lock ends after this time.
    pub lock_timeout_ms: u64,
    /// A statement ends after this time.
    pub statement_timeout_ms: u64,
    /// Run and roll back (PostgreSQL), or only check what can be checked (MySQL).
    pub dry_run: bool,
}

/// One statement of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqlStatement {
    /// The text, without its closing semicolon.
    pub sql: String,
    /// Can run in a transaction with the others (PostgreSQL).
    pub transactional: bool,
    /// Highest risk found in it: 0 safe, 1 warning, 2 destructive, 3 unknown.
    pub risk: u8,
}

/// A release some of whose statements are held in. Since protocol version 5.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardedSql {
    /// The release.
    pub spec: SqlSpec,
    /// At most one for a statement.
    pub guards: Vec<SqlGuard>,
}

/// What a statement that changes rows is held to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqlGuard {
    /// Which, from 0.
    pub statement: u32,
    /// If it touches more rows than this, it is undone and the release fails.
    pub max_rows: Option<u64>,
    /// The rows it touches are kept in a table of this name before, in the same transaction.
    pub keep: Option<String>,
}

/// A wish to know how many rows a statement would touch; it travels signed ([`super::SignedLook`]). Since protocol version 5.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountLook {
    /// Its own id; what is sealed is bound to it.
    pub id: OrderId,
    /// The org that asks.
    pub org: OrgId,
    /// The host that is asked.
    pub host: HostId,
    /// Not begun after this time.
    pub expires: UnixMs,
    /// Whose rows.
    pub target: SqlTarget,
    /// Encoded [`super::SealedSecrets`]: the password.
    pub sealed: Vec<u8>,
    /// An `update` or `delete`; the agent makes the question of it, and never runs it.
    pub statement: String,
    /// The question ends after this time.
    pub timeout_ms: u64,
}

/// A wish to read a database's catalogue; it travels signed ([`super::SignedLook`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaLook {
    /// Its own id; what is sealed is bound to it.
    pub id: OrderId,
    /// The org that asks.
    pub org: OrgId,
    /// The host that is asked.
    pub host: HostId,
    /// Not begun after this time.
    pub expires: UnixMs,
    /// Whose catalogue.
    pub target: SqlTarget,
    /// Encoded [`super::SealedSecrets`]: the password.
    pub sealed: Vec<u8>,
}

/// Some rows of what a catalogue answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaRows {
    /// The question's name (`muster_schema::catalogue`). A question without rows is told too, once.
    pub query: String,
    /// Rows, all cells as text.
    pub rows: Vec<Vec<Option<String>>>,
}
