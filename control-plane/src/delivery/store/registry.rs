//! `registries`.

use muster_base::{OrgId, RegistryId, UnixMs};
use sqlx::AssertSqlSafe;

use crate::{
    db::{Db, DbError, Tx},
    delivery::registry::{AuthType, Registry, RegistryTest},
    with_pool, with_tx,
};

const COLUMNS: &str = "id, name, url, auth_type, username, last_test_at, last_test_ok, last_test, created_by, \
    created_at, updated_at";

#[derive(sqlx::FromRow)]
struct Record {
    id: RegistryId,
    name: String,
    url: String,
    auth_type: String,
    username: Option<String>,
    last_test_at: Option<UnixMs>,
    last_test_ok: Option<bool>,
    last_test: Option<String>,
    created_by: String,
    created_at: UnixMs,
    updated_at: UnixMs,
}

impl TryFrom<Record> for Registry {
    type Error = DbError;

    fn try_from(record: Record) -> Result<Self, DbError> {
        let test = record.last_test_at.zip(record.last_test_ok).zip(record.last_test);
        Ok(Self {
            id: record.id,
            name: record.name,
            url: record
                .url
                .parse()
                .map_err(|_| DbError::Corrupt("registries.url".to_owned()))?,
            auth_type: AuthType::read(&record.auth_type)?,
            username: record.username,
            last_test: test.map(|((at, ok), message)| RegistryTest { ok, message, at }),
            created_by: record.created_by,
            created_at: record.created_at,
            updated_at: record.updated_at,
        })
    }
}

pub async fn insert(tx: &mut Tx, org: OrgId, registry: &Registry) -> Result<(), DbError> {
    const SQL: &str = "insert into registries \
        (id, org_id, name, url, auth_type, username, created_by, created_at, updated_at) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(registry.id)
            .bind(org)
            .bind(&registry.name)
            .bind(registry.url.to_string())
            .bind(registry.auth_type.as_str())
            .bind(&registry.username)
            .bind(&registry.created_by)
            .bind(registry.created_at)
            .bind(registry.updated_at)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub async fn find(db: &Db, org: OrgId, id: RegistryId) -> Result<Option<Registry>, DbError> {
    let sql = format!("select {COLUMNS} from registries where org_id = $1 and id = $2");
    let row: Option<Record> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(id)
        .fetch_optional(pool)
        .await)?;
    row.map(TryInto::try_into).transpose()
}

pub async fn list(db: &Db, org: OrgId, after: &str, limit: i64) -> Result<Vec<Registry>, DbError> {
    let sql =
        format!("select {COLUMNS} from registries where org_id = $1 and name > $2 order by name limit $3");
    let rows: Vec<Record> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(after)
        .bind(limit)
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Forgets the last test, which was of the registry as it was.
pub async fn update(tx: &mut Tx, org: OrgId, registry: &Registry) -> Result<bool, DbError> {
    const SQL: &str = "update registries set name = $3, url = $4, auth_type = $5, username = $6, updated_at = $7, \
        last_test_at = null, last_test_ok = null, last_test = null where org_id = $1 and id = $2";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(registry.id)
        .bind(&registry.name)
        .bind(registry.url.to_string())
        .bind(registry.auth_type.as_str())
        .bind(&registry.username)
        .bind(registry.updated_at)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

pub async fn set_test(tx: &mut Tx, org: OrgId, id: RegistryId, test: &RegistryTest) -> Result<(), DbError> {
    const SQL: &str = "update registries set last_test_at = $3, last_test_ok = $4, last_test = $5 \
        where org_id = $1 and id = $2";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(id)
            .bind(test.at)
            .bind(test.ok)
            .bind(&test.message)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub async fn delete(tx: &mut Tx, org: OrgId, id: RegistryId) -> Result<bool, DbError> {
    const SQL: &str = "delete from registries where org_id = $1 and id = $2";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(id)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}
