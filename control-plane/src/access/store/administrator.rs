//! Rows of `administrators`.

use muster_base::{PlatformId, UnixMs, UserId};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::{
    access::administrator::{Administrator, AdministratorKind},
    db::{Db, DbError, Tx},
    with_pool, with_tx,
};

/// The platforms that a user administers.
pub(in crate::access) async fn platforms_of(
    db: &Db,
    user: UserId,
) -> Result<Vec<(PlatformId, AdministratorKind)>, DbError> {
    const SQL: &str = "select platform_id, kind from administrators where user_id = $1";
    let rows: Vec<(PlatformId, String)> =
        with_pool!(db, |pool| sqlx::query_as(SQL).bind(user).fetch_all(pool).await)?;
    let row = |(platform, kind): (_, String)| Ok((platform, AdministratorKind::read(&kind)?));
    rows.into_iter().map(row).collect()
}

/// Whether a user of this account or name manages the platform: who may vouch for others.
pub(in crate::access) async fn find_manager(
    db: &Db,
    platform: PlatformId,
    account: &str,
) -> Result<Option<String>, DbError> {
    const SQL: &str = "select u.account from administrators a join users u on u.id = a.user_id \
        where a.platform_id = $1 and a.kind = 'manager' and u.status = 'active' \
        and (u.account = $2 or (u.username = $2 and u.platform_id = $1)) order by u.id limit 1";
    Ok(with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .bind(platform)
        .bind(account)
        .fetch_optional(pool)
        .await)?)
}

#[derive(sqlx::FromRow)]
struct Row {
    user_id: UserId,
    account: String,
    username: String,
    platform_id: PlatformId,
    kind: String,
    added_by: String,
    created_at: UnixMs,
}

pub(in crate::access) async fn list(
    db: &Db,
    platforms: Option<String>,
    after: Option<(UserId, PlatformId)>,
    limit: i64,
) -> Result<Vec<Administrator>, DbError> {
    let sql = format!(
        "select a.user_id, u.account, u.username, a.platform_id, a.kind, a.added_by, a.created_at \
         from administrators a join users u on u.id = a.user_id \
         where (a.user_id, a.platform_id) > ($1, $2) and ($3 is null or {}) \
         order by a.user_id, a.platform_id limit $4",
        db.id_among("a.platform_id", 3)
    );
    let nil = Uuid::nil();
    let (user, platform) = after.unwrap_or((UserId::from_uuid(nil), PlatformId::from_uuid(nil)));
    let rows: Vec<Row> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(user)
        .bind(platform)
        .bind(&platforms)
        .bind(limit)
        .fetch_all(pool)
        .await)?;
    let administrator = |row: Row| {
        Ok(Administrator {
            user_id: row.user_id,
            account: row.account,
            username: row.username,
            platform_id: row.platform_id,
            kind: AdministratorKind::read(&row.kind)?,
            added_by: row.added_by,
            created_at: row.created_at,
        })
    };
    rows.into_iter().map(administrator).collect()
}

pub(in crate::access) async fn find(
    tx: &mut Tx,
    user: UserId,
    platform: PlatformId,
) -> Result<Option<AdministratorKind>, DbError> {
    const SQL: &str = "select kind from administrators where user_id = $1 and platform_id = $2";
    let kind: Option<String> = with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(user)
        .bind(platform)
        .fetch_optional(conn)
        .await)?;
    kind.map(|kind| AdministratorKind::read(&kind)).transpose()
}

pub(in crate::access) async fn upsert(tx: &mut Tx, row: &Administrator) -> Result<(), DbError> {
    const SQL: &str = "insert into administrators (user_id, platform_id, kind, added_by, created_at) \
        values ($1, $2, $3, $4, $5) on conflict (user_id, platform_id) do update set kind = excluded.kind, \
        added_by = excluded.added_by";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(row.user_id)
            .bind(row.platform_id)
            .bind(row.kind.as_str())
            .bind(&row.added_by)
            .bind(row.created_at)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub(in crate::access) async fn delete(
    tx: &mut Tx,
    user: UserId,
    platform: PlatformId,
) -> Result<(), DbError> {
    const SQL: &str = "delete from administrators where user_id = $1 and platform_id = $2";
    with_tx!(tx, |conn| {
        sqlx::query(SQL).bind(user).bind(platform).execute(conn).await?;
    });
    Ok(())
}
