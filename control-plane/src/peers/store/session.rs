//! Rows of `host_sessions`. Each statement is one for all hosts that it is about.

use muster_base::{HostId, OrgId, SessionId, UnixMs};
use sqlx::{PgPool, Postgres, Transaction};
use tokio::time::Instant;
use uuid::Uuid;

use crate::db::DbError;

const COLUMNS: &str = "host_id, org_id, plane_id, session_id, address, version, signing_keys, connected_at, \
    last_report_at";

/// A host's session.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub(in crate::peers) struct SessionRow {
    pub host_id: HostId,
    pub org_id: OrgId,
    pub plane_id: Uuid,
    pub session_id: SessionId,
    pub address: String,
    pub version: i64,
    pub signing_keys: String,
    pub connected_at: UnixMs,
    pub last_report_at: UnixMs,
    /// When it began, if it is one of ours: by our own steady clock.
    #[sqlx(skip)]
    pub began: Option<Instant>,
}

/// Which rows of others give way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::peers) enum Over {
    /// Those of sessions that began before: these have just begun. They may have had to wait until they were written, so
    /// that not whoever writes last has the host, but whoever began last.
    Older,
    /// None: these sessions may be older than what is there.
    Own,
}

/// Sessions are compared by when they began by the database's clock, since those of control planes differ: its time now,
/// less what has passed by the steady clock of whoever holds the session.
pub(in crate::peers) async fn upsert(
    tx: &mut Transaction<'static, Postgres>,
    rows: &[SessionRow],
    over: Over,
) -> Result<(), DbError> {
    const SQL: &str = "insert into host_sessions \
        (host_id, org_id, plane_id, session_id, address, version, signing_keys, connected_at, last_report_at, began_at) \
        select host_id, org_id, plane_id, session_id, address, version, signing_keys, connected_at, last_report_at, \
        (extract(epoch from statement_timestamp()) * 1000)::bigint - age_ms \
        from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::bigint[], $7::text[], \
        $8::bigint[], $9::bigint[], $10::bigint[]) as given (host_id, org_id, plane_id, session_id, address, version, \
        signing_keys, connected_at, last_report_at, age_ms) \
        on conflict (host_id) do update set org_id = excluded.org_id, plane_id = excluded.plane_id, \
        session_id = excluded.session_id, address = excluded.address, version = excluded.version, \
        signing_keys = excluded.signing_keys, connected_at = excluded.connected_at, \
        last_report_at = excluded.last_report_at, began_at = case \
        when host_sessions.session_id = excluded.session_id then host_sessions.began_at else excluded.began_at end \
        where host_sessions.plane_id = excluded.plane_id or ($11 and host_sessions.began_at <= excluded.began_at)";
    let age_ms = |row: &SessionRow| {
        let age = row.began.map_or(0, |began| began.elapsed().as_millis());
        i64::try_from(age).unwrap_or(i64::MAX)
    };
    sqlx::query(SQL)
        .bind(column(rows, |row| *row.host_id.as_uuid()))
        .bind(column(rows, |row| *row.org_id.as_uuid()))
        .bind(column(rows, |row| row.plane_id))
        .bind(column(rows, |row| *row.session_id.as_uuid()))
        .bind(column(rows, |row| row.address.clone()))
        .bind(column(rows, |row| row.version))
        .bind(column(rows, |row| row.signing_keys.clone()))
        .bind(column(rows, |row| row.connected_at.0))
        .bind(column(rows, |row| row.last_report_at.0))
        .bind(column(rows, age_ms))
        .bind(over == Over::Older)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Deletes the rows of these hosts that are this control plane's.
pub(in crate::peers) async fn delete(
    tx: &mut Transaction<'static, Postgres>,
    plane: Uuid,
    hosts: &[HostId],
) -> Result<(), DbError> {
    const SQL: &str = "delete from host_sessions where plane_id = $1 and host_id = any($2::uuid[])";
    sqlx::query(SQL)
        .bind(plane)
        .bind(column(hosts, |host| *host.as_uuid()))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Deletes this control plane's rows of other hosts than these.
pub(in crate::peers) async fn delete_all_but(
    tx: &mut Transaction<'static, Postgres>,
    plane: Uuid,
    hosts: &[HostId],
) -> Result<(), DbError> {
    const SQL: &str = "delete from host_sessions where plane_id = $1 and host_id <> all($2::uuid[])";
    sqlx::query(SQL)
        .bind(plane)
        .bind(column(hosts, |host| *host.as_uuid()))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Deletes what control planes left behind that gave no sign of life since then.
pub(in crate::peers) async fn delete_orphans(pool: &PgPool, since: UnixMs) -> Result<(), DbError> {
    const SQL: &str = "delete from host_sessions \
        where plane_id not in (select id from control_planes where seen_at >= $1)";
    sqlx::query(SQL).bind(since).execute(pool).await?;
    Ok(())
}

/// The sessions at other control planes.
pub(in crate::peers) async fn elsewhere(pool: &PgPool, but: Uuid) -> Result<Vec<SessionRow>, DbError> {
    let sql = format!("select {COLUMNS} from host_sessions where plane_id <> $1");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(but)
        .fetch_all(pool)
        .await?)
}

/// The sessions of these hosts, wherever they are.
pub(in crate::peers) async fn of_hosts(pool: &PgPool, hosts: &[HostId]) -> Result<Vec<SessionRow>, DbError> {
    let sql = format!("select {COLUMNS} from host_sessions where host_id = any($1::uuid[])");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(column(hosts, |host| *host.as_uuid()))
        .fetch_all(pool)
        .await?)
}

fn column<T, V>(rows: &[T], of: impl Fn(&T) -> V) -> Vec<V> {
    rows.iter().map(of).collect()
}
