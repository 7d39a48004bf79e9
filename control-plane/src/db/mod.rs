//! The databases: embedded SQLite or PostgreSQL behind one enum.
//!
//! Each query is written once, in the SQL that both speak (`$1`, `returning`, `on conflict … excluded`), and is
//! compiled and type-checked for both by [`with_pool!`] (reads) and `with_tx!` (writes, inside `in_tx!`).
//! What can't be said in both stands in [`dialect`]; many rows at once are inserted by [`Tx::insert_rows`].
//!
//! * SQLite: WAL, a pool of read-only connections and one writer; transactions begin `immediate`, so that a writer
//!   waits at its start and never fails in the middle. Two files: `muster.db` with `synchronous=FULL`, and
//!   `telemetry.db` with `synchronous=NORMAL` (a power cut may cost the last readings, which the agents still hold).
//! * PostgreSQL: one pool for both.
//!
//! Migrations are embedded, applied at start and checked: one that was edited after it was applied stops the start.

pub mod dialect;
mod error;
pub mod migrate;
mod open;
mod rows;
pub mod survey;
#[cfg(test)]
pub(crate) mod template;

use std::path::PathBuf;

use sqlx::{PgPool, Postgres, Sqlite, SqlitePool, Transaction};

pub use self::{
    error::DbError,
    migrate::{Schema, schema},
    open::Databases,
    rows::Column,
};
use crate::with_pool;

/// A database.
#[derive(Clone, Debug)]
pub enum Db {
    /// Embedded.
    Sqlite(SqlitePools),
    /// PostgreSQL 13 or newer.
    Postgres(PgPool),
}

/// One SQLite file.
#[derive(Clone, Debug)]
pub struct SqlitePools {
    /// Read-only connections.
    pub read: SqlitePool,
    /// The single writer.
    pub write: SqlitePool,
    /// The file, for size and backup.
    pub path: PathBuf,
}

/// A transaction; rolled back when dropped without [`Tx::commit`].
#[derive(Debug)]
pub enum Tx {
    /// On the single writer.
    Sqlite(Transaction<'static, Sqlite>),
    /// On a connection of the pool.
    Postgres(Transaction<'static, Postgres>),
}

impl Db {
    /// Begins a transaction that may write.
    pub async fn begin(&self) -> Result<Tx, DbError> {
        Ok(match self {
            Self::Sqlite(pools) => Tx::Sqlite(pools.write.begin_with("begin immediate").await?),
            Self::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), DbError> {
        let one: i32 = with_pool!(self, |pool| sqlx::query_scalar("select 1").fetch_one(pool).await)?;
        debug_assert_eq!(one, 1);
        Ok(())
    }

    /// Closes every connection, after those in use are given back.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(pools) => {
                pools.read.close().await;
                pools.write.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

impl Tx {
    /// Makes everything done in it last.
    pub async fn commit(self) -> Result<(), DbError> {
        match self {
            Self::Sqlite(tx) => tx.commit().await?,
            Self::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }
}

/// Runs a read on either database: `with_pool!(app.db, |pool| query.fetch_all(pool).await)`.
#[macro_export]
macro_rules! with_pool {
    ($db:expr, |$pool:ident| $body:expr) => {
        match &$db {
            $crate::db::Db::Sqlite(pools) => {
                let $pool = &pools.read;
                $body
            }
            $crate::db::Db::Postgres(pool) => {
                let $pool = pool;
                $body
            }
        }
    };
}

/// Runs a statement in a transaction of either database: `with_tx!(tx, |conn| query.execute(conn).await)`, where
/// `tx` is a `&mut Tx`. For several statements, write `&mut *conn` in all but the last.
#[macro_export]
macro_rules! with_tx {
    ($tx:expr, |$conn:ident| $body:expr) => {
        match &mut *$tx {
            $crate::db::Tx::Sqlite(tx) => {
                let $conn = &mut **tx;
                $body
            }
            $crate::db::Tx::Postgres(tx) => {
                let $conn = &mut **tx;
                $body
            }
        }
    };
}

/// Begins a transaction, runs the body with `tx: &mut Tx`, commits, and yields the body's value. `?` and `return`
/// in the body leave the enclosing function, which rolls everything back.
#[macro_export]
macro_rules! in_tx {
    ($db:expr, |$tx:ident| $body:expr) => {{
        let mut transaction = $db.begin().await?;
        let value = {
            let $tx = &mut transaction;
            $body
        };
        muster_base::point!("{}:{}.before-commit", module_path!(), line!());
        transaction.commit().await?;
        muster_base::point!("{}:{}.after-commit", module_path!(), line!());
        value
    }};
}
