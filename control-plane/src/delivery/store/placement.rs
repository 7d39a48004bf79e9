//! Rows of `placements`: what was put where last, and how it was found.

use std::collections::{BTreeMap, HashMap, HashSet};

use muster_base::{ApplicationId, DeploymentId, HostId, OrderId, OrgId, UnixMs};
use sqlx::AssertSqlSafe;

use super::{from_json, to_json};
use crate::{
    db::{Db, DbError, Tx},
    delivery::{
        deployment::{Deployment, TriggerType},
        environment::ApplicationEnvironment,
        truth::{FoundContainer, TargetState, stays},
    },
    with_pool, with_tx,
};

/// What was put on a host last, and how it was found.
#[derive(Debug, Clone)]
pub struct Placement {
    pub application: ApplicationId,
    pub environment: String,
    pub host: HostId,
    pub org: OrgId,
    pub deployment: DeploymentId,
    pub order: OrderId,
    pub container: String,
    pub stays: bool,
    pub digest: Option<String>,
    pub placed_at: UnixMs,
    pub container_id: Option<String>,
    pub image_id: Option<String>,
    pub state: TargetState,
    pub since: UnixMs,
    pub found: Option<FoundContainer>,
    pub drift_since: Option<UnixMs>,
    pub told: bool,
    pub attempts: i64,
    pub attempted_at: Option<UnixMs>,
    pub held: Option<String>,
    /// Of the deployment.
    pub version: String,
    /// Likewise.
    pub image: String,
}

#[derive(sqlx::FromRow)]
struct Record {
    application_id: ApplicationId,
    environment: String,
    host_id: HostId,
    org_id: OrgId,
    deployment_id: DeploymentId,
    order_id: OrderId,
    container: String,
    stays: bool,
    digest: Option<String>,
    placed_at: UnixMs,
    container_id: Option<String>,
    image_id: Option<String>,
    state: String,
    since: UnixMs,
    found: Option<String>,
    drift_since: Option<UnixMs>,
    told: bool,
    attempts: i64,
    attempted_at: Option<UnixMs>,
    held: Option<String>,
    version: String,
    image: String,
}

impl TryFrom<Record> for Placement {
    type Error = DbError;

    fn try_from(record: Record) -> Result<Self, DbError> {
        Ok(Self {
            application: record.application_id,
            environment: record.environment,
            host: record.host_id,
            org: record.org_id,
            deployment: record.deployment_id,
            order: record.order_id,
            container: record.container,
            stays: record.stays,
            digest: record.digest,
            placed_at: record.placed_at,
            container_id: record.container_id,
            image_id: record.image_id,
            state: TargetState::read(&record.state)?,
            since: record.since,
            found: record
                .found
                .map(|text| from_json(&text, "placements.found"))
                .transpose()?,
            drift_since: record.drift_since,
            told: record.told,
            attempts: record.attempts,
            attempted_at: record.attempted_at,
            held: record.held,
            version: record.version,
            image: record.image,
        })
    }
}

const SELECT: &str = "select p.application_id, p.environment, p.host_id, p.org_id, p.deployment_id, p.order_id, \
    p.container, p.stays, p.digest, p.placed_at, p.container_id, p.image_id, p.state, p.since, p.found, \
    p.drift_since, p.told, p.attempts, p.attempted_at, p.held, d.version, d.image \
    from placements p join deployments d on d.id = p.deployment_id";

