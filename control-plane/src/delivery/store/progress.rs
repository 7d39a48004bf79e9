//! `deployment_hosts`, `deployment_steps`, `deployment_events`.

use muster_base::{DeploymentId, HostId, OrderId, OrgId, UnixMs};
use uuid::Uuid;

use crate::{
    db::{Db, DbError, Tx},
    delivery::{
        deployment::{DeploymentHost, DeploymentStep, HostBack, Status, StepStatus},
        events::{Event, EventKind},
    },
    with_pool, with_tx,
};

pub async fn insert_host(
    tx: &mut Tx,
    deployment: DeploymentId,
    host: HostId,
    name: &str,
    batch: i64,
) -> Result<(), DbError> {
    const SQL: &str = "insert into deployment_hosts (deployment_id, host_id, host_name, batch, status) \
        values ($1, $2, $3, $4, 'pending')";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(deployment)
            .bind(host)
            .bind(name)
            .bind(batch)
            .execute(conn)
            .await?;
    });
    Ok(())
}

#[derive(sqlx::FromRow)]
struct HostRecord {
    host_id: HostId,
    host_name: String,
    batch: i64,
    order_id: Option<OrderId>,
    status: String,
    digest: Option<String>,
    error: Option<String>,
    started_at: Option<UnixMs>,
    ended_at: Option<UnixMs>,
    back_order_id: Option<OrderId>,
    back_to: Option<DeploymentId>,
    back_status: Option<String>,
    back_error: Option<String>,
}

impl TryFrom<HostRecord> for DeploymentHost {
    type Error = DbError;

    fn try_from(record: HostRecord) -> Result<Self, DbError> {
        let back = record.back_status.map(|status| {
            Ok::<_, DbError>(HostBack {
                status: Status::read(&status)?,
                order_id: record.back_order_id,
                to: record.back_to,
                error: record.back_error,
            })
        });
        Ok(Self {
            host_id: record.host_id,
            host_name: record.host_name,
            batch: record.batch,
            order_id: record.order_id,
            status: Status::read(&record.status)?,
            digest: record.digest,
            error: record.error,
            started_at: record.started_at,
            ended_at: record.ended_at,
            back: back.transpose()?,
        })
    }
}

const HOSTS: &str = "select host_id, host_name, batch, order_id, status, digest, error, started_at, ended_at, \
    back_order_id, back_to, back_status, back_error \
    from deployment_hosts where deployment_id = $1 order by batch, host_name, host_id";

