//! `deployments`.

use muster_base::{ApplicationId, DeploymentId, OrgId, UnixMs};
use sqlx::AssertSqlSafe;

use super::{from_json, to_json};
use crate::{
    access::{ObjectKind, Scope},
    db::{Db, DbError, Tx},
    delivery::{
        approval::GivenApproval,
        deployment::{Deployment, DeploymentFilter, Phase, Status, TriggerType},
    },
    with_pool, with_tx,
};

const SELECT: &str = "select d.id, d.org_id, d.application_id, a.name as application_name, d.environment, d.version, \
    d.image, d.digest, d.status, d.spec, d.trigger_type, d.trigger_ip, d.triggered_by, d.origin_id, d.cancel_asked, \
    d.error, d.prepared, d.approvals, d.phase, d.batch, d.batches, d.pause_asked, d.back_asked, d.image_bytes, d.look_at, d.opens_at, d.override_reason, d.created_at, d.started_at, d.completed_at, d.duration_ms \
    from deployments d join applications a on a.id = d.application_id";

#[expect(clippy::struct_excessive_bools, reason = "the row's columns")]
#[derive(sqlx::FromRow)]
struct Record {
    id: DeploymentId,
    org_id: OrgId,
    application_id: ApplicationId,
    application_name: String,
    environment: String,
    version: String,
    image: String,
    digest: Option<String>,
    status: String,
    spec: String,
    trigger_type: String,
    trigger_ip: Option<String>,
    triggered_by: String,
    origin_id: Option<DeploymentId>,
    cancel_asked: bool,
    error: Option<String>,
    prepared: bool,
    approvals: String,
    phase: String,
    batch: i64,
    batches: i64,
    pause_asked: bool,
    back_asked: bool,
    image_bytes: Option<i64>,
    look_at: Option<UnixMs>,
    opens_at: Option<UnixMs>,
    override_reason: Option<String>,
    created_at: UnixMs,
    started_at: Option<UnixMs>,
    completed_at: Option<UnixMs>,
    duration_ms: Option<i64>,
}

impl TryFrom<Record> for Deployment {
    type Error = DbError;

    fn try_from(record: Record) -> Result<Self, DbError> {
        Ok(Self {
            id: record.id,
            application_id: record.application_id,
            application_name: record.application_name,
            environment: record.environment,
            version: record.version,
            image: record.image,
            digest: record.digest,
            status: Status::read(&record.status)?,
            trigger_type: TriggerType::read(&record.trigger_type)?,
            trigger_ip: record.trigger_ip,
            triggered_by: from_json(&record.triggered_by, "deployments.triggered_by")?,
            origin_id: record.origin_id,
            cancel_asked: record.cancel_asked,
            waits_for_window: record.look_at.is_some(),
            opens_at: record.opens_at,
            override_reason: record.override_reason,
            error: record.error,
            created_at: record.created_at,
            started_at: record.started_at,
            completed_at: record.completed_at,
            duration_ms: record.duration_ms,
            org: record.org_id,
            plan: from_json(&record.spec, "deployments.spec")?,
            prepared: record.prepared,
            approvals: from_json(&record.approvals, "deployments.approvals")?,
            phase: Phase::read(&record.phase)?,
            batch: record.batch,
            batches: record.batches,
            pause_asked: record.pause_asked,
            back_asked: record.back_asked,
            image_bytes: record.image_bytes,
        })
    }
}

pub async fn insert(tx: &mut Tx, deployment: &Deployment, key: Option<&str>) -> Result<(), DbError> {
    const SQL: &str = "insert into deployments (id, org_id, application_id, environment, version, image, digest, \
        status, spec, trigger_type, trigger_ip, triggered_by, origin_id, idempotency_key, created_at, override_reason, \
        approvals) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";
    let approvals = to_json(&deployment.approvals, "deployments.approvals")?;
    let spec = to_json(&deployment.plan, "deployments.spec")?;
    let by = to_json(&deployment.triggered_by, "deployments.triggered_by")?;
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(deployment.id)
            .bind(deployment.org)
            .bind(deployment.application_id)
            .bind(&deployment.environment)
            .bind(&deployment.version)
            .bind(&deployment.image)
            .bind(&deployment.digest)
            .bind(deployment.status.as_str())
            .bind(spec)
            .bind(deployment.trigger_type.to_string())
            .bind(&deployment.trigger_ip)
            .bind(by)
            .bind(deployment.origin_id)
            .bind(key)
            .bind(deployment.created_at)
            .bind(&deployment.override_reason)
            .bind(approvals)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub async fn find(db: &Db, org: OrgId, id: DeploymentId) -> Result<Option<Deployment>, DbError> {
    let sql = format!("{SELECT} where d.org_id = $1 and d.id = $2");
    let row: Option<Record> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(id)
        .fetch_optional(pool)
        .await)?;
    row.map(TryInto::try_into).transpose()
}

