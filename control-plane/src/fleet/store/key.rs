//! Rows of `fleet_keys`.

use crate::{
    db::{Db, DbError},
    fleet::key_store::StoredKey,
    in_tx, with_pool, with_tx,
};

pub(in crate::fleet) async fn list_in_force(db: &Db) -> Result<Vec<StoredKey>, DbError> {
    const SQL: &str = "select id, kind, public, sealed, trust_domain, vouched_by, vouch_signature, created_at \
        from fleet_keys where retired_at is null order by kind";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL).fetch_all(pool).await)?)
}

/// Puts these keys in force, unless there are keys of their kinds in force.
pub(in crate::fleet) async fn insert_if_none(db: &Db, rows: &[StoredKey]) -> Result<(), DbError> {
    const SQL: &str = "insert into fleet_keys \
        (id, kind, public, sealed, trust_domain, vouched_by, vouch_signature, created_at) \
        values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (kind) where retired_at is null do nothing";
    in_tx!(db, |tx| {
        for row in rows {
            with_tx!(tx, |conn| {
                sqlx::query(SQL)
                    .bind(row.id)
                    .bind(&row.kind)
                    .bind(&row.public)
                    .bind(&row.sealed)
                    .bind(&row.trust_domain)
                    .bind(&row.vouched_by)
                    .bind(&row.vouch_signature)
                    .bind(row.created_at)
                    .execute(conn)
                    .await?;
            });
        }
    });
    Ok(())
}
