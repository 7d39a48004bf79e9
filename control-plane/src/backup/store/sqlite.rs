//! A consistent copy of a SQLite file while others write to it.

use std::path::Path;

use crate::db::{DbError, SqlitePools};

/// Writes a copy to `path`, which must not be there.
pub(in crate::backup) async fn vacuum_into(pools: &SqlitePools, path: &Path) -> Result<(), DbError> {
    // On the connection that may write, because the others refuse statements that do; it only reads this file.
    sqlx::query("vacuum into $1")
        .bind(path.to_string_lossy().into_owned())
        .execute(&pools.write)
        .await?;
    Ok(())
}