/// Locks the deployment's application and then the deployment, always in this order, until the transaction ends.
/// False if it is gone.
pub async fn lock(tx: &mut Tx, org: OrgId, id: DeploymentId) -> Result<bool, DbError> {
    const APPLICATION: &str = "update applications set revision = revision + 1 where org_id = $1 \
        and id = (select application_id from deployments where org_id = $1 and id = $2)";
    const DEPLOYMENT: &str = "update deployments set next_seq = next_seq where org_id = $1 and id = $2";
    let rows = with_tx!(tx, |conn| {
        sqlx::query(APPLICATION)
            .bind(org)
            .bind(id)
            .execute(&mut *conn)
            .await?;
        sqlx::query(DEPLOYMENT)
            .bind(org)
            .bind(id)
            .execute(conn)
            .await?
            .rows_affected()
    });
    Ok(rows == 1)
}

/// As [`find`], within a transaction that has locked the application or the deployment.
pub async fn find_in(tx: &mut Tx, org: OrgId, id: DeploymentId) -> Result<Option<Deployment>, DbError> {
    let sql = format!("{SELECT} where d.org_id = $1 and d.id = $2");
    let row: Option<Record> = with_tx!(tx, |conn| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(id)
        .fetch_optional(conn)
        .await?);
    row.map(TryInto::try_into).transpose()
}

/// The deployment that an idempotency key made.
pub async fn find_by_key(
    tx: &mut Tx,
    org: OrgId,
    application: ApplicationId,
    key: &str,
) -> Result<Option<Deployment>, DbError> {
    let sql = by_key();
    let row: Option<Record> = with_tx!(tx, |conn| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(application)
        .bind(key)
        .fetch_optional(conn)
        .await?);
    row.map(TryInto::try_into).transpose()
}

/// As [`find_by_key`], outside a transaction.
pub async fn find_keyed(
    db: &Db,
    org: OrgId,
    application: ApplicationId,
    key: &str,
) -> Result<Option<Deployment>, DbError> {
    let sql = by_key();
    let row: Option<Record> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(application)
        .bind(key)
        .fetch_optional(pool)
        .await)?;
    row.map(TryInto::try_into).transpose()
}

fn by_key() -> String {
    format!("{SELECT} where d.org_id = $1 and d.application_id = $2 and d.idempotency_key = $3")
}

/// Newest first.
pub async fn list(
    db: &Db,
    (org, scope): (OrgId, &Scope),
    filter: &DeploymentFilter,
    before: Option<DeploymentId>,
    limit: i64,
) -> Result<Vec<Deployment>, DbError> {
    let mut sql = format!(
        "{SELECT} where d.org_id = $1 and d.id < $2 and ($4 is null or {}) and ($5 is null or {})",
        db.id_among("d.application_id", 4),
        db.text_among("d.environment", 5)
    );
    let mut next = 6;
    for (wanted, condition) in [
        (filter.application_id.is_some(), "d.application_id"),
        (filter.environment.is_some(), "d.environment"),
        (filter.status.is_some(), "d.status"),
    ] {
        if wanted {
            sql = format!("{sql} and {condition} = ${next}");
            next += 1;
        }
    }
    sql.push_str(" order by d.id desc limit $3");
    let before = before.unwrap_or(DeploymentId::from_uuid(uuid::Uuid::max()));
    let rows: Vec<Record> = with_pool!(db, |pool| {
        let mut query = sqlx::query_as(AssertSqlSafe(sql))
            .bind(org)
            .bind(before)
            .bind(limit)
            .bind(scope.keys(ObjectKind::Applications))
            .bind(scope.keys(ObjectKind::Environments));
        if let Some(application) = filter.application_id {
            query = query.bind(application);
        }
        if let Some(environment) = &filter.environment {
            query = query.bind(environment);
        }
        if let Some(status) = filter.status {
            query = query.bind(status.as_str());
        }
        query.fetch_all(pool).await
    })?;
    rows.into_iter().map(TryInto::try_into).collect()
}

