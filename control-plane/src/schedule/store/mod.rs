//! Rows of `scheduled_jobs`.

use muster_base::UnixMs;

use crate::{
    db::{Db, DbError},
    in_tx, with_pool, with_tx,
};

/// The interval that the job last ran for.
pub(super) async fn last_slot(db: &Db, name: &str) -> Result<Option<UnixMs>, DbError> {
    const SQL: &str = "select slot from scheduled_jobs where name = $1";
    Ok(with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .bind(name)
        .fetch_optional(pool)
        .await)?)
}

/// Moves the job to `slot`; false if it was there or later already.
pub(super) async fn claim(db: &Db, name: &str, slot: UnixMs) -> Result<bool, DbError> {
    const SQL: &str = "insert into scheduled_jobs (name, slot) values ($1, $2) \
        on conflict (name) do update set slot = excluded.slot where scheduled_jobs.slot < excluded.slot";
    let rows = in_tx!(db, |tx| with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(name)
            .bind(slot)
            .execute(conn)
            .await?
            .rows_affected()
    }));
    Ok(rows == 1)
}
