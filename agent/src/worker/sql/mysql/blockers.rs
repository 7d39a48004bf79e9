//! Who stands in a release's way. A user without the PROCESS privilege sees nobody.

use sqlx::{Connection as _, MySqlConnection, mysql::MySqlConnectOptions};
use tokio::time::timeout;

use super::super::{
    CONNECT_TIMEOUT,
    wait::{Holder, holders},
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

/// The sessions that hold what the session `id` waits for. Asked from outside: `id` itself is busy waiting.
pub(super) async fn of(options: &MySqlConnectOptions, id: u64, is_mariadb: bool) -> Option<String> {
    let looking = async {
        let mut conn = MySqlConnection::connect_with(options).await?;
        let rows = if is_mariadb { ROWS_MARIADB } else { ROWS_MYSQL };
        let mut found: Vec<Row> = sqlx::query_as(rows).bind(id).fetch_all(&mut conn).await?;
        let exactly = !found.is_empty();
        if !exactly {
            found = sqlx::query_as(TABLES)
                .bind(id)
                .bind(id)
                .bind(id)
                .fetch_all(&mut conn)
                .await?;
        }
        conn.close().await?;
        Ok::<_, sqlx::Error>((exactly, found))
    };
    let (exactly, found) = timeout(CONNECT_TIMEOUT, looking)
        .await
        .ok()?
        .inspect_err(|error| tracing::debug!("who holds a lock can't be seen: {error}"))
        .ok()?;
    let who = seen(found)?;
    Some(if exactly {
        who
    } else {
        format!("one of the open transactions: {who}")
    })
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
