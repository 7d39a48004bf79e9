//! `credentials`.

use muster_base::{OrgId, UnixMs};
use sqlx::QueryBuilder;
use uuid::Uuid;

use crate::{
    db::{Db, DbError, Tx},
    secrets::CredentialKind,
    with_pool, with_tx,
};

pub async fn upsert(
    tx: &mut Tx,
    org: OrgId,
    kind: CredentialKind,
    owner: Uuid,
    sealed: &str,
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "insert into credentials (org_id, kind, owner_id, value, updated_at) values ($1, $2, $3, $4, $5) \
        on conflict (org_id, kind, owner_id) do update set value = excluded.value, updated_at = excluded.updated_at";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(kind.as_str())
            .bind(owner)
            .bind(sealed)
            .bind(now)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub async fn find(db: &Db, org: OrgId, kind: CredentialKind, owner: Uuid) -> Result<Option<String>, DbError> {
    const SQL: &str = "select value from credentials where org_id = $1 and kind = $2 and owner_id = $3";
    Ok(with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .bind(org)
        .bind(kind.as_str())
        .bind(owner)
        .fetch_optional(pool)
        .await)?)
}

pub async fn delete(tx: &mut Tx, org: OrgId, kind: CredentialKind, owner: Uuid) -> Result<(), DbError> {
    const SQL: &str = "delete from credentials where org_id = $1 and kind = $2 and owner_id = $3";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(kind.as_str())
            .bind(owner)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub async fn delete_all(
    tx: &mut Tx,
    org: OrgId,
    kind: CredentialKind,
    owners: &[Uuid],
) -> Result<(), DbError> {
    if owners.is_empty() {
        return Ok(());
    }
    with_tx!(tx, |conn| {
        let mut sql = QueryBuilder::new("delete from credentials where org_id = ");
        sql.push_bind(org);
        sql.push(" and kind = ").push_bind(kind.as_str());
        sql.push(" and owner_id in (");
        let mut list = sql.separated(", ");
        for owner in owners {
            list.push_bind(*owner);
        }
        sql.push(")");
        sql.build().execute(conn).await?;
    });
    Ok(())
}
