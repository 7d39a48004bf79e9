//! Rows of `third_parts`.

use muster_base::OrgId;

use crate::{
    access::third_part::ThirdPart,
    db::{Db, DbError, Tx},
    with_pool, with_tx,
};

pub(in crate::access) async fn list(db: &Db, org: OrgId) -> Result<Vec<ThirdPart>, DbError> {
    const SQL: &str = "select id, provider, owner, account_id, avatar, created_at, updated_at from third_parts \
        where org_id = $1 order by provider limit 500";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(org)
        .fetch_all(pool)
        .await)?)
}

/// Makes the row of that provider or changes it; as it is now.
pub(in crate::access) async fn upsert(
    tx: &mut Tx,
    org: OrgId,
    wanted: &ThirdPart,
) -> Result<ThirdPart, DbError> {
    const SQL: &str = "insert into third_parts (id, org_id, provider, owner, account_id, avatar, created_at, \
        updated_at) values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (org_id, provider) do update set \
        owner = excluded.owner, account_id = excluded.account_id, avatar = excluded.avatar, \
        updated_at = excluded.updated_at \
        returning id, provider, owner, account_id, avatar, created_at, updated_at";
    Ok(with_tx!(tx, |conn| sqlx::query_as(SQL)
        .bind(wanted.id)
        .bind(org)
        .bind(&wanted.provider)
        .bind(&wanted.owner)
        .bind(&wanted.account_id)
        .bind(&wanted.avatar)
        .bind(wanted.created_at)
        .bind(wanted.updated_at)
        .fetch_one(conn)
        .await)?)
}

/// Takes the row of that provider away; what it was.
pub(in crate::access) async fn delete(
    tx: &mut Tx,
    org: OrgId,
    provider: &str,
) -> Result<Option<ThirdPart>, DbError> {
    const SQL: &str = "delete from third_parts where org_id = $1 and provider = $2 \
        returning id, provider, owner, account_id, avatar, created_at, updated_at";
    Ok(with_tx!(tx, |conn| sqlx::query_as(SQL)
        .bind(org)
        .bind(provider)
        .fetch_optional(conn)
        .await)?)
}
