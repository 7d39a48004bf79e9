//! Our session as another one sees it: what it does, who stands in its way, and how it is stopped.

use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};
use tokio::time::timeout;

use super::{
    super::{
        CONNECT_TIMEOUT,
        wait::{self, Holder, Look, holders},
    },
    session::LOCK,
};

type Row = (i32, Option<String>, Option<String>, Option<String>, Option<i64>);

/// A session of ours.
pub(super) struct Outside {
    pub(super) options: PgConnectOptions,
    /// Its backend. The number may be somebody else's later.
    pub(super) pid: i32,
    /// When that began, as the server says it.
    pub(super) began: Option<String>,
}

impl Outside {
    async fn tell(&self, sql: &'static str) {
        let telling = async {
            let mut conn = PgConnection::connect_with(&self.options).await?;
            sqlx::query(sql)
                .bind(self.pid)
                .bind(&self.began)
                .execute(&mut conn)
                .await?;
            conn.close().await
        };
        if !matches!(timeout(CONNECT_TIMEOUT, telling).await, Ok(Ok(()))) {
            tracing::warn!(
                "the server could not be told to stop a running statement or an abandoned session"
            );
        }
    }
}

impl wait::Outside for Outside {
    async fn look(&self) -> Look {
        look(&self.options, self.pid).await
    }

    async fn stop(&self) {
        self.tell(
            "select pg_cancel_backend(pid) from pg_catalog.pg_stat_activity
             where pid = $1 and extract(epoch from backend_start)::text = $2",
        )
        .await;
    }

    async fn end(&self) {
        self.tell(
            "select pg_terminate_backend(pid) from pg_catalog.pg_stat_activity
             where pid = $1 and extract(epoch from backend_start)::text = $2",
        )
        .await;
    }
}

async fn look(options: &PgConnectOptions, pid: i32) -> Look {
    const STATE: &str = "select coalesce(state, '') from pg_catalog.pg_stat_activity where pid = $1";
    const SQL: &str = "select pid, usename::text, application_name, host(client_addr),
            extract(epoch from now() - xact_start)::bigint
         from pg_catalog.pg_stat_activity where pid = any (pg_catalog.pg_blocking_pids($1))
         order by xact_start nulls last limit 3";
    let looking = async {
        let mut conn = PgConnection::connect_with(options).await?;
        let state: Option<String> = sqlx::query_scalar(STATE)
            .bind(pid)
            .fetch_optional(&mut conn)
            .await?;
        // `idle`, `idle in transaction`, `idle in transaction (aborted)`.
        let idle = state.is_none_or(|state| state.starts_with("idle"));
        let rows: Vec<Row> = sqlx::query_as(SQL).bind(pid).fetch_all(&mut conn).await?;
        conn.close().await?;
        Ok::<_, sqlx::Error>((idle, rows))
    };
    match timeout(CONNECT_TIMEOUT, looking).await {
        Ok(Ok((true, _))) => Look::Idle,
        Ok(Ok((false, rows))) => Look::Busy(seen(Ok(rows))),
        Ok(Err(error)) => {
            tracing::debug!("what a statement waits for can't be seen: {error}");
            Look::Unknown
        }
        Err(_) => Look::Unknown,
    }
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
