//! Rows of `outbox`, as the worker goes through them.

use std::collections::BTreeMap;

use muster_base::{AlertReceiverId, LetterId, UnixMs};

use crate::{
    db::{Db, DbError, Tx},
    notify::{
        Language, Template,
        letter::{Channel, Letter, LetterState},
    },
    with_pool, with_tx,
};

pub(in crate::notify) async fn insert(
    tx: &mut Tx,
    id: LetterId,
    letter: &Letter,
    secret: &str,
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "insert into outbox (id, kind, platform_id, recipient, language, template, parameters, secret, \
        state, next_attempt_at, expires_at, created_at, receiver_id) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, 'waiting', $11, $10, $9, $12)";
    let parameters = serde_json::to_string(&letter.parameters).unwrap_or_default();
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(id)
            .bind(letter.channel.as_str())
            .bind(letter.platform)
            .bind(&letter.recipient)
            .bind(letter.language.as_str())
            .bind(letter.template.as_str())
            .bind(parameters)
            .bind(secret)
            .bind(now)
            .bind(letter.expires_at)
            .bind(now.plus_ms(letter.held_ms))
            .bind(letter.receiver)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Those of a channel that are due, the longest first.
pub(in crate::notify) async fn list_due(
    db: &Db,
    channel: Channel,
    now: UnixMs,
    limit: i64,
) -> Result<Vec<LetterId>, DbError> {
    const SQL: &str = "select id from outbox where state = 'waiting' and next_attempt_at <= $1 and kind = $3 \
        order by next_attempt_at, id limit $2";
    Ok(with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .bind(now)
        .bind(limit)
        .bind(channel.as_str())
        .fetch_all(pool)
        .await)?)
}

/// How many text messages were posted since then: in all, and to this number.
pub(in crate::notify) async fn count_sms(
    tx: &mut Tx,
    recipient: &str,
    since: UnixMs,
) -> Result<(i64, i64), DbError> {
    const SQL: &str = "select count(*), count(case when recipient = $1 then 1 end) from outbox \
        where kind = 'sms' and created_at > $2";
    Ok(with_tx!(tx, |conn| sqlx::query_as(SQL)
        .bind(recipient)
        .bind(since)
        .fetch_one(conn)
        .await)?)
}

/// A letter that is being sent.
pub(in crate::notify) struct Claimed {
    pub(in crate::notify) id: LetterId,
    pub(in crate::notify) recipient: String,
    pub(in crate::notify) receiver: Option<AlertReceiverId>,
    pub(in crate::notify) language: Language,
    pub(in crate::notify) template: Template,
    pub(in crate::notify) parameters: BTreeMap<String, String>,
    /// Sealed, or empty.
    pub(in crate::notify) secret: String,
    /// This one included: tells the claim apart.
    pub(in crate::notify) attempts: i64,
}

/// Takes a letter that is due, until then.
pub(in crate::notify) async fn claim(
    tx: &mut Tx,
    id: LetterId,
    now: UnixMs,
    until: UnixMs,
) -> Result<Option<Claimed>, DbError> {
    const SQL: &str = "update outbox set attempts = attempts + 1, next_attempt_at = $3 \
        where id = $1 and state = 'waiting' and next_attempt_at <= $2 \
        returning recipient, language, template, parameters, secret, attempts, receiver_id";
    type Row = (
        String,
        String,
        String,
        String,
        String,
        i64,
        Option<AlertReceiverId>,
    );
    let row: Option<Row> = with_tx!(tx, |conn| sqlx::query_as(SQL)
        .bind(id)
        .bind(now)
        .bind(until)
        .fetch_optional(conn)
        .await)?;
    let Some((recipient, language, template, parameters, secret, attempts, receiver)) = row else {
        return Ok(None);
    };
    let unknown = |what: &str| DbError::Corrupt(format!("outbox.{what} of {id}"));
    Ok(Some(Claimed {
        id,
        recipient,
        receiver,
        language: Language::read(&language).ok_or_else(|| unknown("language"))?,
        template: Template::read(&template).ok_or_else(|| unknown("template"))?,
        parameters: serde_json::from_str(&parameters).map_err(|_| unknown("parameters"))?,
        secret,
        attempts,
    }))
}

pub(in crate::notify) async fn set_sent(
    tx: &mut Tx,
    (id, attempts): (LetterId, i64),
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "update outbox set state = 'sent', secret = '', last_error = '', ended_at = $3 \
        where id = $1 and attempts = $2 and state = 'waiting'";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(id)
            .bind(attempts)
            .bind(now)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub(in crate::notify) async fn set_waiting(
    tx: &mut Tx,
    (id, attempts): (LetterId, i64),
    error: &str,
    at: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "update outbox set last_error = $3, next_attempt_at = $4 \
        where id = $1 and attempts = $2 and state = 'waiting'";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(id)
            .bind(attempts)
            .bind(error)
            .bind(at)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Gives a letter up. What it carries is kept until it expires: it may be sent again.
pub(in crate::notify) async fn set_dead(
    tx: &mut Tx,
    (id, attempts): (LetterId, i64),
    error: &str,
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "update outbox set state = 'dead', last_error = $3, ended_at = $4 \
        where id = $1 and attempts = $2 and state = 'waiting'";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(id)
            .bind(attempts)
            .bind(error)
            .bind(now)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Gives up what is worth nothing any more, and wipes what it carries.
pub(in crate::notify) async fn expire(tx: &mut Tx, now: UnixMs) -> Result<(), DbError> {
    const WAITING: &str = "update outbox set state = 'dead', secret = '', ended_at = $1, \
        last_error = case when last_error = '' then 'expired before it could be sent' \
        else 'expired; before that: ' || last_error end where state = 'waiting' and expires_at <= $1";
    const DEAD: &str =
        "update outbox set secret = '' where state = 'dead' and secret <> '' and expires_at <= $1";
    with_tx!(tx, |conn| {
        sqlx::query(WAITING).bind(now).execute(&mut *conn).await?;
        sqlx::query(DEAD).bind(now).execute(conn).await?;
    });
    Ok(())
}

/// Lets a letter that was given up wait again; whether there was one.
pub(in crate::notify) async fn revive(tx: &mut Tx, id: LetterId, now: UnixMs) -> Result<bool, DbError> {
    const SQL: &str = "update outbox set state = 'waiting', attempts = 0, next_attempt_at = $2, ended_at = null \
        where id = $1 and state = 'dead' and expires_at > $2";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(id)
        .bind(now)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

pub(in crate::notify) async fn delete_ended(
    tx: &mut Tx,
    state: LetterState,
    before: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "delete from outbox where state = $1 and ended_at < $2";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(state.as_str())
            .bind(before)
            .execute(conn)
            .await?;
    });
    Ok(())
}
