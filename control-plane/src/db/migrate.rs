//! The embedded migrations, applied under a lock: an advisory lock in PostgreSQL, the data directory's lock file
//! (held by whoever opened it) for SQLite.

use sqlx::{PgPool, SqlitePool, migrate::Migrator};

use super::DbError;

/// Everything but readings, on SQLite.
pub static SQLITE: Migrator = sqlx::migrate!("../migrations/sqlite");
/// Readings, on SQLite.
pub static SQLITE_TELEMETRY: Migrator = sqlx::migrate!("../migrations/sqlite-telemetry");
/// Everything, on PostgreSQL.
pub static POSTGRES: Migrator = sqlx::migrate!("../migrations/postgres");

pub(super) async fn sqlite(pool: &SqlitePool) -> Result<(), DbError> {
    Ok(SQLITE.run(pool).await?)
}

pub(super) async fn sqlite_telemetry(pool: &SqlitePool) -> Result<(), DbError> {
    Ok(SQLITE_TELEMETRY.run(pool).await?)
}

pub(super) async fn postgres(pool: &PgPool) -> Result<(), DbError> {
    Ok(POSTGRES.run(pool).await?)
}
