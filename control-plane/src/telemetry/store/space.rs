//! Free pages of the readings' file.

use crate::db::{Db, DbError};

/// Fewer free pages are kept for what comes next.
const KEPT: i64 = 4;
/// In a file of fewer pages hardly any are kept: what an hour of its few hosts needs is made in no time.
const SMALL: i64 = 4_096;
/// Pages given back at a time: nobody else writes meanwhile.
const AT_ONCE: i64 = 4_096;

/// Gives pages back to the file system when more than a sixteenth of a large SQLite file is free, as after a host's backlog was
/// sealed; of a small one when more than a hundredth is. PostgreSQL does the like by itself.
pub(in crate::telemetry) async fn give_back(db: &Db) -> Result<(), DbError> {
    let Db::Sqlite(pools) = db else {
        return Ok(());
    };
    let pragma = async |name: &'static str| -> Result<i64, DbError> {
        Ok(sqlx::query_scalar(name).fetch_one(&pools.read).await?)
    };
    let (free, pages) = (
        pragma("pragma freelist_count").await?,
        pragma("pragma page_count").await?,
    );
    let kept = KEPT.max(pages / if pages < SMALL { 128 } else { 16 });
    if free <= kept {
        return Ok(());
    }
    let surplus = (free - kept / 2).min(AT_ONCE);
    sqlx::query(sqlx::AssertSqlSafe(format!(
        "pragma incremental_vacuum({surplus})"
    )))
    .fetch_all(&pools.write)
    .await?;
    Ok(())
}
