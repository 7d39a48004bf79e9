//! Rows of `totp` and `recovery_codes`.

use muster_base::{UnixMs, UserId};
use sqlx::AssertSqlSafe;

use crate::{
    access::second_factor::MfaMode,
    db::{Db, DbError, Tx},
    with_pool, with_tx,
};

/// What somebody has.
#[derive(sqlx::FromRow)]
pub(in crate::access) struct FactorRow {
    pub(in crate::access) mfa: String,
    pub(in crate::access) totp: bool,
    pub(in crate::access) recovery_codes: i64,
    /// None: there is no address.
    pub(in crate::access) email_verified: Option<bool>,
    pub(in crate::access) password_mailed: bool,
}

pub(in crate::access) async fn find(db: &Db, user: UserId) -> Result<Option<FactorRow>, DbError> {
    const SQL: &str = "select u.mfa, u.password_mailed, (t.confirmed_at is not null) as totp, \
        case when u.email is not null then u.email_verified_at is not null end as email_verified, \
        (select count(*) from recovery_codes r where r.user_id = u.id and r.used_at is null) as recovery_codes \
        from users u left join totp t on t.user_id = u.id where u.id = $1";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(user)
        .fetch_optional(pool)
        .await)?)
}

/// A new secret, unless one is confirmed.
pub(in crate::access) async fn begin_totp(
    tx: &mut Tx,
    user: UserId,
    sealed: &str,
    now: UnixMs,
) -> Result<bool, DbError> {
    const SQL: &str = "insert into totp (user_id, secret, created_at) values ($1, $2, $3) \
        on conflict (user_id) do update set secret = excluded.secret, created_at = excluded.created_at \
        where totp.confirmed_at is null";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(user)
        .bind(sealed)
        .bind(now)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

/// The secret that waits for its first code.
pub(in crate::access) async fn pending_totp(
    tx: &mut Tx,
    db: &Db,
    user: UserId,
) -> Result<Option<String>, DbError> {
    let sql = format!(
        "select secret from totp where user_id = $1 and confirmed_at is null{}",
        db.for_update()
    );
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(user)
        .fetch_optional(conn)
        .await)?)
}

pub(in crate::access) async fn confirm_totp(
    tx: &mut Tx,
    user: UserId,
    step: i64,
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "update totp set confirmed_at = $3, last_step = $2 where user_id = $1";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(user)
            .bind(step)
            .bind(now)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// The confirmed secret and its newest used step.
pub(in crate::access) async fn confirmed_totp(
    tx: &mut Tx,
    db: &Db,
    user: UserId,
) -> Result<Option<(String, i64)>, DbError> {
    let sql = format!(
        "select secret, last_step from totp where user_id = $1 and confirmed_at is not null{}",
        db.for_update()
    );
    Ok(with_tx!(tx, |conn| sqlx::query_as(AssertSqlSafe(sql))
        .bind(user)
        .fetch_optional(conn)
        .await)?)
}

/// Uses a step up; false if it or a later one was used.
pub(in crate::access) async fn use_step(tx: &mut Tx, user: UserId, step: i64) -> Result<bool, DbError> {
    const SQL: &str = "update totp set last_step = $2 where user_id = $1 and last_step < $2";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(user)
        .bind(step)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

pub(in crate::access) async fn remove_totp(tx: &mut Tx, user: UserId) -> Result<(), DbError> {
    const TOTP: &str = "delete from totp where user_id = $1";
    const CODES: &str = "delete from recovery_codes where user_id = $1";
    with_tx!(tx, |conn| {
        sqlx::query(TOTP).bind(user).execute(&mut *conn).await?;
        sqlx::query(CODES).bind(user).execute(conn).await?;
    });
    Ok(())
}

pub(in crate::access) async fn replace_recovery(
    tx: &mut Tx,
    user: UserId,
    hashes: &[[u8; 32]],
) -> Result<(), DbError> {
    const DELETE: &str = "delete from recovery_codes where user_id = $1";
    const INSERT: &str = "insert into recovery_codes (user_id, code_hash) values ($1, $2)";
    with_tx!(tx, |conn| {
        sqlx::query(DELETE).bind(user).execute(&mut *conn).await?;
        for hash in hashes {
            sqlx::query(INSERT)
                .bind(user)
                .bind(hash.as_slice())
                .execute(&mut *conn)
                .await?;
        }
    });
    Ok(())
}

/// Uses a recovery code up; false if there is none like it.
pub(in crate::access) async fn use_recovery(
    tx: &mut Tx,
    user: UserId,
    hash: &[u8],
    now: UnixMs,
) -> Result<bool, DbError> {
    const SQL: &str = "update recovery_codes set used_at = $3 \
        where user_id = $1 and code_hash = $2 and used_at is null";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(user)
        .bind(hash)
        .bind(now)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

pub(in crate::access) async fn set_mfa(
    tx: &mut Tx,
    user: UserId,
    mfa: MfaMode,
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "update users set mfa = $2, updated_at = $3 where id = $1";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(user)
            .bind(mfa.as_str())
            .bind(now)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Who has no verified address either would be locked out by `always`.
pub(in crate::access) async fn lower_mfa(tx: &mut Tx, user: UserId, now: UnixMs) -> Result<(), DbError> {
    const SQL: &str =
        "update users set mfa = 'auto', updated_at = $2 where id = $1 and email_verified_at is null";
    with_tx!(tx, |conn| {
        sqlx::query(SQL).bind(user).bind(now).execute(conn).await?;
    });
    Ok(())
}

/// The secret, as it is stored.
#[cfg(test)]
pub(in crate::access) async fn for_tests_secret(db: &Db, user: UserId) -> String {
    let sql = "select secret from totp where user_id = $1";
    let found = with_pool!(db, |pool| sqlx::query_scalar(sql)
        .bind(user)
        .fetch_one(pool)
        .await);
    found.unwrap()
}