pub async fn list_hosts(db: &Db, deployment: DeploymentId) -> Result<Vec<DeploymentHost>, DbError> {
    let rows: Vec<HostRecord> = with_pool!(db, |pool| sqlx::query_as(HOSTS)
        .bind(deployment)
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

pub async fn list_hosts_in(tx: &mut Tx, deployment: DeploymentId) -> Result<Vec<DeploymentHost>, DbError> {
    let rows: Vec<HostRecord> = with_tx!(tx, |conn| sqlx::query_as(HOSTS)
        .bind(deployment)
        .fetch_all(conn)
        .await?);
    rows.into_iter().map(TryInto::try_into).collect()
}

pub async fn set_host_running(
    tx: &mut Tx,
    deployment: DeploymentId,
    host: HostId,
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "update deployment_hosts set status = 'running', started_at = $3 \
        where deployment_id = $1 and host_id = $2 and status = 'pending'";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(deployment)
            .bind(host)
            .bind(now)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// How it ended on a host.
pub struct HostEnd<'a> {
    pub status: Status,
    pub digest: Option<&'a str>,
    pub error: Option<&'a str>,
    pub at: UnixMs,
}

pub async fn finish_host(
    tx: &mut Tx,
    deployment: DeploymentId,
    host: HostId,
    end: &HostEnd<'_>,
) -> Result<bool, DbError> {
    const SQL: &str = "update deployment_hosts set status = $3, digest = $4, error = $5, ended_at = $6 \
        where deployment_id = $1 and host_id = $2 and ended_at is null";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(deployment)
        .bind(host)
        .bind(end.status.as_str())
        .bind(end.digest)
        .bind(end.error)
        .bind(end.at)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

/// What the first host reports is what the others get, where nobody could say beforehand which image it is.
pub async fn pin(tx: &mut Tx, org: OrgId, deployment: DeploymentId, digest: &str) -> Result<(), DbError> {
    const SQL: &str = "update deployments set digest = $3 where org_id = $1 and id = $2 and digest is null";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(deployment)
            .bind(digest)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub async fn upsert_step(
    tx: &mut Tx,
    deployment: DeploymentId,
    step: &DeploymentStep,
) -> Result<(), DbError> {
    const SQL: &str = "insert into deployment_steps \
        (deployment_id, host_id, position, name, status, duration_ms, detail, at) \
        values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (deployment_id, host_id, position) do update set \
        name = excluded.name, status = excluded.status, duration_ms = excluded.duration_ms, \
        detail = excluded.detail, at = excluded.at";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(deployment)
            .bind(step.host_id.unwrap_or(HostId::from_uuid(Uuid::nil())))
            .bind(step.position)
            .bind(&step.name)
            .bind(step.status.as_str())
            .bind(step.duration_ms)
            .bind(&step.detail)
            .bind(step.at)
            .execute(conn)
            .await?;
    });
    Ok(())
}

#[derive(sqlx::FromRow)]
struct StepRecord {
    host_id: HostId,
    position: i64,
    name: String,
    status: String,
    duration_ms: Option<i64>,
    detail: String,
    at: UnixMs,
}

pub async fn list_steps(db: &Db, deployment: DeploymentId) -> Result<Vec<DeploymentStep>, DbError> {
    const SQL: &str = "select host_id, position, name, status, duration_ms, detail, at from deployment_steps \
        where deployment_id = $1 order by host_id, position";
    let rows: Vec<StepRecord> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(deployment)
        .fetch_all(pool)
        .await)?;
    rows.into_iter()
        .map(|record| {
            Ok(DeploymentStep {
                host_id: (!record.host_id.as_uuid().is_nil()).then_some(record.host_id),
                position: record.position,
                name: record.name,
                status: StepStatus::read(&record.status)?,
                duration_ms: record.duration_ms,
                detail: record.detail,
                at: record.at,
            })
        })
        .collect()
}

/// Appends an event. Locks the deployment's row until the transaction ends, so that numbers have no gap. False if an
/// event from the same source is there already.
pub async fn insert_event(
    tx: &mut Tx,
    deployment: DeploymentId,
    source: &str,
    at: UnixMs,
    kind: EventKind,
    data: &str,
) -> Result<bool, DbError> {
    const NEXT: &str = "update deployments set next_seq = next_seq + 1 where id = $1 returning next_seq";
    const SEEN: &str = "select count(*) from deployment_events where deployment_id = $1 and source = $2";
    const INSERT: &str = "insert into deployment_events (deployment_id, seq, source, at, kind, data) \
        values ($1, $2, $3, $4, $5, $6)";
    let inserted = with_tx!(tx, |conn| {
        let seq: i64 = sqlx::query_scalar(NEXT)
            .bind(deployment)
            .fetch_one(&mut *conn)
            .await?;
        let seen: i64 = sqlx::query_scalar(SEEN)
            .bind(deployment)
            .bind(source)
            .fetch_one(&mut *conn)
            .await?;
        if seen == 0 {
            sqlx::query(INSERT)
                .bind(deployment)
                .bind(seq)
                .bind(source)
                .bind(at)
                .bind(kind.as_str())
                .bind(data)
                .execute(conn)
                .await?;
        }
        seen == 0
    });
    Ok(inserted)
}

#[derive(sqlx::FromRow)]
struct EventRecord {
    seq: i64,
    kind: String,
    data: String,
}

/// Events after `after`, in order.
pub async fn list_events(
    db: &Db,
    deployment: DeploymentId,
    after: i64,
    limit: i64,
) -> Result<Vec<Event>, DbError> {
    const SQL: &str = "select seq, kind, data from deployment_events where deployment_id = $1 and seq > $2 \
        order by seq limit $3";
    let rows: Vec<EventRecord> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(deployment)
        .bind(after)
        .bind(limit)
        .fetch_all(pool)
        .await)?;
    rows.into_iter()
        .map(|record| {
            Ok(Event {
                seq: record.seq,
                kind: EventKind::read(&record.kind)?,
                data: record.data,
            })
        })
        .collect()
}
