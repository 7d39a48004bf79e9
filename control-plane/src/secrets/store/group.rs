//! `secret_groups`.

use muster_base::{OrgId, SecretGroupId, SecretProviderId, UnixMs};
use sqlx::AssertSqlSafe;

use crate::{
    access::{ObjectKind, Scope},
    db::{Db, DbError, Tx},
    secrets::SecretGroup,
    with_pool, with_tx,
};

#[derive(sqlx::FromRow)]
struct Record {
    id: SecretGroupId,
    name: String,
    description: String,
    provider_id: Option<SecretProviderId>,
    auto_sync: bool,
    secret_count: i64,
    created_by: String,
    created_at: UnixMs,
    updated_at: UnixMs,
}

impl From<Record> for SecretGroup {
    fn from(record: Record) -> Self {
        Self {
            id: record.id,
            name: record.name,
            description: record.description,
            provider_id: record.provider_id,
            auto_sync: record.auto_sync,
            secret_count: record.secret_count,
            created_by: record.created_by,
            created_at: record.created_at,
            updated_at: record.updated_at,
        }
    }
}

pub async fn insert(tx: &mut Tx, org: OrgId, group: &SecretGroup) -> Result<(), DbError> {
    const SQL: &str = "insert into secret_groups \
        (id, org_id, name, description, provider_id, auto_sync, created_by, created_at, updated_at) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(group.id)
            .bind(org)
            .bind(&group.name)
            .bind(&group.description)
            .bind(group.provider_id)
            .bind(group.auto_sync)
            .bind(&group.created_by)
            .bind(group.created_at)
            .bind(group.updated_at)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub async fn find(db: &Db, org: OrgId, id: SecretGroupId) -> Result<Option<SecretGroup>, DbError> {
    const SQL: &str = "select id, name, description, provider_id, auto_sync, created_by, created_at, updated_at, \
        (select count(*) from secrets where secrets.group_id = secret_groups.id) as secret_count \
        from secret_groups where org_id = $1 and id = $2";
    let row: Option<Record> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(org)
        .bind(id)
        .fetch_optional(pool)
        .await)?;
    Ok(row.map(Into::into))
}

pub async fn list(
    db: &Db,
    org: OrgId,
    scope: &Scope,
    after: &str,
    limit: i64,
) -> Result<Vec<SecretGroup>, DbError> {
    let in_reach = db.id_among("id", 4);
    let sql = format!(
        "select id, name, description, provider_id, auto_sync, created_by, created_at, updated_at, \
        (select count(*) from secrets where secrets.group_id = secret_groups.id) as secret_count \
        from secret_groups where org_id = $1 and name > $2 and ($4 is null or {in_reach}) order by name limit $3"
    );
    let rows: Vec<Record> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(after)
        .bind(limit)
        .bind(scope.keys(ObjectKind::SecretGroups))
        .fetch_all(pool)
        .await)?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// Reads the row and keeps others from changing it until the transaction ends.
pub async fn lock(
    tx: &mut Tx,
    db: &Db,
    org: OrgId,
    id: SecretGroupId,
) -> Result<Option<SecretGroup>, DbError> {
    let sql = format!(
        "select id, name, description, provider_id, auto_sync, created_by, created_at, updated_at, \
         (select count(*) from secrets where secrets.group_id = secret_groups.id) as secret_count \
         from secret_groups where org_id = $1 and id = $2{}",
        db.for_update()
    );
    let row: Option<Record> = with_tx!(tx, |conn| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(id)
        .fetch_optional(conn)
        .await?);
    Ok(row.map(Into::into))
}

pub async fn update(tx: &mut Tx, org: OrgId, group: &SecretGroup) -> Result<(), DbError> {
    const SQL: &str = "update secret_groups set name = $3, description = $4, provider_id = $5, auto_sync = $6, \
        updated_at = $7 where org_id = $1 and id = $2";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(group.id)
            .bind(&group.name)
            .bind(&group.description)
            .bind(group.provider_id)
            .bind(group.auto_sync)
            .bind(group.updated_at)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// How many groups are synced from a provider.
pub async fn count_of_provider(tx: &mut Tx, org: OrgId, provider: SecretProviderId) -> Result<i64, DbError> {
    const SQL: &str = "select count(*) from secret_groups where org_id = $1 and provider_id = $2";
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(org)
        .bind(provider)
        .fetch_one(conn)
        .await?))
}

pub async fn delete(tx: &mut Tx, org: OrgId, id: SecretGroupId) -> Result<bool, DbError> {
    const SQL: &str = "delete from secret_groups where org_id = $1 and id = $2";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(id)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}
