//! Deployments to a host, for its charts.

use muster_base::{DeploymentId, UnixMs};
use sqlx::AssertSqlSafe;

use crate::{
    access::ObjectKind,
    db::{Db, DbError},
    telemetry::{Annotation, HostPast},
    with_pool,
};

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
pub(crate) async fn annotations(db: &Db, wanted: &HostPast<'_>) -> Result<Vec<Annotation>, DbError> {
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