pub async fn count_unfinished(tx: &mut Tx, org: OrgId, application: ApplicationId) -> Result<i64, DbError> {
    const SQL: &str = "select count(*) from deployments where org_id = $1 and application_id = $2 \
        and status in ('pending', 'waitingApproval', 'running')";
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(org)
        .bind(application)
        .fetch_one(conn)
        .await?))
}

/// Whether any deployment of the application has succeeded.
pub async fn has_success(tx: &mut Tx, org: OrgId, application: ApplicationId) -> Result<bool, DbError> {
    const SQL: &str = "select count(*) from (select 1 as one from deployments where org_id = $1 \
        and application_id = $2 and status = 'success' limit 1) as found";
    let count: i64 = with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(org)
        .bind(application)
        .fetch_one(conn)
        .await?);
    Ok(count > 0)
}

/// Those that wait for their turn or for approval in an environment.
pub async fn list_pending(
    tx: &mut Tx,
    org: OrgId,
    application: ApplicationId,
    environment: &str,
) -> Result<Vec<DeploymentId>, DbError> {
    const SQL: &str = "select id from deployments where org_id = $1 and application_id = $2 and environment = $3 \
        and status in ('pending', 'waitingApproval')";
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(org)
        .bind(application)
        .bind(environment)
        .fetch_all(conn)
        .await?))
}

/// The deployment that succeeded last in an environment, before that moment and id if they are given. One that waited
/// long for approval or in a queue came after others that were asked for later.
pub async fn find_success(
    db: &Db,
    org: OrgId,
    application: ApplicationId,
    environment: &str,
    before: Option<(UnixMs, DeploymentId)>,
) -> Result<Option<Deployment>, DbError> {
    let sql = format!(
        "{SELECT} where d.org_id = $1 and d.application_id = $2 and d.environment = $3 and d.status = 'success' \
         and d.trigger_type not like 'tracker:%' and (coalesce(d.completed_at, d.created_at), d.id) < ($4, $5) \
         order by coalesce(d.completed_at, d.created_at) desc, d.id desc limit 1"
    );
    let (moment, id) = before.unwrap_or((UnixMs(i64::MAX), DeploymentId::from_uuid(uuid::Uuid::max())));
    let row: Option<Record> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(application)
        .bind(environment)
        .bind(moment)
        .bind(id)
        .fetch_optional(pool)
        .await)?;
    row.map(TryInto::try_into).transpose()
}

pub async fn ask_cancel(tx: &mut Tx, org: OrgId, id: DeploymentId, back: bool) -> Result<(), DbError> {
    const SQL: &str =
        "update deployments set cancel_asked = true, back_asked = $3 where org_id = $1 and id = $2";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(id)
            .bind(back)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// How a deployment ended.
pub struct End<'a> {
    pub status: Status,
    pub error: Option<&'a str>,
    pub digest: Option<&'a str>,
    pub at: UnixMs,
}

/// Ends a deployment that has not ended. False if it had.
pub async fn finish(tx: &mut Tx, org: OrgId, id: DeploymentId, end: &End<'_>) -> Result<bool, DbError> {
    const SQL: &str = "update deployments set status = $3, error = $4, digest = coalesce($5, digest), \
        completed_at = $6, duration_ms = $6 - coalesce(started_at, $6), told = $7, look_at = null, opens_at = null where org_id = $1 and id = $2 \
        and status in ('pending', 'waitingApproval', 'running')";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(id)
        .bind(end.status.as_str())
        .bind(end.error)
        .bind(end.digest)
        .bind(end.at)
        .bind(!matches!(end.status, Status::Failure | Status::RolledBack))
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

/// Status and duration of what ended in an application since `since`, newest first.
pub async fn list_durations(
    db: &Db,
    org: OrgId,
    application: ApplicationId,
    since: UnixMs,
    limit: i64,
) -> Result<Vec<(String, String, Option<i64>)>, DbError> {
    const SQL: &str = "select status, trigger_type, duration_ms from deployments where org_id = $1 \
        and application_id = $2 and completed_at >= $3 order by id desc limit $4";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(org)
        .bind(application)
        .bind(since)
        .bind(limit)
        .fetch_all(pool)
        .await)?)
}

/// Somebody approved: it waits for its turn. False if it did not wait for approval.
pub async fn set_approved(
    tx: &mut Tx,
    org: OrgId,
    id: DeploymentId,
    approvals: &[GivenApproval],
) -> Result<bool, DbError> {
    const SQL: &str = "update deployments set status = 'pending', approvals = $3 \
        where org_id = $1 and id = $2 and status = 'waitingApproval'";
    let approvals = to_json(&approvals, "deployments.approvals")?;
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(id)
        .bind(approvals)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}
