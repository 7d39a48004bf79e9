//! Rows of `challenges`.

use muster_base::{UnixMs, UserId};
use uuid::Uuid;

use crate::{
    access::challenge::{ANSWERS, CODES, Challenge, Purpose},
    db::{DbError, Tx},
    with_tx,
};

pub(in crate::access) async fn insert(
    tx: &mut Tx,
    challenge: &Challenge,
    hash: &[u8],
    now: UnixMs,
    expires_at: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "insert into challenges (id, token_hash, user_id, purpose, methods, target, \
        created_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8)";
    let methods = serde_json::to_string(&challenge.methods).unwrap_or_default();
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(challenge.id)
            .bind(hash)
            .bind(challenge.user)
            .bind(challenge.purpose.as_str())
            .bind(methods)
            .bind(&challenge.target)
            .bind(now)
            .bind(expires_at)
            .execute(conn)
            .await?;
    });
    Ok(())
}

type Row = (Uuid, UserId, String, String, String, Option<Vec<u8>>);

fn challenge((id, user, purpose, methods, target, code_hash): Row) -> Result<Challenge, DbError> {
    let unknown = |what: &str| DbError::Corrupt(format!("challenges.{what} of {id}"));
    Ok(Challenge {
        id,
        user,
        purpose: Purpose::read(&purpose).ok_or_else(|| unknown("purpose"))?,
        methods: serde_json::from_str(&methods).map_err(|_| unknown("methods"))?,
        target,
        code_hash,
    })
}

/// A challenge that still takes answers, of somebody who may sign in.
pub(in crate::access) async fn find(
    tx: &mut Tx,
    hash: &[u8],
    now: UnixMs,
) -> Result<Option<Challenge>, DbError> {
    const SQL: &str = "select c.id, c.user_id, c.purpose, c.methods, c.target, c.code_hash from challenges c \
        join users u on u.id = c.user_id join platforms p on p.id = u.platform_id where c.token_hash = $1 \
        and c.used_at is null and c.expires_at > $2 and c.attempts < $3 and u.status = 'active' and p.status = 'active'";
    let row: Option<Row> = with_tx!(tx, |conn| sqlx::query_as(SQL)
        .bind(hash)
        .bind(now)
        .bind(ANSWERS)
        .fetch_optional(conn)
        .await)?;
    row.map(challenge).transpose()
}

/// As [`find`], and takes one answer off it.
pub(in crate::access) async fn count_answer(
    tx: &mut Tx,
    hash: &[u8],
    now: UnixMs,
) -> Result<Option<Challenge>, DbError> {
    const SQL: &str = "update challenges set attempts = attempts + 1 where token_hash = $1 and used_at is null \
        and expires_at > $2 and attempts < $3 and exists (select 1 from users u join platforms p on p.id = u.platform_id \
        where u.id = challenges.user_id and u.status = 'active' and p.status = 'active') \
        returning id, user_id, purpose, methods, target, code_hash";
    let row: Option<Row> = with_tx!(tx, |conn| sqlx::query_as(SQL)
        .bind(hash)
        .bind(now)
        .bind(ANSWERS)
        .fetch_optional(conn)
        .await)?;
    row.map(challenge).transpose()
}

/// The code that answers it from now on; not if it had all of its codes.
pub(in crate::access) async fn set_code(
    tx: &mut Tx,
    id: Uuid,
    code_hash: &[u8],
    now: UnixMs,
) -> Result<bool, DbError> {
    const SQL: &str = "update challenges set code_hash = $2, codes_sent = codes_sent + 1 \
        where id = $1 and used_at is null and expires_at > $3 and codes_sent < $4";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(id)
        .bind(code_hash)
        .bind(now)
        .bind(CODES)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

/// It was answered; false if somebody else answered it meanwhile.
pub(in crate::access) async fn end(tx: &mut Tx, id: Uuid, now: UnixMs) -> Result<bool, DbError> {
    const SQL: &str = "update challenges set used_at = $2 where id = $1 and used_at is null";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(id)
        .bind(now)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

pub(in crate::access) async fn delete_ended(tx: &mut Tx, before: UnixMs) -> Result<(), DbError> {
    const SQL: &str = "delete from challenges where expires_at < $1";
    with_tx!(tx, |conn| {
        sqlx::query(SQL).bind(before).execute(conn).await?;
    });
    Ok(())
}