/// Every org's, for whoever looks at all of them.
pub async fn list_all(db: &Db) -> Result<Vec<Placement>, DbError> {
    let sql = format!("{SELECT} order by p.org_id, p.application_id, p.environment, p.host_id");
    let rows: Vec<Record> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Those of one environment of an application.
pub async fn list(
    db: &Db,
    org: OrgId,
    application: ApplicationId,
    environment: &str,
) -> Result<Vec<Placement>, DbError> {
    let sql = format!(
        "{SELECT} where p.org_id = $1 and p.application_id = $2 and p.environment = $3 order by p.host_id"
    );
    let rows: Vec<Record> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(application)
        .bind(environment)
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// An application of which something was put somewhere.
pub struct Placed {
    pub name: String,
    pub environments: BTreeMap<String, ApplicationEnvironment>,
}

/// Every org's applications of which something was put somewhere.
pub async fn list_applications(db: &Db) -> Result<HashMap<ApplicationId, Placed>, DbError> {
    const SQL: &str =
        "select id, name, environments from applications where id in (select application_id from placements)";
    let rows: Vec<(ApplicationId, String, String)> =
        with_pool!(db, |pool| sqlx::query_as(SQL).fetch_all(pool).await)?;
    rows.into_iter()
        .map(|(id, name, environments)| {
            let environments = from_json(&environments, "applications.environments")?;
            Ok((id, Placed { name, environments }))
        })
        .collect()
}

/// Every org's deployments that have not ended, by application and environment; whether one runs.
pub async fn list_unfinished(db: &Db) -> Result<HashMap<(ApplicationId, String), bool>, DbError> {
    const SQL: &str = "select application_id, environment, status = 'running' as runs from deployments \
        where status in ('pending', 'waitingApproval', 'running')";
    let rows: Vec<(ApplicationId, String, bool)> =
        with_pool!(db, |pool| sqlx::query_as(SQL).fetch_all(pool).await)?;
    let mut found = HashMap::new();
    for (application, environment, runs) in rows {
        *found.entry((application, environment)).or_default() |= runs;
    }
    Ok(found)
}

/// The host has what `deployment` says, by this order. How often the policy tried is forgotten, unless this is such a try.
pub async fn put(
    tx: &mut Tx,
    deployment: &Deployment,
    (host, order): (HostId, OrderId),
    digest: Option<&str>,
    of: TriggerType,
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "insert into placements (application_id, environment, host_id, org_id, deployment_id, order_id, \
        container, stays, digest, placed_at, state, since) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'inStep', $10) \
        on conflict (application_id, environment, host_id) do update set deployment_id = excluded.deployment_id, \
        order_id = excluded.order_id, container = excluded.container, stays = excluded.stays, \
        digest = excluded.digest, placed_at = excluded.placed_at, container_id = null, image_id = null, \
        state = 'inStep', since = excluded.since, found = null, drift_since = null, \
        attempts = case when $11 then placements.attempts else 0 end, \
        attempted_at = case when $11 then placements.attempted_at end, \
        held = case when $11 then placements.held end \
        where placements.org_id = excluded.org_id";
    let plan = &deployment.plan;
    let container = plan.container.name.as_ref().unwrap_or(&plan.application_name);
    let rows = with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(deployment.application_id)
            .bind(&deployment.environment)
            .bind(host)
            .bind(deployment.org)
            .bind(deployment.id)
            .bind(order)
            .bind(container)
            .bind(stays(plan.container.restart))
            .bind(digest)
            .bind(now)
            .bind(of == TriggerType::Reconcile)
            .execute(conn)
            .await?
            .rows_affected()
    });
    if rows == 0 {
        return Err(DbError::Corrupt("placements.org_id".to_owned()));
    }
    Ok(())
}

/// Keeps what was found, if the host still has what it was compared with.
pub async fn set_seen(tx: &mut Tx, seen: &Placement) -> Result<(), DbError> {
    const SQL: &str = "update placements set container_id = $5, image_id = $6, state = $7, since = $8, found = $9, \
        drift_since = $10, attempts = $11, held = $12 \
        where application_id = $1 and environment = $2 and host_id = $3 and order_id = $4 and org_id = $13";
    let found = seen
        .found
        .as_ref()
        .map(|found| to_json(found, "placements.found"))
        .transpose()?;
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(seen.application)
            .bind(&seen.environment)
            .bind(seen.host)
            .bind(seen.order)
            .bind(&seen.container_id)
            .bind(&seen.image_id)
            .bind(seen.state.as_str())
            .bind(seen.since)
            .bind(found)
            .bind(seen.drift_since)
            .bind(seen.attempts)
            .bind(&seen.held)
            .bind(seen.org)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// These hosts' drift is told by the caller, or that it is gone; false if somebody else told it.
pub async fn set_told(
    tx: &mut Tx,
    (org, application, environment): (OrgId, ApplicationId, &str),
    hosts: &[HostId],
    told: bool,
) -> Result<bool, DbError> {
    let sql = format!(
        "update placements set told = $3 where application_id = $1 and environment = $2 and told <> $3 \
         and org_id = $5 and {}",
        tx.id_among("host_id", 4)
    );
    let rows = with_tx!(tx, |conn| sqlx::query(AssertSqlSafe(sql))
        .bind(application)
        .bind(environment)
        .bind(told)
        .bind(to_json(&hosts, "placements.host_id")?)
        .bind(org)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows > 0)
}

/// The policy tried to put these hosts right, or says why it does not.
pub async fn note_attempt(
    tx: &mut Tx,
    (org, application, environment): (OrgId, ApplicationId, &str),
    hosts: &HashSet<HostId>,
    held: Option<&str>,
    now: UnixMs,
) -> Result<(), DbError> {
    let sql = format!(
        "update placements set attempts = attempts + 1, attempted_at = $3, held = $4 \
         where application_id = $1 and environment = $2 and org_id = $6 and {}",
        tx.id_among("host_id", 5)
    );
    with_tx!(tx, |conn| {
        sqlx::query(AssertSqlSafe(sql))
            .bind(application)
            .bind(environment)
            .bind(now)
            .bind(held)
            .bind(to_json(&hosts, "placements.host_id")?)
            .bind(org)
            .execute(conn)
            .await?;
    });
    Ok(())
}
