//! `secrets`.

use muster_base::{OrgId, SecretGroupId, SecretId, SecretProviderId, UnixMs};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::id_list;
use crate::{
    access::{ObjectKind, Scope},
    db::{Db, DbError, Tx},
    secrets::Secret,
    with_pool, with_tx,
};

const COLUMNS: &str = "id, group_id, name, description, source, provider_id, provider_reference, stale, version, \
    created_by, created_at, updated_at";

#[derive(sqlx::FromRow)]
struct Record {
    id: SecretId,
    group_id: SecretGroupId,
    name: String,
    description: String,
    source: String,
    provider_id: Option<SecretProviderId>,
    provider_reference: Option<String>,
    stale: bool,
    version: i64,
    created_by: String,
    created_at: UnixMs,
    updated_at: UnixMs,
}

impl From<Record> for Secret {
    fn from(record: Record) -> Self {
        Self {
            id: record.id,
            group_id: record.group_id,
            name: record.name,
            description: record.description,
            source: record.source,
            provider_id: record.provider_id,
            provider_reference: record.provider_reference,
            stale: record.stale,
            version: record.version,
            created_by: record.created_by,
            created_at: record.created_at,
            updated_at: record.updated_at,
        }
    }
}

pub async fn insert(tx: &mut Tx, org: OrgId, secret: &Secret) -> Result<(), DbError> {
    const SQL: &str = "insert into secrets (id, org_id, group_id, name, description, source, provider_id, \
        provider_reference, stale, version, created_by, created_at, updated_at) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(secret.id)
            .bind(org)
            .bind(secret.group_id)
            .bind(&secret.name)
            .bind(&secret.description)
            .bind(&secret.source)
            .bind(secret.provider_id)
            .bind(&secret.provider_reference)
            .bind(secret.stale)
            .bind(secret.version)
            .bind(&secret.created_by)
            .bind(secret.created_at)
            .bind(secret.updated_at)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub async fn find(db: &Db, org: OrgId, id: SecretId) -> Result<Option<Secret>, DbError> {
    let sql = format!("select {COLUMNS} from secrets where org_id = $1 and id = $2");
    let row: Option<Record> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(id)
        .fetch_optional(pool)
        .await)?;
    Ok(row.map(Into::into))
}

pub async fn list_among(db: &Db, org: OrgId, wanted: &[SecretId]) -> Result<Vec<Secret>, DbError> {
    let sql = format!(
        "select {COLUMNS} from secrets where org_id = $1 and {}",
        db.id_among("id", 2)
    );
    let rows: Vec<Record> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(id_list(wanted))
        .fetch_all(pool)
        .await)?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// Reads the row and keeps others from changing it until the transaction ends.
pub async fn lock(tx: &mut Tx, db: &Db, org: OrgId, id: SecretId) -> Result<Option<Secret>, DbError> {
    let sql = format!(
        "select {COLUMNS} from secrets where org_id = $1 and id = $2{}",
        db.for_update()
    );
    let row: Option<Record> = with_tx!(tx, |conn| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(id)
        .fetch_optional(conn)
        .await?);
    Ok(row.map(Into::into))
}

/// In the order of ids. Without a group: those of every group.
pub async fn list(
    db: &Db,
    (org, scope): (OrgId, &Scope),
    group: Option<SecretGroupId>,
    after: Option<SecretId>,
    limit: i64,
) -> Result<Vec<Secret>, DbError> {
    let only = if group.is_some() {
        "group_id = $4"
    } else {
        "$4 is null"
    };
    let sql = format!(
        "select {COLUMNS} from secrets where org_id = $1 and id > $2 and {only} and ($5 is null or {}) \
         order by id limit $3",
        db.id_among("group_id", 5)
    );
    let rows: Vec<Record> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(after.unwrap_or(SecretId::from_uuid(Uuid::nil())))
        .bind(limit)
        .bind(group)
        .bind(scope.keys(ObjectKind::SecretGroups))
        .fetch_all(pool)
        .await)?;
    Ok(rows.into_iter().map(Into::into).collect())
}

pub async fn update(tx: &mut Tx, org: OrgId, secret: &Secret) -> Result<(), DbError> {
    const SQL: &str = "update secrets set name = $3, description = $4, version = $5, updated_at = $6, stale = $7 \
        where org_id = $1 and id = $2";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(secret.id)
            .bind(&secret.name)
            .bind(&secret.description)
            .bind(secret.version)
            .bind(secret.updated_at)
            .bind(secret.stale)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub async fn delete(tx: &mut Tx, org: OrgId, id: SecretId) -> Result<(), DbError> {
    const SQL: &str = "delete from secrets where org_id = $1 and id = $2";
    with_tx!(tx, |conn| {
        sqlx::query(SQL).bind(org).bind(id).execute(conn).await?;
    });
    Ok(())
}
