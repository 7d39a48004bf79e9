//! Rows of `sample_chunks`.

use muster_base::{HostId, OrgId, UnixMs};

use crate::{
    db::{Db, DbError, Tx},
    with_pool, with_tx,
};

/// The chunks of a host whose hours begin at a time or later and before another, oldest first.
pub(in crate::telemetry) async fn list(
    db: &Db,
    org: OrgId,
    host: HostId,
    from: UnixMs,
    to: UnixMs,
) -> Result<Vec<(UnixMs, Vec<u8>)>, DbError> {
    const SQL: &str = "select hour, chunk from sample_chunks \
        where host_id = $1 and hour >= $2 and hour < $3 and org_id = $4 order by hour";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(host)
        .bind(from)
        .bind(to)
        .bind(org)
        .fetch_all(pool)
        .await)?)
}

/// The chunk of an hour, with the number of samples in it.
pub(in crate::telemetry) async fn find(
    db: &Db,
    org: OrgId,
    host: HostId,
    hour: UnixMs,
) -> Result<Option<(i64, Vec<u8>)>, DbError> {
    const SQL: &str =
        "select samples, chunk from sample_chunks where host_id = $1 and hour = $2 and org_id = $3";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(host)
        .bind(hour)
        .bind(org)
        .fetch_optional(pool)
        .await)?)
}

/// The hours of a host that have chunks, with the number of samples and bytes in each.
pub(in crate::telemetry) async fn sizes(
    db: &Db,
    org: OrgId,
    host: HostId,
) -> Result<Vec<(UnixMs, i64, i64)>, DbError> {
    const SQL: &str = "select hour, samples, cast(length(chunk) as bigint) from sample_chunks \
        where host_id = $1 and org_id = $2 order by hour";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(host)
        .bind(org)
        .fetch_all(pool)
        .await)?)
}

/// A chunk as it is to be stored.
#[derive(Debug)]
pub(in crate::telemetry) struct ChunkRow {
    pub(in crate::telemetry) org: OrgId,
    pub(in crate::telemetry) host: HostId,
    pub(in crate::telemetry) hour: UnixMs,
    pub(in crate::telemetry) samples: i64,
    pub(in crate::telemetry) chunk: Vec<u8>,
}

/// Puts a chunk in the place of the one that had `before` samples (none: no chunk). Says whether it was still so.
pub(in crate::telemetry) async fn put(
    tx: &mut Tx,
    row: &ChunkRow,
    before: Option<i64>,
) -> Result<bool, DbError> {
    const INSERT: &str = "insert into sample_chunks (host_id, hour, org_id, samples, chunk) \
        values ($1, $2, $3, $4, $5) on conflict (host_id, hour) do nothing";
    const UPDATE: &str = "update sample_chunks set samples = $4, chunk = $5 \
        where host_id = $1 and hour = $2 and org_id = $3 and samples = $6";
    let done = with_tx!(tx, |conn| {
        let query = sqlx::query(if before.is_some() { UPDATE } else { INSERT })
            .bind(row.host)
            .bind(row.hour)
            .bind(row.org)
            .bind(row.samples)
            .bind(&row.chunk);
        let query = match before {
            Some(before) => query.bind(before),
            None => query,
        };
        query.execute(conn).await?.rows_affected()
    });
    Ok(done == 1)
}

/// Deletes every chunk of an hour before this one.
pub(in crate::telemetry) async fn delete_before(tx: &mut Tx, hour: UnixMs) -> Result<u64, DbError> {
    let done = with_tx!(tx, |conn| sqlx::query(
        "delete from sample_chunks where hour < $1"
    )
    .bind(hour)
    .execute(conn)
    .await?
    .rows_affected());
    Ok(done)
}

/// Deletes every chunk of a host.
pub(in crate::telemetry) async fn delete_of_host(tx: &mut Tx, host: HostId) -> Result<(), DbError> {
    with_tx!(tx, |conn| {
        sqlx::query("delete from sample_chunks where host_id = $1")
            .bind(host)
            .execute(conn)
            .await?;
    });
    Ok(())
}
