//! Rows of `sessions`.

use muster_base::{DeviceId, PlatformId, SessionId, UnixMs, UserId};

use sqlx::AssertSqlSafe;

use crate::{
    db::{Db, DbError, Tx},
    with_pool, with_tx,
};

pub(in crate::access) struct NewSession {
    pub(in crate::access) id: SessionId,
    pub(in crate::access) user: Option<UserId>,
    pub(in crate::access) device: Option<DeviceId>,
    pub(in crate::access) kind: &'static str,
    pub(in crate::access) token_hash: [u8; 32],
    pub(in crate::access) ip: Option<String>,
    pub(in crate::access) user_agent: Option<String>,
    pub(in crate::access) now: UnixMs,
    pub(in crate::access) expires_at: UnixMs,
}

/// A session that counts now, of a user who may sign in.
#[derive(sqlx::FromRow)]
pub(in crate::access) struct LiveSession {
    pub(in crate::access) id: SessionId,
    #[sqlx(rename = "user_id")]
    pub(in crate::access) user: Option<UserId>,
    pub(in crate::access) username: Option<String>,
    #[sqlx(rename = "platform_id")]
    pub(in crate::access) platform: Option<PlatformId>,
    pub(in crate::access) created_at: UnixMs,
    pub(in crate::access) used_at: UnixMs,
}

pub(in crate::access) async fn insert(tx: &mut Tx, row: &NewSession) -> Result<(), DbError> {
    const SQL: &str = "insert into sessions (id, user_id, kind, token_hash, ip, user_agent, created_at, used_at, \
        expires_at, device_id) values ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(row.id)
            .bind(row.user)
            .bind(row.kind)
            .bind(row.token_hash.as_slice())
            .bind(&row.ip)
            .bind(&row.user_agent)
            .bind(row.now)
            .bind(row.expires_at)
            .bind(row.device)
            .execute(conn)
            .await?;
    });
    Ok(())
}

const LIVE: &str = "select s.id, s.user_id, u.username, u.platform_id, s.created_at, s.used_at from sessions s \
    left join users u on u.id = s.user_id left join platforms p on p.id = u.platform_id \
    where s.revoked_at is null and s.expires_at > $2 \
    and (s.user_id is null or (u.status = 'active' and p.status = 'active'))";

/// The bearer session of this id.
pub(in crate::access) async fn find_live(
    db: &Db,
    id: SessionId,
    now: UnixMs,
) -> Result<Option<LiveSession>, DbError> {
    let sql = format!("{LIVE} and s.id = $1 and s.kind = 'bearer'");
    Ok(with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(id)
        .bind(now)
        .fetch_optional(pool)
        .await)?)
}

/// The session of this id, however it is carried.
pub(in crate::access) async fn find_live_id(
    db: &Db,
    id: SessionId,
    now: UnixMs,
) -> Result<Option<LiveSession>, DbError> {
    let sql = format!("{LIVE} and s.id = $1");
    Ok(with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(id)
        .bind(now)
        .fetch_optional(pool)
        .await)?)
}

pub(in crate::access) async fn find_live_cookie(
    db: &Db,
    token_hash: &[u8],
    now: UnixMs,
) -> Result<Option<LiveSession>, DbError> {
    let sql = format!("{LIVE} and s.token_hash = $1 and s.kind = 'cookie'");
    Ok(with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(token_hash)
        .bind(now)
        .fetch_optional(pool)
        .await)?)
}

