//! Executions by a host, for its charts.

use muster_base::{ExecutionId, UnixMs};
use sqlx::AssertSqlSafe;

use crate::{
    access::ObjectKind,
    db::{Db, DbError},
    telemetry::{Annotation, HostPast},
    with_pool,
};

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
pub(crate) async fn annotations(db: &Db, wanted: &HostPast<'_>) -> Result<Vec<Annotation>, DbError> {
    let sql = format!(
        "select e.id, coalesce(t.database, r.database) as database, r.version, s.label, e.status, e.started_at, \
         e.ended_at from executions e join releases r on r.id = e.release_id join db_servers s on s.id = e.server_id \
         left join ticket_servers t on t.ticket_id = r.ticket_id and t.server_id = e.server_id \
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
