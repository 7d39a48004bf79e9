//! `registry_reads`, and what a reading says of `versions`.

use muster_base::{ApplicationId, OrgId, UnixMs};

use super::version::place;
use crate::{
    db::{Db, DbError, Tx},
    delivery::version::RegistryRead,
    with_pool, with_tx,
};

/// When the registry was last read for an application.
pub async fn find_read(
    db: &Db,
    org: OrgId,
    application: ApplicationId,
) -> Result<Option<RegistryRead>, DbError> {
    const SQL: &str = "select read_at, tags, complete, error from registry_reads \
        where org_id = $1 and application_id = $2";
    let row: Option<(UnixMs, i64, bool, Option<String>)> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(org)
        .bind(application)
        .fetch_optional(pool)
        .await)?;
    Ok(row.map(|(at, tags, complete, error)| RegistryRead {
        at,
        tags,
        complete,
        error,
    }))
}

/// Its row is locked until the transaction ends: two that read at the same time write one after the other.
pub async fn set_read(
    tx: &mut Tx,
    org: OrgId,
    application: ApplicationId,
    read: &RegistryRead,
) -> Result<(), DbError> {
    const SQL: &str = "insert into registry_reads (application_id, org_id, read_at, tags, complete, error) \
        values ($1, $2, $3, $4, $5, $6) on conflict (application_id) do update set read_at = excluded.read_at, \
        tags = excluded.tags, complete = excluded.complete, error = excluded.error";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(application)
            .bind(org)
            .bind(read.at)
            .bind(read.tags)
            .bind(read.complete)
            .bind(&read.error)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Every version, and whether the registry had it.
pub async fn list_known(
    tx: &mut Tx,
    org: OrgId,
    application: ApplicationId,
) -> Result<Vec<(String, Option<bool>)>, DbError> {
    const SQL: &str = "select version, in_registry from versions where org_id = $1 and application_id = $2";
    Ok(with_tx!(tx, |conn| sqlx::query_as(SQL)
        .bind(org)
        .bind(application)
        .fetch_all(conn)
        .await?))
}

/// The registry has this tag; `nth` of those that were found at the same moment.
pub async fn set_present(
    tx: &mut Tx,
    org: OrgId,
    application: ApplicationId,
    version: &str,
    (now, nth): (UnixMs, usize),
) -> Result<(), DbError> {
    const SQL: &str = "insert into versions (org_id, application_id, version, place, created_at, in_registry) \
        values ($1, $2, $3, $4, $5, $6) on conflict (application_id, version) do update set in_registry = $6";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(application)
            .bind(version)
            .bind(place(now, nth))
            .bind(now)
            .bind(true)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// The registry has it no more: forgotten if nothing else speaks of it.
pub async fn set_absent(
    tx: &mut Tx,
    org: OrgId,
    application: ApplicationId,
    version: &str,
) -> Result<(), DbError> {
    const FORGET: &str = "delete from versions where org_id = $1 and application_id = $2 and version = $3 \
        and reported_at is null and not exists (select 1 from deployments d where d.application_id = $2 \
        and d.version = $3)";
    const KEEP: &str = "update versions set in_registry = $4, registry_digest = null, digest_read_at = null \
        where org_id = $1 and application_id = $2 and version = $3";
    let gone = with_tx!(tx, |conn| sqlx::query(FORGET)
        .bind(org)
        .bind(application)
        .bind(version)
        .execute(conn)
        .await?
        .rows_affected());
    if gone == 0 {
        with_tx!(tx, |conn| {
            sqlx::query(KEEP)
                .bind(org)
                .bind(application)
                .bind(version)
                .bind(false)
                .execute(conn)
                .await?;
        });
    }
    Ok(())
}

/// Tags whose digest is not known, newest first, then those that were asked longest ago.
pub async fn list_unasked(
    db: &Db,
    org: OrgId,
    application: ApplicationId,
    limit: i64,
) -> Result<Vec<String>, DbError> {
    const SQL: &str = "select version from versions where org_id = $1 and application_id = $2 and in_registry \
        order by coalesce(digest_read_at, 0), place desc limit $3";
    Ok(with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .bind(org)
        .bind(application)
        .bind(limit)
        .fetch_all(pool)
        .await)?)
}

pub async fn set_digest(
    tx: &mut Tx,
    org: OrgId,
    application: ApplicationId,
    version: &str,
    (digest, now): (&str, UnixMs),
) -> Result<(), DbError> {
    const SQL: &str = "update versions set registry_digest = $4, digest_read_at = $5 \
        where org_id = $1 and application_id = $2 and version = $3 and in_registry";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(application)
            .bind(version)
            .bind(digest)
            .bind(now)
            .execute(conn)
            .await?;
    });
    Ok(())
}
