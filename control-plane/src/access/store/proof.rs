//! Rows of `mail_proofs`.

use muster_base::{UnixMs, UserId};

use crate::{
    access::proof::{NewProof, Purpose},
    db::{Db, DbError, Tx},
    with_pool, with_tx,
};

pub(in crate::access) async fn insert(tx: &mut Tx, proof: &NewProof<'_>) -> Result<(), DbError> {
    const SQL: &str = "insert into mail_proofs (id, user_id, purpose, email, token_hash, created_at, expires_at) \
        values ($1, $2, $3, $4, $5, $6, $7)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(proof.id)
            .bind(proof.user)
            .bind(proof.purpose.as_str())
            .bind(proof.email)
            .bind(proof.hash.as_slice())
            .bind(proof.now)
            .bind(proof.expires_at)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// How many to this address still work.
pub(in crate::access) async fn count(
    tx: &mut Tx,
    user: UserId,
    purpose: Purpose,
    email: &str,
    now: UnixMs,
) -> Result<i64, DbError> {
    const SQL: &str = "select count(*) from mail_proofs where user_id = $1 and purpose = $2 and email = $3 \
        and used_at is null and expires_at > $4";
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(user)
        .bind(purpose.as_str())
        .bind(email)
        .bind(now)
        .fetch_one(conn)
        .await)?)
}

/// Whose proof this is, if it works.
pub(in crate::access) async fn find(
    db: &Db,
    purpose: Purpose,
    hash: &[u8],
    now: UnixMs,
) -> Result<Option<UserId>, DbError> {
    const SQL: &str = "select p.user_id from mail_proofs p join users u on u.id = p.user_id \
        join platforms f on f.id = u.platform_id where p.token_hash = $1 and p.purpose = $2 and p.used_at is null \
        and p.expires_at > $3 and u.email = p.email and u.status = 'active' and f.status = 'active'";
    Ok(with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .bind(hash)
        .bind(purpose.as_str())
        .bind(now)
        .fetch_optional(pool)
        .await)?)
}

/// Uses a proof up, if it works; whose it was.
pub(in crate::access) async fn take(
    tx: &mut Tx,
    purpose: Purpose,
    hash: &[u8],
    now: UnixMs,
) -> Result<Option<UserId>, DbError> {
    const SQL: &str = "update mail_proofs set used_at = $3 where token_hash = $1 and purpose = $2 and used_at is null \
        and expires_at > $3 and exists (select 1 from users u join platforms f on f.id = u.platform_id \
        where u.id = mail_proofs.user_id and u.email = mail_proofs.email and u.status = 'active' \
        and f.status = 'active') returning user_id";
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(hash)
        .bind(purpose.as_str())
        .bind(now)
        .fetch_optional(conn)
        .await)?)
}

/// The others of this purpose work no more.
pub(in crate::access) async fn use_up(
    tx: &mut Tx,
    user: UserId,
    purpose: Purpose,
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str =
        "update mail_proofs set used_at = $3 where user_id = $1 and purpose = $2 and used_at is null";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(user)
            .bind(purpose.as_str())
            .bind(now)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub(in crate::access) async fn delete_ended(tx: &mut Tx, before: UnixMs) -> Result<(), DbError> {
    const SQL: &str = "delete from mail_proofs where expires_at < $1";
    with_tx!(tx, |conn| {
        sqlx::query(SQL).bind(before).execute(conn).await?;
    });
    Ok(())
}
