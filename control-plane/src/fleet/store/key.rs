//! Rows of `fleet_keys`.

use muster_base::UnixMs;
use uuid::Uuid;

use crate::{
    db::{Db, DbError, Tx},
    fleet::key_store::{KeyState, StoredKey},
    in_tx, with_pool, with_tx,
};

const COLUMNS: &str = "id, kind, public, sealed, trust_domain, vouched_by, vouch_signature, created_at, state, state_at, \
    retired_by, retire_signature";

/// Every key there ever was, oldest first.
pub(in crate::fleet) async fn list(db: &Db) -> Result<Vec<StoredKey>, DbError> {
    let sql = format!("select {COLUMNS} from fleet_keys order by created_at, id");
    Ok(with_pool!(db, |pool| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .fetch_all(pool)
        .await)?)
}

/// Their ids and states, oldest first.
pub(in crate::fleet) async fn list_states(db: &Db) -> Result<Vec<(Uuid, String)>, DbError> {
    const SQL: &str = "select id, state from fleet_keys order by created_at, id";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL).fetch_all(pool).await)?)
}

/// Puts these keys in force, unless there are keys of their kinds in force.
pub(in crate::fleet) async fn insert_if_none(db: &Db, rows: &[StoredKey]) -> Result<(), DbError> {
    in_tx!(db, |tx| {
        for row in rows {
            insert(tx, row, " on conflict (kind) where state = 'current' do nothing").await?;
        }
    });
    Ok(())
}

/// Adds a key; another of its kind in its state is a conflict.
pub(in crate::fleet) async fn insert_new(tx: &mut Tx, row: &StoredKey) -> Result<(), DbError> {
    insert(tx, row, "").await
}

async fn insert(tx: &mut Tx, row: &StoredKey, conflict: &str) -> Result<(), DbError> {
    let sql = format!(
        "insert into fleet_keys (id, kind, public, sealed, trust_domain, vouched_by, vouch_signature, created_at, \
         state, state_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10){conflict}"
    );
    with_tx!(tx, |conn| {
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(row.id)
            .bind(&row.kind)
            .bind(&row.public)
            .bind(&row.sealed)
            .bind(&row.trust_domain)
            .bind(&row.vouched_by)
            .bind(&row.vouch_signature)
            .bind(row.created_at)
            .bind(&row.state)
            .bind(row.state_at)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Moves a key from one state to the next; false if it is not in the first one any more.
pub(in crate::fleet) async fn set_state(
    tx: &mut Tx,
    id: Uuid,
    from: KeyState,
    to: KeyState,
    now: UnixMs,
) -> Result<bool, DbError> {
    const SQL: &str = "update fleet_keys set state = $3, state_at = $4 where id = $1 and state = $2";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(id)
        .bind(from.as_str())
        .bind(to.as_str())
        .bind(now)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

/// A key that counts no more: its private half goes, and of a signing key the newer one's word stays.
pub(in crate::fleet) async fn set_gone(
    tx: &mut Tx,
    id: Uuid,
    retired: Option<(&[u8], &[u8])>,
    now: UnixMs,
) -> Result<bool, DbError> {
    const SQL: &str = "update fleet_keys set state = 'gone', state_at = $2, retired_at = $2, sealed = '', \
        retired_by = $3, retire_signature = $4 where id = $1 and state = 'previous'";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(id)
        .bind(now)
        .bind(retired.map(|(by, _)| by))
        .bind(retired.map(|(_, word)| word))
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}
