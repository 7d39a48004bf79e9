//! `deployments`, as the driver looks at them: whose turn it is, who prepares it.

use muster_base::{ApplicationId, DeploymentId, OrgId, UnixMs};

use crate::{
    db::{Db, DbError, Tx},
    delivery::window::WindowWait,
    with_pool, with_tx,
};

/// Every org's deployments whose turn has come: pending, nothing runs in the same place, and no window is waited for.
/// Oldest first.
pub async fn list_startable(db: &Db, now: UnixMs, limit: i64) -> Result<Vec<(OrgId, DeploymentId)>, DbError> {
    const SQL: &str = "select p.org_id, p.id from deployments p where p.status = 'pending' \
        and (p.look_at is null or p.look_at <= $2) and not exists \
        (select 1 from deployments r where r.application_id = p.application_id and r.environment = p.environment \
        and r.status = 'running') order by p.id limit $1";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(limit)
        .bind(now)
        .fetch_all(pool)
        .await)?)
}

/// Every org's deployments that run without orders and that nobody is preparing.
pub async fn list_unprepared(
    db: &Db,
    now: UnixMs,
    limit: i64,
) -> Result<Vec<(OrgId, DeploymentId)>, DbError> {
    const SQL: &str = "select org_id, id from deployments where status = 'running' and not prepared \
        and lease_until < $1 order by id limit $2";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(now)
        .bind(limit)
        .fetch_all(pool)
        .await)?)
}

/// Every org's deployments whose failure nobody was told of.
pub async fn list_untold(db: &Db, limit: i64) -> Result<Vec<(OrgId, DeploymentId)>, DbError> {
    const SQL: &str = "select org_id, id from deployments where not told order by id limit $1";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(limit)
        .fetch_all(pool)
        .await)?)
}

/// Its failure is told by the caller; false if somebody else did.
pub async fn set_told(tx: &mut Tx, org: OrgId, id: DeploymentId) -> Result<bool, DbError> {
    const SQL: &str = "update deployments set told = $3 where org_id = $1 and id = $2 and not told";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(id)
        .bind(true)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

/// Makes a pending deployment run, leased to the caller until `lease`.
pub async fn start(
    tx: &mut Tx,
    org: OrgId,
    id: DeploymentId,
    now: UnixMs,
    lease: UnixMs,
) -> Result<bool, DbError> {
    const SQL: &str = "update deployments set status = 'running', started_at = $3, lease_until = $4, look_at = null, opens_at = null \
        where org_id = $1 and id = $2 and status = 'pending' and not exists \
        (select 1 from deployments r where r.application_id = deployments.application_id \
        and r.environment = deployments.environment and r.status = 'running')";
    changed(tx, SQL, org, id, now, lease).await
}

/// Takes over the preparation of a running deployment whose lease has ended.
pub async fn lease(
    tx: &mut Tx,
    org: OrgId,
    id: DeploymentId,
    now: UnixMs,
    lease: UnixMs,
) -> Result<bool, DbError> {
    const SQL: &str = "update deployments set lease_until = $4 where org_id = $1 and id = $2 \
        and status = 'running' and not prepared and lease_until < $3";
    changed(tx, SQL, org, id, now, lease).await
}

/// Whoever prepares goes on preparing until `lease`.
pub async fn renew(tx: &mut Tx, org: OrgId, id: DeploymentId, lease: UnixMs) -> Result<(), DbError> {
    const SQL: &str = "update deployments set lease_until = $3 where org_id = $1 and id = $2 \
        and status = 'running' and not prepared";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(id)
            .bind(lease)
            .execute(conn)
            .await?;
    });
    Ok(())
}

async fn changed(
    tx: &mut Tx,
    sql: &'static str,
    org: OrgId,
    id: DeploymentId,
    now: UnixMs,
    lease: UnixMs,
) -> Result<bool, DbError> {
    let rows = with_tx!(tx, |conn| sqlx::query(sql)
        .bind(org)
        .bind(id)
        .bind(now)
        .bind(lease)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

/// The orders are made. False if it is not running any more, or somebody else made them.
pub async fn set_prepared(
    tx: &mut Tx,
    org: OrgId,
    id: DeploymentId,
    (digest, batches, bytes): (Option<&str>, i64, Option<i64>),
) -> Result<bool, DbError> {
    const SQL: &str = "update deployments set prepared = true, digest = coalesce($3, digest), batches = $4, image_bytes = $5 \
        where org_id = $1 and id = $2 and status = 'running' and not prepared and not cancel_asked";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(id)
        .bind(digest)
        .bind(batches)
        .bind(bytes)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

/// The deployment that holds this place, if one runs.
pub async fn holder(
    tx: &mut Tx,
    org: OrgId,
    application: ApplicationId,
    environment: &str,
) -> Result<Option<DeploymentId>, DbError> {
    const SQL: &str = "select id from deployments where org_id = $1 and application_id = $2 and environment = $3 \
        and status = 'running'";
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(org)
        .bind(application)
        .bind(environment)
        .fetch_optional(conn)
        .await)?)
}

/// It waits for a window.
pub async fn wait_for_window(
    tx: &mut Tx,
    org: OrgId,
    id: DeploymentId,
    wait: WindowWait,
) -> Result<(), DbError> {
    const SQL: &str = "update deployments set look_at = $3, opens_at = $4 \
        where org_id = $1 and id = $2 and status = 'pending'";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(id)
            .bind(wait.look_at)
            .bind(wait.opens)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// It waits for no window any more.
pub async fn override_window(tx: &mut Tx, org: OrgId, id: DeploymentId, reason: &str) -> Result<(), DbError> {
    const SQL: &str = "update deployments set look_at = null, opens_at = null, override_reason = $3 \
        where org_id = $1 and id = $2 and status = 'pending'";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(id)
            .bind(reason)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// The deployment that began last in this place.
pub async fn last_begun(
    tx: &mut Tx,
    org: OrgId,
    application: ApplicationId,
    environment: &str,
) -> Result<Option<DeploymentId>, DbError> {
    const SQL: &str = "select id from deployments where org_id = $1 and application_id = $2 and environment = $3 \
        and started_at is not null order by started_at desc, id desc limit 1";
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(org)
        .bind(application)
        .bind(environment)
        .fetch_optional(conn)
        .await?))
}

/// When it began, as another system says.
pub async fn set_started(tx: &mut Tx, org: OrgId, id: DeploymentId, at: UnixMs) -> Result<(), DbError> {
    const SQL: &str = "update deployments set started_at = $3 where org_id = $1 and id = $2";
    with_tx!(tx, |conn| {
        sqlx::query(SQL).bind(org).bind(id).bind(at).execute(conn).await?;
    });
    Ok(())
}
