//! `secret_versions`.

use muster_base::{OrgId, SecretId, UnixMs};
use sqlx::AssertSqlSafe;

use super::id_list;
use crate::{
    db::{Db, DbError, Tx},
    secrets::SecretVersion,
    with_pool, with_tx,
};

/// The newest version of a secret, sealed.
#[derive(sqlx::FromRow)]
pub struct Current {
    pub id: SecretId,
    pub version: i64,
    pub stale: bool,
    pub value: String,
}

pub async fn insert(
    tx: &mut Tx,
    org: OrgId,
    secret: SecretId,
    version: &SecretVersion,
    sealed: &str,
) -> Result<(), DbError> {
    const SQL: &str = "insert into secret_versions (secret_id, version, org_id, value, created_by, created_at) \
        values ($1, $2, $3, $4, $5, $6)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(secret)
            .bind(version.version)
            .bind(org)
            .bind(sealed)
            .bind(&version.created_by)
            .bind(version.created_at)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub async fn find(db: &Db, org: OrgId, secret: SecretId, version: i64) -> Result<Option<String>, DbError> {
    const SQL: &str =
        "select value from secret_versions where org_id = $1 and secret_id = $2 and version = $3";
    Ok(with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .bind(org)
        .bind(secret)
        .bind(version)
        .fetch_optional(pool)
        .await)?)
}

/// The newest versions of these secrets, as far as they are there.
pub async fn list_current(db: &Db, org: OrgId, secrets: &[SecretId]) -> Result<Vec<Current>, DbError> {
    let sql = format!(
        "select s.id, s.version, s.stale, v.value from secrets s \
         join secret_versions v on v.secret_id = s.id and v.version = s.version \
         where s.org_id = $1 and {}",
        db.id_among("s.id", 2)
    );
    Ok(with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(id_list(secrets))
        .fetch_all(pool)
        .await)?)
}

/// Newest first.
pub async fn list(db: &Db, org: OrgId, secret: SecretId) -> Result<Vec<SecretVersion>, DbError> {
    const SQL: &str = "select version, created_by, created_at from secret_versions \
        where org_id = $1 and secret_id = $2 order by version desc";
    let rows: Vec<(i64, String, UnixMs)> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(org)
        .bind(secret)
        .fetch_all(pool)
        .await)?;
    Ok(rows
        .into_iter()
        .map(|(version, created_by, created_at)| SecretVersion {
            version,
            created_by,
            created_at,
        })
        .collect())
}
