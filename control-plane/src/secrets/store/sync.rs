//! `secret_syncs`, and what syncs do with groups and secrets.

use muster_base::{OrgId, SecretGroupId, SecretId, SecretProviderId, SecretSyncId, UnixMs};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::id_list;
use crate::{
    db::{Db, DbError, Tx},
    secrets::{
        sync::{SecretSyncRun, SyncCounts},
        sync_plan::Change,
    },
    with_pool, with_tx,
};

/// Every org's groups that are due, leased to the caller until `lease`.
pub async fn claim_due(
    tx: &mut Tx,
    now: UnixMs,
    lease: UnixMs,
    limit: i64,
) -> Result<Vec<(OrgId, SecretGroupId)>, DbError> {
    const SQL: &str = "update secret_groups set sync_lease_until = $2 where sync_lease_until < $1 and id in \
        (select g.id from secret_groups g join secret_providers p on p.id = g.provider_id and p.org_id = g.org_id \
        where g.auto_sync and p.auto_sync and g.next_sync_at <= $1 and g.sync_lease_until < $1 \
        order by g.next_sync_at limit $3) returning org_id, id";
    Ok(with_tx!(tx, |conn| sqlx::query_as(SQL)
        .bind(now)
        .bind(lease)
        .bind(limit)
        .fetch_all(conn)
        .await?))
}

