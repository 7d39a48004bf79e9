//! `deployments` and `deployment_hosts`, as rollouts go on.

use muster_base::{DeploymentId, HostId, OrderId, OrgId, UnixMs};
use sqlx::AssertSqlSafe;

use super::to_json;
use crate::{
    db::{Db, DbError, Tx},
    delivery::deployment::{Deployment, Phase, Status},
    with_pool, with_tx,
};

/// Every org's deployments that may have a step to take: hosts that were not asked yet, hosts that are to go back, or
/// none that is at work.
pub async fn list_due(db: &Db, limit: i64) -> Result<Vec<(OrgId, DeploymentId)>, DbError> {
    const SQL: &str = "select d.org_id, d.id from deployments d where d.status = 'running' and d.prepared \
        and (d.phase <> 'paused' or d.cancel_asked) and (d.phase = 'rollingBack' \
        or exists (select 1 from deployment_hosts h where h.deployment_id = d.id and h.order_id is null \
        and h.ended_at is null) \
        or not exists (select 1 from deployment_hosts h where h.deployment_id = d.id and h.ended_at is null)) \
        order by d.id limit $1";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(limit)
        .fetch_all(pool)
        .await)?)
}

/// Orders of deployments that were called off, and that have not ended at their hosts.
pub async fn list_called_off(db: &Db, limit: i64) -> Result<Vec<OrderId>, DbError> {
    const SQL: &str = "select h.order_id from deployments d join deployment_hosts h on h.deployment_id = d.id \
        where d.status = 'running' and d.cancel_asked and h.order_id is not null and h.ended_at is null \
        order by d.id, h.host_id limit $1";
    Ok(with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .bind(limit)
        .fetch_all(pool)
        .await)?)
}

