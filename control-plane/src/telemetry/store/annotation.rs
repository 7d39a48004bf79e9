//! What happened to a host, from the tables of the rooms that did it.

use muster_base::{AlertId, DeploymentId, ExecutionId, HostId, OrgId, UnixMs};
use sqlx::AssertSqlSafe;

use crate::{
    access::{ObjectKind, Scope},
    db::{Db, DbError},
    telemetry::annotation::Annotation,
    with_pool,
};

/// What is looked for.
pub(in crate::telemetry) struct Wanted<'a> {
    pub(in crate::telemetry) org: OrgId,
    pub(in crate::telemetry) scope: &'a Scope,
    pub(in crate::telemetry) host: HostId,
    pub(in crate::telemetry) from: UnixMs,
    pub(in crate::telemetry) to: UnixMs,
    pub(in crate::telemetry) limit: i64,
}

#[derive(sqlx::FromRow)]
struct Deployed {
    id: DeploymentId,
    name: String,
    version: String,
    environment: String,
    status: String,
    started_at: UnixMs,
    ended_at: Option<UnixMs>,
}

/// Those that began then, newest first.
pub(in crate::telemetry) async fn deployments(
    db: &Db,
    wanted: &Wanted<'_>,
) -> Result<Vec<Annotation>, DbError> {
    let sql = format!(
        "select d.id, a.name, d.version, d.environment, h.status, h.started_at, h.ended_at from deployment_hosts h \
         join deployments d on d.id = h.deployment_id join applications a on a.id = d.application_id \
         where h.host_id = $1 and h.started_at >= $2 and h.started_at < $3 and d.org_id = $4 \
         and ($6 is null or {}) and ($7 is null or {}) order by h.started_at desc limit $5",
        db.id_among("d.application_id", 6),
        db.text_among("d.environment", 7)
    );
    let rows: Vec<Deployed> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(wanted.host)
        .bind(wanted.from)
        .bind(wanted.to)
        .bind(wanted.org)
        .bind(wanted.limit)
        .bind(wanted.scope.keys(ObjectKind::Applications))
        .bind(wanted.scope.keys(ObjectKind::Environments))
        .fetch_all(pool)
        .await)?;
    let annotation = |row: Deployed| Annotation::Deployment {
        id: row.id,
        at: row.started_at,
        ended_at: row.ended_at,
        application: row.name,
        version: row.version,
        environment: row.environment,
        status: row.status,
    };
    Ok(rows.into_iter().map(annotation).collect())
}

#[derive(sqlx::FromRow)]
struct Executed {
    id: ExecutionId,
    database: String,
    version: String,
    label: String,
    status: String,
    started_at: UnixMs,
    ended_at: Option<UnixMs>,
}

/// Those that began then, newest first; none that only tried.
pub(in crate::telemetry) async fn releases(db: &Db, wanted: &Wanted<'_>) -> Result<Vec<Annotation>, DbError> {
    let sql = format!(
        "select e.id, r.database, r.version, s.label, e.status, e.started_at, e.ended_at from executions e \
         join releases r on r.id = e.release_id join db_servers s on s.id = e.server_id \
         where e.agent_id = $1 and e.started_at >= $2 and e.started_at < $3 and e.org_id = $4 and not e.dry_run \
         and ($6 is null or {}) and ($7 is null or {}) and ($8 is null or not exists (select 1 from ticket_servers ts \
         where ts.ticket_id = r.ticket_id and not {})) order by e.started_at desc limit $5",
        db.text_among("r.environment", 6),
        db.text_among("r.database", 7),
        db.id_among("ts.server_id", 8)
    );
    let rows: Vec<Executed> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(wanted.host)
        .bind(wanted.from)
        .bind(wanted.to)
        .bind(wanted.org)
        .bind(wanted.limit)
        .bind(wanted.scope.keys(ObjectKind::Environments))
        .bind(wanted.scope.keys(ObjectKind::Databases))
        .bind(wanted.scope.keys(ObjectKind::Servers))
        .fetch_all(pool)
        .await)?;
    let annotation = |row: Executed| Annotation::Release {
        id: row.id,
        at: row.started_at,
        ended_at: row.ended_at,
        database: row.database,
        version: row.version,
        server: row.label,
        status: row.status,
    };
    Ok(rows.into_iter().map(annotation).collect())
}

#[derive(sqlx::FromRow)]
struct AlertRow {
    id: AlertId,
    rule_name: String,
    container: String,
    severity: String,
    fired_at: UnixMs,
    resolved_at: Option<UnixMs>,
}

/// Those that fired at some time then, newest first.
pub(in crate::telemetry) async fn alerts(db: &Db, wanted: &Wanted<'_>) -> Result<Vec<Annotation>, DbError> {
    const SQL: &str = "select id, rule_name, container, severity, fired_at, resolved_at from alerts \
        where host_id = $1 and fired_at is not null and fired_at < $3 and (resolved_at is null or resolved_at >= $2) \
        and org_id = $4 order by fired_at desc limit $5";
    let rows: Vec<AlertRow> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(wanted.host)
        .bind(wanted.from)
        .bind(wanted.to)
        .bind(wanted.org)
        .bind(wanted.limit)
        .fetch_all(pool)
        .await)?;
    let annotation = |row: AlertRow| Annotation::Alert {
        id: row.id,
        at: row.fired_at,
        ended_at: row.resolved_at,
        rule: row.rule_name,
        container: Some(row.container).filter(|name| !name.is_empty()),
        severity: row.severity,
    };
    Ok(rows.into_iter().map(annotation).collect())
}
