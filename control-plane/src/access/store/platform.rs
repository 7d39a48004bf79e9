//! Rows of `platforms`.

use muster_base::{PlatformId, UnixMs};

use crate::{
    db::{DbError, Tx},
    with_tx,
};

/// Makes the platform `default`; false if there was one.
pub(in crate::access) async fn insert_default(
    tx: &mut Tx,
    id: PlatformId,
    now: UnixMs,
) -> Result<bool, DbError> {
    const SQL: &str = "insert into platforms (id, code, name, created_at) values ($1, 'default', 'Default', $2) \
        on conflict (code) do nothing";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(id)
        .bind(now)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

/// The platform `default`.
pub(in crate::access) async fn default_id(tx: &mut Tx) -> Result<PlatformId, DbError> {
    const SQL: &str = "select id from platforms where code = 'default'";
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .fetch_one(conn)
        .await)?)
}
