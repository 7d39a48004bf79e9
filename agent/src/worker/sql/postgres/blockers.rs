//! Who stands in a release's way.

use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};
use tokio::time::timeout;

use super::{
    super::{
        CONNECT_TIMEOUT,
        wait::{Holder, holders},
    },
    session::LOCK,
};

type Row = (i32, Option<String>, Option<String>, Option<String>, Option<i64>);

/// The sessions that hold what the session `pid` waits for. Asked from outside: `pid` itself is busy waiting.
pub(super) async fn of(options: &PgConnectOptions, pid: i32) -> Option<String> {
    const SQL: &str = "select pid, usename::text, application_name, host(client_addr),
            extract(epoch from now() - xact_start)::bigint
         from pg_catalog.pg_stat_activity where pid = any (pg_catalog.pg_blocking_pids($1))
         order by xact_start nulls last limit 3";
    let looking = async {
        let mut conn = PgConnection::connect_with(options).await?;
        let rows: Vec<Row> = sqlx::query_as(SQL).bind(pid).fetch_all(&mut conn).await?;
        conn.close().await?;
        Ok::<_, sqlx::Error>(rows)
    };
    seen(timeout(CONNECT_TIMEOUT, looking).await.ok()?)
}

/// The session that holds the database's release lock.
pub(super) async fn of_release(conn: &mut PgConnection) -> Option<String> {
    const SQL: &str = "select a.pid, a.usename::text, a.application_name, host(a.client_addr), null::bigint
         from pg_catalog.pg_locks l join pg_catalog.pg_stat_activity a on a.pid = l.pid
         where l.locktype = 'advisory' and l.granted and l.classid::bigint = $1 and l.objid::bigint = $2
            and l.database = (select oid from pg_catalog.pg_database where datname = current_database())";
    let looking = sqlx::query_as(SQL)
        .bind(i64::from(LOCK.0))
        .bind(i64::from(LOCK.1))
        .fetch_all(conn);
    seen(timeout(CONNECT_TIMEOUT, looking).await.ok()?)
}

fn seen(rows: Result<Vec<Row>, sqlx::Error>) -> Option<String> {
    let rows = rows
        .inspect_err(|error| tracing::debug!("who holds a lock can't be seen: {error}"))
        .ok()?;
    let found = rows.into_iter().map(|(id, user, program, from, seconds)| Holder {
        id: i64::from(id),
        user,
        program,
        from,
        seconds,
    });
    holders(found.collect())
}