pub async fn set_phase(tx: &mut Tx, org: OrgId, id: DeploymentId, phase: Phase) -> Result<(), DbError> {
    const SQL: &str = "update deployments set phase = $3, pause_asked = false where org_id = $1 and id = $2";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(id)
            .bind(phase.as_str())
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub async fn ask_pause(tx: &mut Tx, org: OrgId, id: DeploymentId) -> Result<(), DbError> {
    const SQL: &str = "update deployments set pause_asked = true where org_id = $1 and id = $2";
    with_tx!(tx, |conn| {
        sqlx::query(SQL).bind(org).bind(id).execute(conn).await?;
    });
    Ok(())
}

pub async fn begin_batch(tx: &mut Tx, org: OrgId, id: DeploymentId, batch: i64) -> Result<(), DbError> {
    const SQL: &str = "update deployments set phase = 'rolling', pause_asked = false, batch = $3 \
        where org_id = $1 and id = $2";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(id)
            .bind(batch)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// The host has its order.
pub async fn set_order(tx: &mut Tx, id: DeploymentId, host: HostId, order: OrderId) -> Result<(), DbError> {
    const SQL: &str = "update deployment_hosts set order_id = $3 where deployment_id = $1 and host_id = $2 and order_id is null";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(id)
            .bind(host)
            .bind(order)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Ends hosts that were not asked: these, or all of them.
pub async fn end_unordered(
    tx: &mut Tx,
    id: DeploymentId,
    hosts: Option<&[HostId]>,
    status: Status,
    why: &str,
    now: UnixMs,
) -> Result<(), DbError> {
    let among = match hosts {
        Some(_) => tx.id_among("host_id", 5),
        None => "$5 is null".to_owned(),
    };
    let sql = format!(
        "update deployment_hosts set status = $2, error = $3, ended_at = $4 where deployment_id = $1 \
         and order_id is null and ended_at is null and {among}"
    );
    let hosts = hosts
        .map(|hosts| to_json(&hosts, "deployment_hosts.host_id"))
        .transpose()?;
    with_tx!(tx, |conn| {
        sqlx::query(AssertSqlSafe(sql))
            .bind(id)
            .bind(status.as_str())
            .bind(why)
            .bind(now)
            .bind(hosts)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// The host is asked to go back to what the deployment `to` had put there.
pub async fn set_back(
    tx: &mut Tx,
    id: DeploymentId,
    host: HostId,
    order: OrderId,
    to: DeploymentId,
) -> Result<(), DbError> {
    const SQL: &str = "update deployment_hosts set back_order_id = $3, back_to = $4, back_status = 'pending' \
        where deployment_id = $1 and host_id = $2";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(id)
            .bind(host)
            .bind(order)
            .bind(to)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// The host can't go back.
pub async fn fail_back(tx: &mut Tx, id: DeploymentId, host: HostId, why: &str) -> Result<(), DbError> {
    const SQL: &str = "update deployment_hosts set back_status = 'failure', back_error = $3 \
        where deployment_id = $1 and host_id = $2";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(id)
            .bind(host)
            .bind(why)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// How the way back stands; one that succeeded makes the host one that was rolled back.
pub async fn note_back(
    tx: &mut Tx,
    id: DeploymentId,
    host: HostId,
    status: Status,
    (digest, error): (Option<&str>, Option<&str>),
) -> Result<(), DbError> {
    const DONE: &str = "update deployment_hosts set back_status = 'success', status = 'rolledBack', digest = $3, \
        error = coalesce(error, 'rolled back with the rest'), back_error = $4 \
        where deployment_id = $1 and host_id = $2 and back_status in ('pending', 'running')";
    const OTHER: &str = "update deployment_hosts set back_status = $3, back_error = $4 \
        where deployment_id = $1 and host_id = $2 and back_status in ('pending', 'running')";
    let (sql, third) = if status == Status::Success {
        (DONE, digest)
    } else {
        (OTHER, Some(status.as_str()))
    };
    with_tx!(tx, |conn| {
        sqlx::query(sql)
            .bind(id)
            .bind(host)
            .bind(third)
            .bind(error)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// For each of these hosts the deployment that succeeded there last before this one, in the same place. While this one
/// runs, none that comes later has begun there.
pub async fn list_before(
    db: &Db,
    deployment: &Deployment,
    hosts: &[HostId],
) -> Result<Vec<(HostId, DeploymentId)>, DbError> {
    let sql = format!(
        "select host_id, deployment_id from (select h.host_id, h.deployment_id, row_number() over \
         (partition by h.host_id order by coalesce(h.ended_at, d.created_at) desc, h.deployment_id desc) as place from deployment_hosts h \
         join deployments d on d.id = h.deployment_id where d.org_id = $1 and d.application_id = $2 \
         and d.environment = $3 and d.id <> $4 and h.status = 'success' and {}) as ranked where place = 1",
        db.id_among("h.host_id", 5)
    );
    Ok(with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(deployment.org)
        .bind(deployment.application_id)
        .bind(&deployment.environment)
        .bind(deployment.id)
        .bind(to_json(&hosts, "deployment_hosts.host_id")?)
        .fetch_all(pool)
        .await)?)
}

/// What an order of a deployment is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The new version.
    Forward,
    /// What this deployment had put there before.
    Back(DeploymentId),
}

/// What this order is for; none if the deployment has no such order.
pub async fn role_of(
    tx: &mut Tx,
    org: OrgId,
    id: DeploymentId,
    order: OrderId,
) -> Result<Option<Role>, DbError> {
    let row: Option<(Option<OrderId>, Option<DeploymentId>)> = with_tx!(tx, |conn| sqlx::query_as(ROLE)
        .bind(org)
        .bind(id)
        .bind(order)
        .fetch_optional(conn)
        .await?);
    Ok(role(row, order))
}

/// As [`role_of`], outside of a transaction.
pub async fn find_role(
    db: &Db,
    org: OrgId,
    id: DeploymentId,
    order: OrderId,
) -> Result<Option<Role>, DbError> {
    let row: Option<(Option<OrderId>, Option<DeploymentId>)> = with_pool!(db, |pool| sqlx::query_as(ROLE)
        .bind(org)
        .bind(id)
        .bind(order)
        .fetch_optional(pool)
        .await)?;
    Ok(role(row, order))
}

const ROLE: &str = "select h.back_order_id, h.back_to from deployment_hosts h \
    join deployments d on d.id = h.deployment_id where d.org_id = $1 and d.id = $2 \
    and (h.order_id = $3 or h.back_order_id = $3)";

fn role(row: Option<(Option<OrderId>, Option<DeploymentId>)>, order: OrderId) -> Option<Role> {
    row.map(|row| match row {
        (Some(back), Some(to)) if back == order => Role::Back(to),
        _ => Role::Forward,
    })
}

/// The deployment that runs in the same place, and so holds up whatever waits there.
pub async fn find_holder(db: &Db, deployment: &Deployment) -> Result<Option<DeploymentId>, DbError> {
    const SQL: &str = "select id from deployments where org_id = $1 and application_id = $2 and environment = $3 \
        and status = 'running'";
    Ok(with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .bind(deployment.org)
        .bind(deployment.application_id)
        .bind(&deployment.environment)
        .fetch_optional(pool)
        .await)?)
}
