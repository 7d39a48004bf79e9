//! Rows of `messages`.

use muster_base::{MessageId, OrgId, UnixMs, UserId};
use sqlx::AssertSqlSafe;

use crate::{
    access::message::{Message, NewMessage},
    db::{Db, DbError, Tx},
    with_pool, with_tx,
};

/// Writes the message into each of these inboxes.
pub(in crate::access) async fn insert_all(
    tx: &mut Tx,
    db: &Db,
    rows: &[(MessageId, UserId)],
    message: &NewMessage<'_>,
    now: UnixMs,
) -> Result<(), DbError> {
    let sql = format!(
        "insert into messages (id, user_id, org_id, mode, sub_mode, code, params, content, tip, created_at) \
         select a, b, $2, $3, $4, $5, $6, $7, $8, $9 from {}",
        db.id_pairs(1)
    );
    let corrupt = |error: serde_json::Error| DbError::Corrupt(error.to_string());
    let rows = serde_json::to_string(rows).map_err(corrupt)?;
    let params = serde_json::to_string(&message.words.params()).map_err(corrupt)?;
    with_tx!(tx, |conn| {
        sqlx::query(AssertSqlSafe(sql))
            .bind(rows)
            .bind(message.org)
            .bind(message.mode.code())
            .bind(message.sub_mode.code())
            .bind(message.words.code())
            .bind(params)
            .bind(message.words.sentence())
            .bind(message.tip)
            .bind(now)
            .execute(conn)
            .await?;
    });
    Ok(())
}

#[derive(sqlx::FromRow)]
struct Row {
    id: MessageId,
    org_id: Option<OrgId>,
    mode: i64,
    sub_mode: i64,
    code: String,
    params: String,
    content: String,
    tip: String,
    read: bool,
    created_at: UnixMs,
}

impl Row {
    fn message(self, owner: UserId) -> Result<Message, DbError> {
        let corrupt = |error| DbError::Corrupt(format!("messages.params: {error}"));
        Ok(Message {
            id: self.id,
            owner,
            org_id: self.org_id,
            mode: self.mode,
            sub_mode: self.sub_mode,
            code: self.code,
            params: serde_json::from_str(&self.params).map_err(corrupt)?,
            content: self.content,
            tip: self.tip,
            read: self.read,
            created_at: self.created_at,
        })
    }
}

/// Newest first.
pub(in crate::access) async fn list(
    db: &Db,
    user: UserId,
    unread: bool,
    after: Option<MessageId>,
    limit: i64,
) -> Result<Vec<Message>, DbError> {
    const SQL: &str = "select id, org_id, mode, sub_mode, code, params, content, tip, \
        read_at is not null as read, created_at from messages where user_id = $1 and ($2 is null or id < $2) and (not $3 or read_at is null) \
        order by id desc limit $4";
    let rows: Vec<Row> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(user)
        .bind(after)
        .bind(unread)
        .bind(limit)
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(|row| row.message(user)).collect()
}

pub(in crate::access) async fn count_unread(db: &Db, user: UserId) -> Result<i64, DbError> {
    const SQL: &str = "select count(*) from messages where user_id = $1 and read_at is null";
    Ok(with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .bind(user)
        .fetch_one(pool)
        .await)?)
}

/// Marks one as read, or all; false if there was none. One that was read keeps its time.
pub(in crate::access) async fn set_read(
    tx: &mut Tx,
    user: UserId,
    id: Option<MessageId>,
    now: UnixMs,
) -> Result<bool, DbError> {
    const ONE: &str = "update messages set read_at = coalesce(read_at, $3) where user_id = $1 and id = $2";
    const ALL: &str = "update messages set read_at = $2 where user_id = $1 and read_at is null";
    let rows = match id {
        Some(id) => with_tx!(tx, |conn| sqlx::query(ONE)
            .bind(user)
            .bind(id)
            .bind(now)
            .execute(conn)
            .await?
            .rows_affected()),
        None => with_tx!(tx, |conn| sqlx::query(ALL)
            .bind(user)
            .bind(now)
            .execute(conn)
            .await?
            .rows_affected()),
    };
    Ok(rows > 0)
}
