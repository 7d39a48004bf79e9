//! Rows of `environments`.

use muster_base::{EnvironmentId, OrgId, UnixMs};

use sqlx::AssertSqlSafe;

use crate::{
    access::{ObjectKind, Scope},
    db::{Db, DbError, Tx},
    fleet::environment::{Environment, EnvironmentType},
    with_pool, with_tx,
};

#[derive(sqlx::FromRow)]
struct Row {
    id: EnvironmentId,
    name: String,
    label: String,
    r#type: String,
    position: i64,
    created_at: UnixMs,
    updated_at: UnixMs,
}

impl TryFrom<Row> for Environment {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, DbError> {
        Ok(Self {
            id: row.id,
            name: row.name,
            label: row.label,
            kind: EnvironmentType::parse(&row.r#type)?,
            order: row.position,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

pub(in crate::fleet) async fn list(
    db: &Db,
    org: OrgId,
    scope: &Scope,
    after: Option<(i64, String)>,
    limit: i64,
) -> Result<Vec<Environment>, DbError> {
    let sql = format!(
        "select id, name, label, type, position, created_at, updated_at from environments \
         where org_id = $1 and (position > $2 or (position = $2 and name > $3)) and ($5 is null or {}) \
         order by position, name limit $4",
        db.text_among("name", 5)
    );
    let (position, name) = after.unwrap_or((i64::MIN, String::new()));
    let rows: Vec<Row> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(position)
        .bind(name)
        .bind(limit)
        .bind(scope.keys(ObjectKind::Environments))
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

pub(in crate::fleet) async fn find(
    db: &Db,
    org: OrgId,
    id: EnvironmentId,
) -> Result<Option<Environment>, DbError> {
    const SQL: &str = "select id, name, label, type, position, created_at, updated_at from environments \
        where org_id = $1 and id = $2";
    let row: Option<Row> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(org)
        .bind(id)
        .fetch_optional(pool)
        .await)?;
    row.map(TryInto::try_into).transpose()
}

pub(in crate::fleet) async fn find_by_name(
    db: &Db,
    org: OrgId,
    name: &str,
) -> Result<Option<Environment>, DbError> {
    const SQL: &str = "select id, name, label, type, position, created_at, updated_at from environments \
        where org_id = $1 and name = $2";
    let row: Option<Row> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(org)
        .bind(name)
        .fetch_optional(pool)
        .await)?;
    row.map(TryInto::try_into).transpose()
}

/// As [`find_by_name`], as the transaction sees it, and kept from others until it ends.
pub(in crate::fleet) async fn lock_by_name(
    tx: &mut Tx,
    db: &Db,
    org: OrgId,
    name: &str,
) -> Result<Option<Environment>, DbError> {
    const SQL: &str = "select id, name, label, type, position, created_at, updated_at from environments \
        where org_id = $1 and name = $2";
    let sql = format!("{SQL}{}", db.for_update());
    let row: Option<Row> = with_tx!(tx, |conn| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(name)
        .fetch_optional(conn)
        .await)?;
    row.map(TryInto::try_into).transpose()
}

/// Whether the org has an environment of this name, as the transaction sees it.
pub(in crate::fleet) async fn is_known(tx: &mut Tx, org: OrgId, name: &str) -> Result<bool, DbError> {
    const SQL: &str = "select count(*) from environments where org_id = $1 and name = $2";
    let found: i64 = with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(org)
        .bind(name)
        .fetch_one(conn)
        .await)?;
    Ok(found > 0)
}

pub(in crate::fleet) async fn insert(tx: &mut Tx, org: OrgId, row: &Environment) -> Result<(), DbError> {
    const SQL: &str = "insert into environments (id, org_id, name, label, type, position, created_at, updated_at) \
        values ($1, $2, $3, $4, $5, $6, $7, $8)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(row.id)
            .bind(org)
            .bind(&row.name)
            .bind(&row.label)
            .bind(row.kind.as_str())
            .bind(row.order)
            .bind(row.created_at)
            .bind(row.updated_at)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub(in crate::fleet) async fn update(tx: &mut Tx, org: OrgId, row: &Environment) -> Result<bool, DbError> {
    const SQL: &str = "update environments set label = $3, type = $4, position = $5, updated_at = $6 \
        where org_id = $1 and id = $2";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(row.id)
        .bind(&row.label)
        .bind(row.kind.as_str())
        .bind(row.order)
        .bind(row.updated_at)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

pub(in crate::fleet) async fn delete(tx: &mut Tx, org: OrgId, id: EnvironmentId) -> Result<bool, DbError> {
    const SQL: &str = "delete from environments where org_id = $1 and id = $2";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(id)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

/// Takes the environment away from what is gone already and only kept for history.
pub(in crate::fleet) async fn forget_removed(
    tx: &mut Tx,
    org: OrgId,
    id: EnvironmentId,
    now: UnixMs,
) -> Result<(), DbError> {
    const HOSTS: &str = "update hosts set environment_id = null \
        where org_id = $1 and environment_id = $2 and deleted_at is not null";
    const TOKENS: &str = "update join_tokens set environment_id = null \
        where org_id = $1 and environment_id = $2 and (withdrawn_at is not null or uses_left = 0 or expires_at <= $3)";
    with_tx!(tx, |conn| {
        sqlx::query(HOSTS).bind(org).bind(id).execute(&mut *conn).await?;
        sqlx::query(TOKENS)
            .bind(org)
            .bind(id)
            .bind(now)
            .execute(conn)
            .await?;
    });
    Ok(())
}
