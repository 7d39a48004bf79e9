//! Rows of `platforms`.

use muster_base::{PlatformId, UnixMs, UserId};

use sqlx::AssertSqlSafe;

use crate::{
    access::platform::Platform,
    db::{Db, DbError, Tx},
    with_pool, with_tx,
};

/// Makes the platform `default`; false if there was one.
pub(in crate::access) async fn insert_default(
    tx: &mut Tx,
    id: PlatformId,
    now: UnixMs,
) -> Result<bool, DbError> {
    const SQL: &str = "insert into platforms (id, code, name, created_at) values ($1, 'default', 'Default', $2) \
        on conflict (code) do nothing";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(id)
        .bind(now)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

/// The platform `default`.
pub(in crate::access) async fn default_id(tx: &mut Tx) -> Result<PlatformId, DbError> {
    const SQL: &str = "select id from platforms where code = 'default'";
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .fetch_one(conn)
        .await)?)
}

/// How many there are whose people may get in.
pub(in crate::access) async fn count_active(db: &Db) -> Result<i64, DbError> {
    const SQL: &str = "select count(*) from platforms where status = 'active'";
    Ok(with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .fetch_one(pool)
        .await)?)
}

/// By code; `ids` is a JSON array of those to look among, none: all.
pub(in crate::access) async fn list(
    db: &Db,
    ids: Option<String>,
    after: &str,
    limit: i64,
) -> Result<Vec<Platform>, DbError> {
    let sql = format!(
        "select id, code, name, logo, status, orgs_by_users, created_at from platforms \
         where code > $1 and ($2 is null or {}) order by code limit $3",
        db.id_among("id", 2)
    );
    Ok(with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(after)
        .bind(&ids)
        .bind(limit)
        .fetch_all(pool)
        .await)?)
}

pub(in crate::access) async fn find(db: &Db, id: PlatformId) -> Result<Option<Platform>, DbError> {
    const SQL: &str =
        "select id, code, name, logo, status, orgs_by_users, created_at from platforms where id = $1";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(id)
        .fetch_optional(pool)
        .await)?)
}

pub(in crate::access) async fn find_by_code(db: &Db, code: &str) -> Result<Option<Platform>, DbError> {
    const SQL: &str =
        "select id, code, name, logo, status, orgs_by_users, created_at from platforms where code = $1";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(code)
        .fetch_optional(pool)
        .await)?)
}

pub(in crate::access) async fn insert(tx: &mut Tx, row: &Platform) -> Result<(), DbError> {
    const SQL: &str = "insert into platforms (id, code, name, logo, status, created_at, orgs_by_users) \
        values ($1, $2, $3, $4, $5, $6, $7)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(row.id)
            .bind(&row.code)
            .bind(&row.name)
            .bind(&row.logo)
            .bind(&row.status)
            .bind(row.created_at)
            .bind(row.orgs_by_users)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub(in crate::access) async fn update(tx: &mut Tx, row: &Platform) -> Result<bool, DbError> {
    const SQL: &str =
        "update platforms set name = $2, logo = $3, status = $4, orgs_by_users = $5 where id = $1";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(row.id)
        .bind(&row.name)
        .bind(&row.logo)
        .bind(&row.status)
        .bind(row.orgs_by_users)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

/// Whether the user's platform lets its users make orgs.
pub(in crate::access) async fn lets_users_make_orgs(db: &Db, user: UserId) -> Result<bool, DbError> {
    const SQL: &str =
        "select p.orgs_by_users from platforms p join users u on u.platform_id = p.id where u.id = $1";
    let found: Option<bool> = with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .bind(user)
        .fetch_optional(pool)
        .await)?;
    Ok(found.unwrap_or(false))
}