/// Leases one group to the caller, whether it is due or not. False if somebody is at it.
pub async fn claim(
    tx: &mut Tx,
    org: OrgId,
    group: SecretGroupId,
    now: UnixMs,
    lease: UnixMs,
) -> Result<bool, DbError> {
    const SQL: &str = "update secret_groups set sync_lease_until = $4 where org_id = $1 and id = $2 \
        and sync_lease_until < $3";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(group)
        .bind(now)
        .bind(lease)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

/// Ends the lease; the group is due again at `next`.
pub async fn release(tx: &mut Tx, org: OrgId, group: SecretGroupId, next: UnixMs) -> Result<(), DbError> {
    const SQL: &str = "update secret_groups set sync_lease_until = 0, next_sync_at = $3 \
        where org_id = $1 and id = $2";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(group)
            .bind(next)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// How many syncs have failed in a row now.
pub async fn count_failure(tx: &mut Tx, org: OrgId, group: SecretGroupId) -> Result<i64, DbError> {
    const SQL: &str = "update secret_groups set sync_failures = sync_failures + 1 \
        where org_id = $1 and id = $2 returning sync_failures";
    let count: Option<i64> = with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(org)
        .bind(group)
        .fetch_optional(conn)
        .await?);
    Ok(count.unwrap_or(1))
}

/// A sync succeeded.
pub async fn forgive(tx: &mut Tx, org: OrgId, group: SecretGroupId) -> Result<(), DbError> {
    const SQL: &str = "update secret_groups set sync_failures = 0 where org_id = $1 and id = $2";
    with_tx!(tx, |conn| {
        sqlx::query(SQL).bind(org).bind(group).execute(conn).await?;
    });
    Ok(())
}

/// Every group of a provider is due now: it was changed.
pub async fn make_due(
    tx: &mut Tx,
    org: OrgId,
    provider: SecretProviderId,
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "update secret_groups set next_sync_at = $3, sync_failures = 0 \
        where org_id = $1 and provider_id = $2";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(provider)
            .bind(now)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub async fn insert(tx: &mut Tx, org: OrgId, run: &SecretSyncRun) -> Result<(), DbError> {
    const SQL: &str = "insert into secret_syncs \
        (id, org_id, group_id, provider_id, trigger_type, created_by, started_at, status) \
        values ($1, $2, $3, $4, $5, $6, $7, $8)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(run.id)
            .bind(org)
            .bind(run.group_id)
            .bind(run.provider_id)
            .bind(&run.trigger_type)
            .bind(&run.created_by)
            .bind(run.started_at)
            .bind(&run.status)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Ends runs of the group whose process died.
pub async fn end_interrupted(
    tx: &mut Tx,
    org: OrgId,
    group: SecretGroupId,
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "update secret_syncs set status = 'failure', ended_at = $3, \
        error = 'the control plane stopped meanwhile; nothing was changed' \
        where org_id = $1 and group_id = $2 and status = 'running'";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(group)
            .bind(now)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub async fn delete_before(
    tx: &mut Tx,
    org: OrgId,
    group: SecretGroupId,
    before: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "delete from secret_syncs where org_id = $1 and group_id = $2 and started_at < $3";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(group)
            .bind(before)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub async fn finish(tx: &mut Tx, org: OrgId, run: &SecretSyncRun) -> Result<(), DbError> {
    const SQL: &str = "update secret_syncs set status = $3, ended_at = $4, added = $5, changed = $6, renamed = $7, \
        restored = $8, removed = $9, stale = $10, unchanged = $11, left_out = $12, error = $13 \
        where org_id = $1 and id = $2";
    let left_out = serde_json::to_string(&run.left_out)
        .map_err(|_| DbError::Corrupt("secret_syncs.left_out".to_owned()))?;
    let c = run.counts;
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(run.id)
            .bind(&run.status)
            .bind(run.ended_at)
            .bind(i64::from(c.added))
            .bind(i64::from(c.changed))
            .bind(i64::from(c.renamed))
            .bind(i64::from(c.restored))
            .bind(i64::from(c.removed))
            .bind(i64::from(c.stale))
            .bind(i64::from(c.unchanged))
            .bind(left_out)
            .bind(&run.error)
            .execute(conn)
            .await?;
    });
    Ok(())
}

#[derive(sqlx::FromRow)]
struct RunRecord {
    id: SecretSyncId,
    group_id: SecretGroupId,
    provider_id: SecretProviderId,
    trigger_type: String,
    created_by: String,
    started_at: UnixMs,
    ended_at: Option<UnixMs>,
    status: String,
    added: i64,
    changed: i64,
    renamed: i64,
    restored: i64,
    removed: i64,
    stale: i64,
    unchanged: i64,
    left_out: String,
    error: Option<String>,
}

impl TryFrom<RunRecord> for SecretSyncRun {
    type Error = DbError;

    fn try_from(record: RunRecord) -> Result<Self, DbError> {
        let count = |n: i64| u32::try_from(n).map_err(|_| DbError::Corrupt("secret_syncs".to_owned()));
        Ok(Self {
            id: record.id,
            group_id: record.group_id,
            provider_id: record.provider_id,
            trigger_type: record.trigger_type,
            created_by: record.created_by,
            started_at: record.started_at,
            ended_at: record.ended_at,
            status: record.status,
            counts: SyncCounts {
                added: count(record.added)?,
                changed: count(record.changed)?,
                renamed: count(record.renamed)?,
                restored: count(record.restored)?,
                removed: count(record.removed)?,
                stale: count(record.stale)?,
                unchanged: count(record.unchanged)?,
            },
            left_out: serde_json::from_str(&record.left_out)
                .map_err(|_| DbError::Corrupt("secret_syncs.left_out".to_owned()))?,
            error: record.error,
        })
    }
}

/// A group's runs, newest first.
pub async fn list(
    db: &Db,
    org: OrgId,
    group: SecretGroupId,
    before: Option<SecretSyncId>,
    limit: i64,
) -> Result<Vec<SecretSyncRun>, DbError> {
    const SQL: &str = "select id, group_id, provider_id, trigger_type, created_by, started_at, ended_at, status, \
        added, changed, renamed, restored, removed, stale, unchanged, left_out, error from secret_syncs \
        where org_id = $1 and group_id = $2 and id < $3 order by id desc limit $4";
    let rows: Vec<RunRecord> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(org)
        .bind(group)
        .bind(before.unwrap_or(SecretSyncId::from_uuid(Uuid::max())))
        .bind(limit)
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// A secret with its newest value, sealed.
#[derive(sqlx::FromRow)]
pub struct SealedSecret {
    pub id: SecretId,
    pub name: String,
    pub provider_reference: Option<String>,
    pub stale: bool,
    pub version: i64,
    pub value: String,
}

/// Everything in a group.
pub async fn list_sealed(
    tx: &mut Tx,
    org: OrgId,
    group: SecretGroupId,
) -> Result<Vec<SealedSecret>, DbError> {
    const SQL: &str = "select s.id, s.name, s.provider_reference, s.stale, s.version, v.value from secrets s \
        join secret_versions v on v.secret_id = s.id and v.version = s.version \
        where s.org_id = $1 and s.group_id = $2 order by s.id";
    Ok(with_tx!(tx, |conn| sqlx::query_as(SQL)
        .bind(org)
        .bind(group)
        .fetch_all(conn)
        .await?))
}

/// Marks secrets as stale; names of those that were not.
pub async fn mark_stale(tx: &mut Tx, org: OrgId, secrets: &[SecretId]) -> Result<Vec<String>, DbError> {
    let sql = format!(
        "update secrets set stale = true where org_id = $1 and not stale and {} returning name",
        tx.id_among("id", 2)
    );
    names(tx, sql, org, secrets).await
}

/// Deletes secrets with their versions; their names.
pub async fn delete_many(tx: &mut Tx, org: OrgId, secrets: &[SecretId]) -> Result<Vec<String>, DbError> {
    let sql = format!(
        "delete from secrets where org_id = $1 and {} returning name",
        tx.id_among("id", 2)
    );
    names(tx, sql, org, secrets).await
}

async fn names(tx: &mut Tx, sql: String, org: OrgId, secrets: &[SecretId]) -> Result<Vec<String>, DbError> {
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(org)
        .bind(id_list(secrets))
        .fetch_all(conn)
        .await?))
}

/// What the provider has made of a secret.
pub async fn update_secret(
    tx: &mut Tx,
    org: OrgId,
    provider: SecretProviderId,
    change: &Change,
    (version, now): (i64, UnixMs),
) -> Result<(), DbError> {
    const SQL: &str = "update secrets set name = $3, provider_id = $4, provider_reference = $5, version = $6, \
        stale = false, updated_at = $7 where org_id = $1 and id = $2";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(change.id)
            .bind(&change.name)
            .bind(provider)
            .bind(&change.reference)
            .bind(version)
            .bind(now)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// A group's secrets are its people's from now on.
pub async fn make_manual(tx: &mut Tx, org: OrgId, group: SecretGroupId) -> Result<(), DbError> {
    const SQL: &str = "update secrets set source = 'manual', provider_id = null, provider_reference = null \
        where org_id = $1 and group_id = $2 and source = 'synced'";
    with_tx!(tx, |conn| {
        sqlx::query(SQL).bind(org).bind(group).execute(conn).await?;
    });
    Ok(())
}

/// How many secrets of a group did not come by sync.
pub async fn count_manual(tx: &mut Tx, org: OrgId, group: SecretGroupId) -> Result<i64, DbError> {
    const SQL: &str =
        "select count(*) from secrets where org_id = $1 and group_id = $2 and source <> 'synced'";
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(org)
        .bind(group)
        .fetch_one(conn)
        .await?))
}
