//! `secret_providers`.

use muster_base::{OrgId, SecretProviderId, UnixMs};
use sqlx::AssertSqlSafe;

use crate::{
    db::{Db, DbError, Tx},
    secrets::provider::{ProviderType, SecretProvider},
    with_pool, with_tx,
};

const COLUMNS: &str = "id, name, kind, url, client_id, project_id, environment, path, auto_sync, interval_s, \
    last_sync_at, last_sync_status, created_by, created_at, updated_at";

#[derive(sqlx::FromRow)]
struct Record {
    id: SecretProviderId,
    name: String,
    kind: String,
    url: String,
    client_id: String,
    project_id: String,
    environment: String,
    path: String,
    auto_sync: bool,
    interval_s: i64,
    last_sync_at: Option<UnixMs>,
    last_sync_status: Option<String>,
    created_by: String,
    created_at: UnixMs,
    updated_at: UnixMs,
}

impl TryFrom<Record> for SecretProvider {
    type Error = DbError;

    fn try_from(record: Record) -> Result<Self, DbError> {
        let corrupt = |column: &str| DbError::Corrupt(format!("secret_providers.{column}"));
        Ok(Self {
            id: record.id,
            name: record.name,
            kind: ProviderType::read(&record.kind)?,
            url: record.url.parse().map_err(|_| corrupt("url"))?,
            client_id: record.client_id,
            project_id: record.project_id,
            environment: record.environment,
            path: record.path,
            auto_sync: record.auto_sync,
            interval_s: u32::try_from(record.interval_s).map_err(|_| corrupt("interval_s"))?,
            last_sync_at: record.last_sync_at,
            last_sync_status: record.last_sync_status,
            created_by: record.created_by,
            created_at: record.created_at,
            updated_at: record.updated_at,
        })
    }
}

pub async fn insert(tx: &mut Tx, org: OrgId, provider: &SecretProvider) -> Result<(), DbError> {
    const SQL: &str = "insert into secret_providers (id, org_id, name, kind, url, client_id, project_id, environment, \
        path, auto_sync, interval_s, created_by, created_at, updated_at) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(provider.id)
            .bind(org)
            .bind(&provider.name)
            .bind(provider.kind.as_str())
            .bind(provider.url.to_string())
            .bind(&provider.client_id)
            .bind(&provider.project_id)
            .bind(&provider.environment)
            .bind(&provider.path)
            .bind(provider.auto_sync)
            .bind(i64::from(provider.interval_s))
            .bind(&provider.created_by)
            .bind(provider.created_at)
            .bind(provider.updated_at)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub async fn find(db: &Db, org: OrgId, id: SecretProviderId) -> Result<Option<SecretProvider>, DbError> {
    let sql = format!("select {COLUMNS} from secret_providers where org_id = $1 and id = $2");
    let row: Option<Record> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(id)
        .fetch_optional(pool)
        .await)?;
    row.map(TryInto::try_into).transpose()
}

/// Reads the row and keeps others from changing it until the transaction ends.
pub async fn lock(
    tx: &mut Tx,
    db: &Db,
    org: OrgId,
    id: SecretProviderId,
) -> Result<Option<SecretProvider>, DbError> {
    let sql = format!(
        "select {COLUMNS} from secret_providers where org_id = $1 and id = $2{}",
        db.for_update()
    );
    let row: Option<Record> = with_tx!(tx, |conn| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(id)
        .fetch_optional(conn)
        .await?);
    row.map(TryInto::try_into).transpose()
}

pub async fn list(db: &Db, org: OrgId, after: &str, limit: i64) -> Result<Vec<SecretProvider>, DbError> {
    let sql = format!(
        "select {COLUMNS} from secret_providers where org_id = $1 and name > $2 order by name limit $3"
    );
    let rows: Vec<Record> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(after)
        .bind(limit)
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

pub async fn update(tx: &mut Tx, org: OrgId, provider: &SecretProvider) -> Result<bool, DbError> {
    const SQL: &str = "update secret_providers set name = $3, url = $4, client_id = $5, project_id = $6, \
        environment = $7, path = $8, auto_sync = $9, interval_s = $10, updated_at = $11 where org_id = $1 and id = $2";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(provider.id)
        .bind(&provider.name)
        .bind(provider.url.to_string())
        .bind(&provider.client_id)
        .bind(&provider.project_id)
        .bind(&provider.environment)
        .bind(&provider.path)
        .bind(provider.auto_sync)
        .bind(i64::from(provider.interval_s))
        .bind(provider.updated_at)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

pub async fn delete(tx: &mut Tx, org: OrgId, id: SecretProviderId) -> Result<(), DbError> {
    const SQL: &str = "delete from secret_providers where org_id = $1 and id = $2";
    with_tx!(tx, |conn| {
        sqlx::query(SQL).bind(org).bind(id).execute(conn).await?;
    });
    Ok(())
}

pub async fn set_last_sync(
    tx: &mut Tx,
    org: OrgId,
    id: SecretProviderId,
    at: UnixMs,
    status: &str,
) -> Result<(), DbError> {
    const SQL: &str =
        "update secret_providers set last_sync_at = $3, last_sync_status = $4 where org_id = $1 and id = $2";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(id)
            .bind(at)
            .bind(status)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Milliseconds between two syncs by schedule.
pub async fn interval_ms(tx: &mut Tx, org: OrgId, id: SecretProviderId) -> Result<i64, DbError> {
    const SQL: &str = "select interval_s from secret_providers where org_id = $1 and id = $2";
    let interval_s: i64 = with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(org)
        .bind(id)
        .fetch_one(conn)
        .await?);
    Ok(interval_s.saturating_mul(UnixMs::SECOND))
}
