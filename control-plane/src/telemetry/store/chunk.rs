//! Rows of `sample_chunks`. A chunk begins with an hour and never goes beyond its UTC day.

use muster_base::{HostId, OrgId, UnixMs};
use muster_metrics::Period;
use sqlx::AssertSqlSafe;

use super::partition;
use crate::{
    db::{Db, DbError, Tx},
    with_pool, with_tx,
};

/// Which hours a chunk is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub(in crate::telemetry) struct Span {
    /// Start of its first hour.
    pub(in crate::telemetry) hour: UnixMs,
    /// From there on.
    pub(in crate::telemetry) hours: i64,
    pub(in crate::telemetry) samples: i64,
    pub(in crate::telemetry) bytes: i64,
}

impl Span {
    pub(in crate::telemetry) fn covers(&self, at: UnixMs) -> bool {
        (self.hour..self.end()).contains(&at)
    }

    pub(in crate::telemetry) fn end(&self) -> UnixMs {
        self.hour.plus_ms(self.hours * UnixMs::HOUR)
    }
}

// 3600000 ms are an hour.
pub(super) const LIST: &str = "select hour, chunk from sample_chunks \
    where host_id = $1 and hour >= $2 and hour < $3 and hour + hours * 3600000 > $4 and org_id = $5 order by hour";

/// The chunks of a host that hold something of a time or later and before another, oldest first.
pub(in crate::telemetry) async fn list(
    db: &Db,
    org: OrgId,
    host: HostId,
    from: UnixMs,
    to: UnixMs,
) -> Result<Vec<(UnixMs, Vec<u8>)>, DbError> {
    Ok(with_pool!(db, |pool| sqlx::query_as(LIST)
        .bind(host)
        .bind(Period::Day.start_of(from))
        .bind(to)
        .bind(from)
        .bind(org)
        .fetch_all(pool)
        .await)?)
}

/// The chunk that an hour is in, if there is one.
pub(in crate::telemetry) async fn find(
    db: &Db,
    org: OrgId,
    host: HostId,
    hour: UnixMs,
) -> Result<Option<(Span, Vec<u8>)>, DbError> {
    const SQL: &str = "select hour, hours, samples, chunk from sample_chunks where host_id = $1 and hour >= $2 \
        and hour <= $3 and hour + hours * 3600000 > $3 and org_id = $4";
    let row: Option<(UnixMs, i64, i64, Vec<u8>)> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(host)
        .bind(Period::Day.start_of(hour))
        .bind(hour)
        .bind(org)
        .fetch_optional(pool)
        .await)?;
    Ok(row.map(|(hour, hours, samples, chunk)| {
        let bytes = i64::try_from(chunk.len()).unwrap_or(i64::MAX);
        let span = Span {
            hour,
            hours,
            samples,
            bytes,
        };
        (span, chunk)
    }))
}

/// What chunks of a host there are, oldest first.
pub(in crate::telemetry) async fn spans(db: &Db, org: OrgId, host: HostId) -> Result<Vec<Span>, DbError> {
    const SQL: &str = "select hour, hours, samples, cast(length(chunk) as bigint) as bytes from sample_chunks \
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
    pub(in crate::telemetry) hours: i64,
    pub(in crate::telemetry) samples: i64,
    pub(in crate::telemetry) chunk: Vec<u8>,
}

/// Puts a chunk in the place of `before`, which begins with the same hour (none: of no chunk). Says whether that was
/// still so.
pub(in crate::telemetry) async fn put(
    tx: &mut Tx,
    row: &ChunkRow,
    before: Option<Span>,
) -> Result<bool, DbError> {
    const INSERT: &str = "insert into sample_chunks (host_id, hour, org_id, hours, samples, chunk) \
        values ($1, $2, $3, $4, $5, $6) on conflict (host_id, hour) do nothing";
    const UPDATE: &str = "update sample_chunks set hours = $4, samples = $5, chunk = $6 \
        where host_id = $1 and hour = $2 and org_id = $3 and hours = $7 and samples = $8";
    let done = with_tx!(tx, |conn| {
        let query = sqlx::query(if before.is_some() { UPDATE } else { INSERT })
            .bind(row.host)
            .bind(row.hour)
            .bind(row.org)
            .bind(row.hours)
            .bind(row.samples)
            .bind(&row.chunk);
        let query = match before {
            Some(before) => query.bind(before.hours).bind(before.samples),
            None => query,
        };
        query.execute(conn).await?.rows_affected()
    });
    Ok(done == 1)
}

/// Deletes the chunks of a host that begin after one hour and before another and hold so many samples together. Says
/// whether those were all.
pub(in crate::telemetry) async fn delete_merged(
    tx: &mut Tx,
    host: HostId,
    (after, before): (UnixMs, UnixMs),
    chunks: usize,
    samples: i64,
) -> Result<bool, DbError> {
    const SQL: &str =
        "delete from sample_chunks where host_id = $1 and hour > $2 and hour < $3 returning samples";
    let gone: Vec<i64> = with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(host)
        .bind(after)
        .bind(before)
        .fetch_all(conn)
        .await?);
    Ok(gone.len() == chunks && gone.iter().sum::<i64>() == samples)
}

/// Deletes the chunks of an org that end before this hour or with its start; of all, where partitions do not do it.
pub(in crate::telemetry) async fn delete_before(
    tx: &mut Tx,
    whose: Option<OrgId>,
    hour: UnixMs,
) -> Result<(), DbError> {
    let table = partition::to_prune(tx, "sample_chunks", whose);
    let sql = format!(
        "delete from {table} where hour < $1 and hour + hours * 3600000 <= $1 and ($2 is null or org_id = $2)"
    );
    with_tx!(tx, |conn| {
        sqlx::query(AssertSqlSafe(sql))
            .bind(hour)
            .bind(whose)
            .execute(conn)
            .await?;
    });
    Ok(())
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