/// Notes that a session is used, unless somebody did since `stale`.
pub(in crate::access) async fn touch(
    tx: &mut Tx,
    id: SessionId,
    (now, stale): (UnixMs, UnixMs),
    expires_at: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "update sessions set used_at = $2, expires_at = $4 where id = $1 and used_at < $3 \
        and revoked_at is null and expires_at > $2";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(id)
            .bind(now)
            .bind(stale)
            .bind(expires_at)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// The session whose present refresh token this is, if it counts and is younger than `oldest`; locked until the
/// transaction ends, so that of two exchanges at once the second finds another token in its place.
pub(in crate::access) async fn find_to_renew(
    tx: &mut Tx,
    db: &Db,
    present: &[u8],
    now: UnixMs,
    oldest: UnixMs,
) -> Result<Option<(SessionId, Option<UserId>)>, DbError> {
    let sql = format!(
        "select id, user_id from sessions where token_hash = $1 and kind = 'bearer' and revoked_at is null \
         and expires_at > $2 and created_at > $3 and (user_id is null or exists (select 1 from users u \
         join platforms p on p.id = u.platform_id where u.id = sessions.user_id and u.status = 'active' \
         and p.status = 'active')){}",
        db.for_update()
    );
    Ok(with_tx!(tx, |conn| sqlx::query_as(AssertSqlSafe(sql))
        .bind(present)
        .bind(now)
        .bind(oldest)
        .fetch_optional(conn)
        .await)?)
}

/// Puts the next refresh token in the place of the present one, whose hash is kept where nothing else would tell that
/// it was one (`kept`).
pub(in crate::access) async fn renew(
    tx: &mut Tx,
    id: SessionId,
    (next, kept): (&[u8], bool),
    now: UnixMs,
    expires_at: UnixMs,
) -> Result<(), DbError> {
    const KEEP: &str = "update sessions set previous_hash = token_hash, token_hash = $2, used_at = $3, \
        expires_at = $4 where id = $1";
    const SQL: &str = "update sessions set token_hash = $2, used_at = $3, expires_at = $4 where id = $1";
    with_tx!(tx, |conn| {
        sqlx::query(if kept { KEEP } else { SQL })
            .bind(id)
            .bind(next)
            .bind(now)
            .bind(expires_at)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Ends the session that a refresh token names, or whose it is known to have been, if another is in its place now;
/// which that was.
pub(in crate::access) async fn revoke_reused(
    tx: &mut Tx,
    (named, hash): (Option<SessionId>, &[u8]),
    now: UnixMs,
) -> Result<Option<SessionId>, DbError> {
    const SQL: &str = "update sessions set revoked_at = $3 where (id = $1 or previous_hash = $2) \
        and token_hash <> $2 and kind = 'bearer' and revoked_at is null returning id";
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(named)
        .bind(hash)
        .bind(now)
        .fetch_optional(conn)
        .await)?)
}

pub(in crate::access) async fn revoke(tx: &mut Tx, id: SessionId, now: UnixMs) -> Result<(), DbError> {
    const SQL: &str = "update sessions set revoked_at = $2 where id = $1 and revoked_at is null";
    with_tx!(tx, |conn| {
        sqlx::query(SQL).bind(id).bind(now).execute(conn).await?;
    });
    Ok(())
}

/// Ends all sessions that were opened on a device.
pub(in crate::access) async fn revoke_device(tx: &mut Tx, id: DeviceId, now: UnixMs) -> Result<(), DbError> {
    const SQL: &str = "update sessions set revoked_at = $2 where device_id = $1 and revoked_at is null";
    with_tx!(tx, |conn| {
        sqlx::query(SQL).bind(id).bind(now).execute(conn).await?;
    });
    Ok(())
}

/// Ends all sessions of a user, or of the super administrator.
pub(in crate::access) async fn revoke_all(
    tx: &mut Tx,
    user: Option<UserId>,
    now: UnixMs,
) -> Result<(), DbError> {
    const USER: &str = "update sessions set revoked_at = $2 where user_id = $1 and revoked_at is null";
    const ADMIN: &str = "update sessions set revoked_at = $1 where user_id is null and revoked_at is null";
    match user {
        Some(user) => with_tx!(tx, |conn| {
            sqlx::query(USER).bind(user).bind(now).execute(conn).await?;
        }),
        None => with_tx!(tx, |conn| {
            sqlx::query(ADMIN).bind(now).execute(conn).await?;
        }),
    }
    Ok(())
}

/// Deletes sessions that expired or were revoked before that time.
pub(in crate::access) async fn delete_ended(tx: &mut Tx, before: UnixMs) -> Result<(), DbError> {
    const SQL: &str = "delete from sessions where expires_at < $1 or revoked_at < $1";
    with_tx!(tx, |conn| {
        sqlx::query(SQL).bind(before).execute(conn).await?;
    });
    Ok(())
}

/// Another token in the place of this one.
#[cfg(test)]
pub(in crate::access) async fn for_tests_set_hash(db: &Db, present: &[u8], other: &[u8]) {
    const SQL: &str = "update sessions set token_hash = $2 where token_hash = $1";
    let set = async || -> Result<(), DbError> {
        crate::in_tx!(db, |tx| with_tx!(tx, |conn| {
            sqlx::query(SQL).bind(present).bind(other).execute(conn).await?;
        }));
        Ok(())
    };
    set().await.unwrap();
}
