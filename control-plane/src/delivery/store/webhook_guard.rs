//! `webhook_guards`, `webhook_refusals`.

use muster_base::{ApplicationId, OrgId, UnixMs};
use uuid::Uuid;

use super::{from_json, to_json};
use crate::{
    db::{Db, DbError, Tx},
    delivery::{
        webhook_guard::{WebhookGuard, WebhookRefusal},
        webhook_proof::WebhookRefused,
    },
    with_pool, with_tx,
};

#[derive(sqlx::FromRow)]
struct Record {
    id: Uuid,
    environment: String,
    networks: String,
    signed: bool,
    updated_by: String,
    updated_at: UnixMs,
}

impl TryFrom<Record> for WebhookGuard {
    type Error = DbError;

    fn try_from(record: Record) -> Result<Self, DbError> {
        Ok(Self {
            id: record.id,
            environment: record.environment,
            networks: networks(&record.networks)?,
            signed: record.signed,
            updated_by: record.updated_by,
            updated_at: record.updated_at,
        })
    }
}

/// The column's text as networks.
pub fn networks(text: &str) -> Result<Vec<String>, DbError> {
    from_json(text, "webhook_guards.networks")
}

pub async fn list(db: &Db, org: OrgId, application: ApplicationId) -> Result<Vec<WebhookGuard>, DbError> {
    const SQL: &str = "select id, environment, networks, signed, updated_by, updated_at from webhook_guards \
        where org_id = $1 and application_id = $2 order by environment";
    let rows: Vec<Record> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(org)
        .bind(application)
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The ids of an application's guards, whose secrets go with it.
pub async fn list_ids(tx: &mut Tx, org: OrgId, application: ApplicationId) -> Result<Vec<Uuid>, DbError> {
    const SQL: &str = "select id from webhook_guards where org_id = $1 and application_id = $2";
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(org)
        .bind(application)
        .fetch_all(conn)
        .await?))
}

pub async fn find(
    tx: &mut Tx,
    org: OrgId,
    application: ApplicationId,
    environment: &str,
) -> Result<Option<WebhookGuard>, DbError> {
    const SQL: &str = "select id, environment, networks, signed, updated_by, updated_at from webhook_guards \
        where org_id = $1 and application_id = $2 and environment = $3";
    let row: Option<Record> = with_tx!(tx, |conn| sqlx::query_as(SQL)
        .bind(org)
        .bind(application)
        .bind(environment)
        .fetch_optional(conn)
        .await?);
    row.map(TryInto::try_into).transpose()
}

/// The caller has locked the application.
pub async fn upsert(
    tx: &mut Tx,
    org: OrgId,
    application: ApplicationId,
    guard: &WebhookGuard,
) -> Result<(), DbError> {
    const SQL: &str = "insert into webhook_guards (id, org_id, application_id, environment, networks, signed, \
        updated_by, updated_at) values ($1, $2, $3, $4, $5, $6, $7, $8) \
        on conflict (application_id, environment) do update set networks = excluded.networks, \
        signed = excluded.signed, updated_by = excluded.updated_by, updated_at = excluded.updated_at";
    let networks = to_json(&guard.networks, "webhook_guards.networks")?;
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(guard.id)
            .bind(org)
            .bind(application)
            .bind(&guard.environment)
            .bind(networks)
            .bind(guard.signed)
            .bind(&guard.updated_by)
            .bind(guard.updated_at)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// A refused call to be kept.
pub struct NewRefusal<'a> {
    pub id: Uuid,
    pub org: OrgId,
    pub application: ApplicationId,
    pub environment: Option<&'a str>,
    pub reason: WebhookRefused,
    pub ip: Option<String>,
    pub at: UnixMs,
}

/// Keeps it, and of those before it the last ones only.
pub async fn insert_refusal(tx: &mut Tx, refusal: &NewRefusal<'_>, kept: i64) -> Result<(), DbError> {
    const INSERT: &str = "insert into webhook_refusals (id, org_id, application_id, environment, reason, ip, at) \
        values ($1, $2, $3, $4, $5, $6, $7)";
    const FORGET: &str = "delete from webhook_refusals where org_id = $1 and application_id = $2 and id <= \
        (select id from webhook_refusals where application_id = $2 order by id desc limit 1 offset $3)";
    with_tx!(tx, |conn| {
        sqlx::query(INSERT)
            .bind(refusal.id)
            .bind(refusal.org)
            .bind(refusal.application)
            .bind(refusal.environment)
            .bind(refusal.reason.as_str())
            .bind(&refusal.ip)
            .bind(refusal.at)
            .execute(&mut *conn)
            .await?;
        sqlx::query(FORGET)
            .bind(refusal.org)
            .bind(refusal.application)
            .bind(kept)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Newest first.
pub async fn list_refusals(
    db: &Db,
    org: OrgId,
    application: ApplicationId,
    limit: i64,
) -> Result<Vec<WebhookRefusal>, DbError> {
    const SQL: &str = "select at, environment, reason, ip from webhook_refusals where org_id = $1 \
        and application_id = $2 order by id desc limit $3";
    let rows: Vec<(UnixMs, Option<String>, String, Option<String>)> =
        with_pool!(db, |pool| sqlx::query_as(SQL)
            .bind(org)
            .bind(application)
            .bind(limit)
            .fetch_all(pool)
            .await)?;
    let read = |(at, environment, reason, ip): (UnixMs, Option<String>, String, Option<String>)| {
        let reason = WebhookRefused::read(&reason);
        Ok(WebhookRefusal {
            at,
            environment,
            reason: reason.ok_or_else(|| DbError::Corrupt("webhook_refusals.reason".to_owned()))?,
            ip,
        })
    };
    rows.into_iter().map(read).collect()
}
