//! Alerts of a host, for its charts.

use muster_base::{AlertId, UnixMs};

use crate::{
    db::{Db, DbError},
    telemetry::{Annotation, HostPast},
    with_pool,
};

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
pub(crate) async fn annotations(db: &Db, wanted: &HostPast<'_>) -> Result<Vec<Annotation>, DbError> {
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
