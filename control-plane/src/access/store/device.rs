//! Rows of `devices` and `known_regions`.

use muster_base::{DeviceId, SessionId, UnixMs, UserId};

use crate::{
    access::device::Device,
    db::{Db, DbError, Tx},
    with_pool, with_tx,
};

/// The user's device of this token, unless it was revoked.
pub(in crate::access) async fn find(db: &Db, user: UserId, hash: &[u8]) -> Result<Option<DeviceId>, DbError> {
    const SQL: &str = "select id from devices where user_id = $1 and token_hash = $2 and revoked_at is null";
    Ok(with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .bind(user)
        .bind(hash)
        .fetch_optional(pool)
        .await)?)
}

/// A device at a sign-in.
pub(in crate::access) struct Seen<'a> {
    pub(in crate::access) name: &'a str,
    pub(in crate::access) ip: Option<&'a str>,
    pub(in crate::access) region: Option<&'a str>,
    pub(in crate::access) now: UnixMs,
}

pub(in crate::access) async fn insert(
    tx: &mut Tx,
    (id, user, hash): (DeviceId, UserId, &[u8]),
    seen: &Seen<'_>,
) -> Result<(), DbError> {
    const SQL: &str = "insert into devices (id, user_id, token_hash, name, ip, region, created_at, seen_at) \
        values ($1, $2, $3, $4, $5, $6, $7, $7)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(id)
            .bind(user)
            .bind(hash)
            .bind(seen.name)
            .bind(seen.ip)
            .bind(seen.region)
            .bind(seen.now)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub(in crate::access) async fn touch(tx: &mut Tx, id: DeviceId, seen: &Seen<'_>) -> Result<(), DbError> {
    const SQL: &str = "update devices set name = $2, ip = $3, region = $4, seen_at = $5 where id = $1";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(id)
            .bind(seen.name)
            .bind(seen.ip)
            .bind(seen.region)
            .bind(seen.now)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// The one used last first; which is the present one is not told here.
pub(in crate::access) async fn list(db: &Db, user: UserId) -> Result<Vec<Device>, DbError> {
    const SQL: &str = "select id, name, ip, region, created_at, seen_at from devices \
        where user_id = $1 and revoked_at is null order by seen_at desc, id desc limit 100";
    type Row = (DeviceId, String, Option<String>, Option<String>, UnixMs, UnixMs);
    let rows: Vec<Row> = with_pool!(db, |pool| sqlx::query_as(SQL).bind(user).fetch_all(pool).await)?;
    let device = |(id, name, ip, region, created_at, seen_at)| Device {
        id,
        name,
        ip,
        region,
        created_at,
        seen_at,
        current: false,
    };
    Ok(rows.into_iter().map(device).collect())
}

pub(in crate::access) async fn of_session(db: &Db, session: SessionId) -> Result<Option<DeviceId>, DbError> {
    const SQL: &str = "select device_id from sessions where id = $1";
    let found: Option<Option<DeviceId>> = with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .bind(session)
        .fetch_optional(pool)
        .await)?;
    Ok(found.flatten())
}

pub(in crate::access) async fn revoke(
    tx: &mut Tx,
    user: UserId,
    id: DeviceId,
    now: UnixMs,
) -> Result<bool, DbError> {
    const SQL: &str =
        "update devices set revoked_at = $3 where user_id = $1 and id = $2 and revoked_at is null";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(user)
        .bind(id)
        .bind(now)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

/// All of somebody's devices are strangers again.
pub(in crate::access) async fn revoke_all(tx: &mut Tx, user: UserId, now: UnixMs) -> Result<(), DbError> {
    const SQL: &str = "update devices set revoked_at = $2 where user_id = $1 and revoked_at is null";
    with_tx!(tx, |conn| {
        sqlx::query(SQL).bind(user).bind(now).execute(conn).await?;
    });
    Ok(())
}

/// Deletes devices that were not seen since then, and that no session refers to.
pub(in crate::access) async fn delete_unseen(tx: &mut Tx, before: UnixMs) -> Result<(), DbError> {
    const SQL: &str = "delete from devices where seen_at < $1 \
        and not exists (select 1 from sessions s where s.device_id = devices.id)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL).bind(before).execute(conn).await?;
    });
    Ok(())
}

pub(in crate::access) async fn knows_region(db: &Db, user: UserId, region: &str) -> Result<bool, DbError> {
    const SQL: &str = "select count(*) from known_regions where user_id = $1 and region = $2";
    let count: i64 = with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .bind(user)
        .bind(region)
        .fetch_one(pool)
        .await)?;
    Ok(count > 0)
}

pub(in crate::access) async fn note_region(
    tx: &mut Tx,
    user: UserId,
    region: &str,
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "insert into known_regions (user_id, region, seen_at) values ($1, $2, $3) \
        on conflict (user_id, region) do update set seen_at = excluded.seen_at";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(user)
            .bind(region)
            .bind(now)
            .execute(conn)
            .await?;
    });
    Ok(())
}
