//! `webhook_tokens`.

use muster_base::{ApplicationId, OrgId, UnixMs};
use uuid::Uuid;

use crate::{
    db::{Db, DbError, Tx},
    with_pool, with_tx,
};

/// A token to be stored: its hash only.
pub struct NewToken<'a> {
    pub id: Uuid,
    pub application: ApplicationId,
    pub environment: &'a str,
    pub hash: &'a [u8],
    pub created_by: &'a str,
    pub created_at: UnixMs,
}

/// An application as the webhook sees it, once for each of its tokens, or once without any.
#[derive(Debug, sqlx::FromRow)]
pub struct Candidate {
    pub org_id: OrgId,
    pub webhook_enabled: bool,
    pub token_id: Option<Uuid>,
    pub token_environment: Option<String>,
    pub token_hash: Option<Vec<u8>>,
    pub token_expires_at: Option<UnixMs>,
    pub token_last_used_at: Option<UnixMs>,
    pub guard_id: Option<Uuid>,
    pub guard_networks: Option<String>,
    pub guard_signed: Option<bool>,
}

pub async fn insert(tx: &mut Tx, org: OrgId, token: &NewToken<'_>) -> Result<(), DbError> {
    const SQL: &str = "insert into webhook_tokens \
        (id, org_id, application_id, environment, token_hash, created_by, created_at) \
        values ($1, $2, $3, $4, $5, $6, $7)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(token.id)
            .bind(org)
            .bind(token.application)
            .bind(token.environment)
            .bind(token.hash)
            .bind(token.created_by)
            .bind(token.created_at)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Lets the tokens that are there end at `end`, if they don't end before, and forgets those that have ended.
pub async fn retire(
    tx: &mut Tx,
    org: OrgId,
    application: ApplicationId,
    environment: &str,
    now: UnixMs,
    end: UnixMs,
) -> Result<(), DbError> {
    const FORGET: &str = "delete from webhook_tokens where org_id = $1 and application_id = $2 and environment = $3 \
        and expires_at <= $4";
    const RETIRE: &str = "update webhook_tokens set expires_at = $4 where org_id = $1 and application_id = $2 \
        and environment = $3 and (expires_at is null or expires_at > $4)";
    with_tx!(tx, |conn| {
        for (sql, at) in [(RETIRE, end), (FORGET, now)] {
            sqlx::query(sql)
                .bind(org)
                .bind(application)
                .bind(environment)
                .bind(at)
                .execute(&mut *conn)
                .await?;
        }
    });
    Ok(())
}

/// How many tokens work: for this environment of the application, and for all of them.
pub async fn count(
    tx: &mut Tx,
    org: OrgId,
    application: ApplicationId,
    environment: &str,
    now: UnixMs,
) -> Result<(i64, i64), DbError> {
    const SQL: &str = "select count(case when environment = $3 then 1 end), count(*) from webhook_tokens \
        where org_id = $1 and application_id = $2 and (expires_at is null or expires_at > $4)";
    Ok(with_tx!(tx, |conn| sqlx::query_as(SQL)
        .bind(org)
        .bind(application)
        .bind(environment)
        .bind(now)
        .fetch_one(conn)
        .await?))
}

/// The one query of a webhook call, whoever calls: the tokens that work, of which there are at most `most`. It carries no
/// org: the token is what decides the org.
pub async fn candidates(
    db: &Db,
    application: ApplicationId,
    now: UnixMs,
    most: i64,
) -> Result<Vec<Candidate>, DbError> {
    const SQL: &str = "select a.org_id, a.webhook_enabled, t.id as token_id, \
        t.environment as token_environment, t.token_hash, t.expires_at as token_expires_at, \
        t.last_used_at as token_last_used_at, g.id as guard_id, g.networks as guard_networks, \
        g.signed as guard_signed from applications a left join webhook_tokens t \
        on t.application_id = a.id and (t.expires_at is null or t.expires_at > $2) \
        left join webhook_guards g on g.application_id = a.id and g.environment = t.environment where a.id = $1 \
        order by t.created_at desc limit $3";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(application)
        .bind(now)
        .bind(most)
        .fetch_all(pool)
        .await)?)
}

pub async fn touch(tx: &mut Tx, id: Uuid, now: UnixMs) -> Result<(), DbError> {
    const SQL: &str = "update webhook_tokens set last_used_at = $2 where id = $1";
    with_tx!(tx, |conn| {
        sqlx::query(SQL).bind(id).bind(now).execute(conn).await?;
    });
    Ok(())
}
