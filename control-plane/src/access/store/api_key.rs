//! Rows of `api_keys`.

use muster_base::{ApiKeyId, ApplicationId, OrgId, PlatformId, UnixMs, UserId};

use sqlx::AssertSqlSafe;

use crate::{
    access::api_key::ApiKey,
    db::{Db, DbError, Tx},
    in_tx, with_pool, with_tx,
};

const LIVE: &str = "select k.id, k.org_id, k.user_id, u.platform_id, k.name, k.kind, k.application_id \
    from api_keys k join users u on u.id = k.user_id join platforms p on p.id = u.platform_id \
    where k.revoked_at is null and (k.expires_at is null or k.expires_at > $2) \
    and u.status = 'active' and p.status = 'active'";

/// A key that counts now, of a user who may sign in.
#[derive(sqlx::FromRow)]
pub(in crate::access) struct LiveKey {
    pub(in crate::access) id: ApiKeyId,
    #[sqlx(rename = "org_id")]
    pub(in crate::access) org: OrgId,
    #[sqlx(rename = "user_id")]
    pub(in crate::access) user: UserId,
    #[sqlx(rename = "platform_id")]
    pub(in crate::access) platform: PlatformId,
    pub(in crate::access) name: String,
    pub(in crate::access) kind: String,
    /// The one application that it is for.
    #[sqlx(rename = "application_id")]
    pub(in crate::access) application: Option<ApplicationId>,
}

pub(in crate::access) async fn find_live(
    db: &Db,
    hash: &[u8],
    now: UnixMs,
) -> Result<Option<LiveKey>, DbError> {
    let sql = format!("{LIVE} and k.hash = $1");
    Ok(with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(hash)
        .bind(now)
        .fetch_optional(pool)
        .await)?)
}

pub(in crate::access) async fn find_live_id(
    db: &Db,
    id: ApiKeyId,
    now: UnixMs,
) -> Result<Option<LiveKey>, DbError> {
    let sql = format!("{LIVE} and k.id = $1");
    Ok(with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(id)
        .bind(now)
        .fetch_optional(pool)
        .await)?)
}

/// Whose key it is, or was.
pub(in crate::access) async fn find_person(db: &Db, id: ApiKeyId) -> Result<Option<UserId>, DbError> {
    const SQL: &str = "select user_id from api_keys where id = $1";
    Ok(with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .bind(id)
        .fetch_optional(pool)
        .await)?)
}

/// Notes that the key was used, once a minute at most.
pub(in crate::access) async fn touch(db: &Db, id: ApiKeyId, now: UnixMs) -> Result<(), DbError> {
    const DUE: &str = "select 1 from api_keys where id = $1 and (used_at is null or used_at < $2)";
    const SQL: &str = "update api_keys set used_at = $2 where id = $1";
    let limit = now.plus_ms(-UnixMs::MINUTE);
    let due: Option<i32> = with_pool!(db, |pool| sqlx::query_scalar(DUE)
        .bind(id)
        .bind(limit)
        .fetch_optional(pool)
        .await)?;
    if due.is_some() {
        in_tx!(db, |tx| with_tx!(tx, |conn| {
            sqlx::query(SQL).bind(id).bind(now).execute(conn).await?;
        }));
    }
    Ok(())
}

pub(in crate::access) async fn insert(
    tx: &mut Tx,
    org: OrgId,
    user: UserId,
    key: &ApiKey,
    hash: &[u8],
) -> Result<(), DbError> {
    const SQL: &str = "insert into api_keys (id, org_id, user_id, name, kind, prefix, hash, created_at, expires_at, \
        application_id) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(key.id)
            .bind(org)
            .bind(user)
            .bind(&key.name)
            .bind(&key.kind)
            .bind(&key.prefix)
            .bind(hash)
            .bind(key.created_at)
            .bind(key.expires_at)
            .bind(key.application_id)
            .execute(conn)
            .await?;
    });
    Ok(())
}

#[derive(sqlx::FromRow)]
struct Row {
    id: ApiKeyId,
    name: String,
    kind: String,
    prefix: String,
    username: String,
    created_at: UnixMs,
    expires_at: Option<UnixMs>,
    used_at: Option<UnixMs>,
    application_id: Option<ApplicationId>,
    user_id: UserId,
}

impl From<Row> for ApiKey {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            name: row.name,
            kind: row.kind,
            prefix: row.prefix,
            username: row.username,
            created_at: row.created_at,
            expires_at: row.expires_at,
            used_at: row.used_at,
            application_id: row.application_id,
            user: Some(row.user_id),
        }
    }
}

/// A key that works.
pub(in crate::access) async fn find(
    tx: &mut Tx,
    org: OrgId,
    id: ApiKeyId,
    now: UnixMs,
) -> Result<Option<ApiKey>, DbError> {
    const SQL: &str = "select k.id, k.name, k.kind, k.prefix, u.username, k.created_at, k.expires_at, k.used_at, \
        k.application_id, k.user_id from api_keys k join users u on u.id = k.user_id \
        where k.org_id = $1 and k.id = $2 and k.revoked_at is null and (k.expires_at is null or k.expires_at > $3)";
    let row: Option<Row> = with_tx!(tx, |conn| sqlx::query_as(SQL)
        .bind(org)
        .bind(id)
        .bind(now)
        .fetch_optional(conn)
        .await)?;
    Ok(row.map(ApiKey::from))
}

/// Lets a key expire, unless it does so before.
pub(in crate::access) async fn end_at(
    tx: &mut Tx,
    org: OrgId,
    id: ApiKeyId,
    at: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "update api_keys set expires_at = $3 where org_id = $1 and id = $2 \
        and (expires_at is null or expires_at > $3)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL).bind(org).bind(id).bind(at).execute(conn).await?;
    });
    Ok(())
}

/// Keys that are not withdrawn, newest first; of one user only, if given.
pub(in crate::access) async fn list(
    db: &Db,
    org: OrgId,
    only: Option<UserId>,
    after: Option<ApiKeyId>,
    limit: i64,
) -> Result<Vec<ApiKey>, DbError> {
    const SQL: &str = "select k.id, k.name, k.kind, k.prefix, u.username, k.created_at, k.expires_at, k.used_at, \
        k.application_id, k.user_id from api_keys k join users u on u.id = k.user_id where k.org_id = $1 and k.revoked_at is null \
        and ($2 is null or k.user_id = $2) and ($3 is null or k.id < $3) order by k.id desc limit $4";
    let rows: Vec<Row> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(org)
        .bind(only)
        .bind(after)
        .bind(limit)
        .fetch_all(pool)
        .await)?;
    Ok(rows.into_iter().map(ApiKey::from).collect())
}

/// Withdraws a key; false if there is none (of that user, if given).
pub(in crate::access) async fn revoke(
    tx: &mut Tx,
    org: OrgId,
    only: Option<UserId>,
    id: ApiKeyId,
    now: UnixMs,
) -> Result<bool, DbError> {
    const SQL: &str = "update api_keys set revoked_at = $4 where org_id = $1 and id = $2 \
        and ($3 is null or user_id = $3) and revoked_at is null";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(id)
        .bind(only)
        .bind(now)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

/// Withdraws all keys that a user has in an org.
pub(in crate::access) async fn revoke_of(
    tx: &mut Tx,
    org: OrgId,
    user: UserId,
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str =
        "update api_keys set revoked_at = $3 where org_id = $1 and user_id = $2 and revoked_at is null";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(user)
            .bind(now)
            .execute(conn)
            .await?;
    });
    Ok(())
}
