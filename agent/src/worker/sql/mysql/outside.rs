//! Our session as another one sees it: what it does, who stands in its way, and how it is stopped. A user without the
//! PROCESS privilege sees nobody else.

use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection, mysql::MySqlConnectOptions};
use tokio::time::timeout;

use super::super::{
    CONNECT_TIMEOUT,
    wait::{self, Holder, Look, holders},
};

type Row = (u64, Option<String>, Option<String>, Option<i64>);

/// Whoever holds the row that the session waits for.
const ROWS_MARIADB: &str = "select cast(b.trx_mysql_thread_id as unsigned), p.user, p.host,
        cast(timestampdiff(second, b.trx_started, now()) as signed)
     from information_schema.innodb_lock_waits w
     join information_schema.innodb_trx r on r.trx_id = w.requesting_trx_id
     join information_schema.innodb_trx b on b.trx_id = w.blocking_trx_id
     left join information_schema.processlist p on p.id = b.trx_mysql_thread_id
     where r.trx_mysql_thread_id = ? order by b.trx_started limit 3";
const ROWS_MYSQL: &str = "select cast(b.trx_mysql_thread_id as unsigned), p.user, p.host,
        cast(timestampdiff(second, b.trx_started, now()) as signed)
     from performance_schema.data_lock_waits w
     join information_schema.innodb_trx r on r.trx_id = w.requesting_engine_transaction_id
     join information_schema.innodb_trx b on b.trx_id = w.blocking_engine_transaction_id
     left join information_schema.processlist p on p.id = b.trx_mysql_thread_id
     where r.trx_mysql_thread_id = ? order by b.trx_started limit 3";
/// A definition waits for whole tables, and who uses them the server tells nobody: any open transaction may be it, those
/// of sessions in the same database first.
const TABLES: &str = "select cast(t.trx_mysql_thread_id as unsigned), p.user, p.host,
        cast(timestampdiff(second, t.trx_started, now()) as signed)
     from information_schema.innodb_trx t
     left join information_schema.processlist p on p.id = t.trx_mysql_thread_id
     where t.trx_mysql_thread_id <> ?
        and exists (select 1 from information_schema.processlist me
            where me.id = ? and me.state like 'Waiting for%lock%')
     order by coalesce(p.db = (select db from information_schema.processlist where id = ?), false) desc,
        t.trx_started limit 3";

/// What a session does; a user sees their own sessions without any privilege.
const COMMAND: &str = "select cast(command as char) from information_schema.processlist where id = ?";

/// A session of ours.
pub(super) struct Outside {
    pub(super) options: MySqlConnectOptions,
    /// Its connection id. A server that was restarted may give it to somebody else.
    pub(super) id: u64,
    /// The name of a lock that no other session ever has.
    pub(super) mark: String,
    pub(super) is_mariadb: bool,
}

impl Outside {
    /// Tells the server to kill the session's statement, or the session. Nobody else's.
    async fn kill(&self, what: &str) {
        let telling = async {
            let mut conn = MySqlConnection::connect_with(&self.options).await?;
            let bearer: Option<u64> = sqlx::query_scalar("select cast(is_used_lock(?) as unsigned)")
                .bind(&self.mark)
                .fetch_one(&mut conn)
                .await?;
            if bearer == Some(self.id) {
                let sql = format!("kill {what} {}", self.id);
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut conn).await?;
            }
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
        look(&self.options, self.id, self.is_mariadb).await
    }

    async fn stop(&self) {
        self.kill("query").await;
    }

    async fn end(&self) {
        self.kill("connection").await;
    }
}

async fn look(options: &MySqlConnectOptions, id: u64, is_mariadb: bool) -> Look {
    let looking = async {
        let mut conn = MySqlConnection::connect_with(options).await?;
        let command: Option<String> = sqlx::query_scalar(COMMAND)
            .bind(id)
            .fetch_optional(&mut conn)
            .await?;
        let idle = command.is_none_or(|command| command == "Sleep");
        let who = who(&mut conn, id, is_mariadb).await;
        conn.close().await?;
        Ok::<_, sqlx::Error>((idle, who))
    };
    match timeout(CONNECT_TIMEOUT, looking).await {
        Ok(Ok((true, _))) => Look::Idle,
        Ok(Ok((false, who))) => Look::Busy(who),
        Ok(Err(error)) => {
            tracing::debug!("what a statement waits for can't be seen: {error}");
            Look::Unknown
        }
        Err(_) => Look::Unknown,
    }
}

/// Nobody, if this user may not see it.
async fn who(conn: &mut MySqlConnection, id: u64, is_mariadb: bool) -> Option<String> {
    let rows = if is_mariadb { ROWS_MARIADB } else { ROWS_MYSQL };
    let unseen = |error: &sqlx::Error| tracing::debug!("who holds a lock can't be seen: {error}");
    let asked: Result<Vec<Row>, _> = sqlx::query_as(rows).bind(id).fetch_all(&mut *conn).await;
    let found = asked.inspect_err(unseen).ok()?;
    if !found.is_empty() {
        return seen(found);
    }
    let asked: Result<Vec<Row>, _> = sqlx::query_as(TABLES)
        .bind(id)
        .bind(id)
        .bind(id)
        .fetch_all(conn)
        .await;
    let who = seen(asked.inspect_err(unseen).ok()?)?;
    Some(format!("one of the open transactions: {who}"))
}

/// The session that holds the database's release lock.
pub(super) async fn of_release(conn: &mut MySqlConnection, name: &str) -> Option<String> {
    const SQL: &str = "select cast(p.id as unsigned), p.user, p.host, cast(null as signed)
         from information_schema.processlist p where p.id = is_used_lock(?)";
    let looking = sqlx::query_as(SQL).bind(name).fetch_all(conn);
    seen(timeout(CONNECT_TIMEOUT, looking).await.ok()?.ok()?)
}

fn seen(rows: Vec<Row>) -> Option<String> {
    let found = rows.into_iter().map(|(id, user, from, seconds)| Holder {
        id: i64::try_from(id).unwrap_or(i64::MAX),
        user,
        program: None,
        from,
        seconds,
    });
    holders(found.collect())
}
