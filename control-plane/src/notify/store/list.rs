//! Rows of `outbox`, as administrators see them. `platforms` is a JSON array of ids, none: all.

use muster_base::{LetterId, PlatformId, UnixMs};
use sqlx::AssertSqlSafe;

use crate::{
    db::{Db, DbError},
    notify::{
        Language,
        letter::{Channel, LetterState, PostedLetter},
    },
    with_pool,
};

const COLUMNS: &str = "id, kind, platform_id, recipient, language, template, state, attempts, next_attempt_at, \
    expires_at, last_error, created_at, ended_at";

#[derive(sqlx::FromRow)]
struct Row {
    id: LetterId,
    kind: String,
    platform_id: Option<PlatformId>,
    recipient: String,
    language: String,
    template: String,
    state: String,
    attempts: i64,
    next_attempt_at: UnixMs,
    expires_at: UnixMs,
    last_error: String,
    created_at: UnixMs,
    ended_at: Option<UnixMs>,
}

impl TryFrom<Row> for PostedLetter {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, DbError> {
        let unknown = |what: &str| DbError::Corrupt(format!("outbox.{what} of {}", row.id));
        Ok(Self {
            id: row.id,
            kind: Channel::read(&row.kind).ok_or_else(|| unknown("kind"))?,
            platform_id: row.platform_id,
            language: Language::read(&row.language).ok_or_else(|| unknown("language"))?,
            state: LetterState::read(&row.state).ok_or_else(|| unknown("state"))?,
            recipient: row.recipient,
            template: row.template,
            attempts: row.attempts,
            next_attempt_at: row.next_attempt_at,
            expires_at: row.expires_at,
            last_error: row.last_error,
            created_at: row.created_at,
            ended_at: row.ended_at,
        })
    }
}

/// Newest first.
pub(in crate::notify) async fn list(
    db: &Db,
    platforms: Option<String>,
    (state, recipient): (Option<LetterState>, Option<&str>),
    after: Option<LetterId>,
    limit: i64,
) -> Result<Vec<PostedLetter>, DbError> {
    let sql = format!(
        "select {COLUMNS} from outbox where ($1 is null or id < $1) and ($2 is null or {}) \
         and ($3 is null or state = $3) and ($4 is null or recipient = $4) order by id desc limit $5",
        db.id_among("platform_id", 2)
    );
    let rows: Vec<Row> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(after)
        .bind(&platforms)
        .bind(state.map(LetterState::as_str))
        .bind(recipient)
        .bind(limit)
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(PostedLetter::try_from).collect()
}

pub(in crate::notify) async fn find(
    db: &Db,
    platforms: Option<String>,
    id: LetterId,
) -> Result<Option<PostedLetter>, DbError> {
    let sql = format!(
        "select {COLUMNS} from outbox where id = $1 and ($2 is null or {})",
        db.id_among("platform_id", 2)
    );
    let row: Option<Row> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(id)
        .bind(&platforms)
        .fetch_optional(pool)
        .await)?;
    row.map(PostedLetter::try_from).transpose()
}

/// What there is.
#[derive(sqlx::FromRow)]
pub(in crate::notify) struct Counted {
    pub(in crate::notify) waiting: i64,
    pub(in crate::notify) dead: i64,
    pub(in crate::notify) oldest_waiting_at: Option<UnixMs>,
    pub(in crate::notify) last_sent_at: Option<UnixMs>,
    pub(in crate::notify) last_error: Option<String>,
}

pub(in crate::notify) async fn count(db: &Db, platforms: Option<String>) -> Result<Counted, DbError> {
    let mine = db.id_among("platform_id", 1);
    let sql = format!(
        "select (select count(*) from outbox where state = 'waiting' and ($1 is null or {mine})) as waiting, \
         (select count(*) from outbox where state = 'dead' and ($1 is null or {mine})) as dead, \
         (select min(created_at) from outbox where state = 'waiting' and ($1 is null or {mine})) as oldest_waiting_at, \
         (select max(ended_at) from outbox where state = 'sent' and ($1 is null or {mine})) as last_sent_at, \
         (select last_error from outbox where state = 'waiting' and last_error <> '' and ($1 is null or {mine}) \
         order by next_attempt_at desc limit 1) as last_error"
    );
    Ok(with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(&platforms)
        .fetch_one(pool)
        .await)?)
}
