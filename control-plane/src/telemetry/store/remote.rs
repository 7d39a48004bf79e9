//! Rows of `remote_written`: up to when a host's samples were taken by the receiver of remote write.

use muster_base::{HostId, UnixMs};
use sqlx::AssertSqlSafe;

use crate::{
    db::{Column, Db, DbError, Tx},
    with_pool, with_tx,
};

/// All of them.
pub(in crate::telemetry) async fn list(db: &Db) -> Result<Vec<(HostId, UnixMs)>, DbError> {
    const SQL: &str = "select host_id, until from remote_written";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL).fetch_all(pool).await)?)
}

/// Hosts that are new here; one that somebody else began stays.
pub(in crate::telemetry) async fn begin(tx: &mut Tx, hosts: &[(HostId, UnixMs)]) -> Result<(), DbError> {
    put(tx, hosts, "on conflict (host_id) do nothing").await
}

/// Moves hosts on, never back.
pub(in crate::telemetry) async fn advance(tx: &mut Tx, hosts: &[(HostId, UnixMs)]) -> Result<(), DbError> {
    let conflict = "on conflict (host_id) do update set until = excluded.until where remote_written.until < excluded.until";
    put(tx, hosts, conflict).await
}

async fn put(tx: &mut Tx, hosts: &[(HostId, UnixMs)], conflict: &str) -> Result<(), DbError> {
    let columns = [
        Column::Ids(hosts.iter().map(|(host, _)| *host.as_uuid()).collect()),
        Column::Numbers(hosts.iter().map(|(_, until)| until.0).collect()),
    ];
    tx.insert_rows("insert into remote_written (host_id, until)", &columns, conflict)
        .await
}

/// Samples of these hosts that were not taken yet and are not sealed, by host and time.
pub(in crate::telemetry) async fn fresh(
    db: &Db,
    hosts: &[HostId],
    limit: i64,
) -> Result<Vec<(HostId, UnixMs, Vec<u8>)>, DbError> {
    let sql = format!(
        "select s.host_id, s.at, s.frame from remote_written w join samples s on s.host_id = w.host_id and s.at > w.until \
         where {} order by s.host_id, s.at limit $2",
        db.id_among("w.host_id", 1)
    );
    let hosts = serde_json::to_string(hosts).map_err(|_| DbError::Corrupt("ids of hosts".to_owned()))?;
    Ok(with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(&hosts)
        .bind(limit)
        .fetch_all(pool)
        .await)?)
}

/// When the first of a host's samples from a time on was taken, or a while before that.
pub(in crate::telemetry) async fn next(
    db: &Db,
    host: HostId,
    from: UnixMs,
) -> Result<Option<UnixMs>, DbError> {
    const ROW: &str = "select min(at) from samples where host_id = $1 and at >= $2";
    // 3600000 ms are an hour.
    const CHUNK: &str =
        "select min(hour) from sample_chunks where host_id = $1 and hour + hours * 3600000 > $2";
    let row: Option<UnixMs> = with_pool!(db, |pool| sqlx::query_scalar(ROW)
        .bind(host)
        .bind(from)
        .fetch_one(pool)
        .await)?;
    let chunk: Option<UnixMs> = with_pool!(db, |pool| sqlx::query_scalar(CHUNK)
        .bind(host)
        .bind(from)
        .fetch_one(pool)
        .await)?;
    Ok([row, chunk].into_iter().flatten().min())
}

/// Forgets a host.
pub(in crate::telemetry) async fn delete_of_host(tx: &mut Tx, host: HostId) -> Result<(), DbError> {
    with_tx!(tx, |conn| {
        sqlx::query("delete from remote_written where host_id = $1")
            .bind(host)
            .execute(conn)
            .await?;
    });
    Ok(())
}
