//! Rows of `samples`.

use muster_base::{HostId, OrgId, UnixMs};
use sqlx::AssertSqlSafe;

use super::partition;
use crate::{
    db::{Column, Db, DbError, Tx},
    telemetry::report::SampleRow,
    with_pool, with_tx,
};

/// Inserts samples; one that is there stays.
pub(in crate::telemetry) async fn insert(
    tx: &mut Tx,
    rows: &[(OrgId, HostId, &SampleRow)],
) -> Result<(), DbError> {
    let columns = [
        Column::Ids(rows.iter().map(|(_, host, _)| *host.as_uuid()).collect()),
        Column::Numbers(rows.iter().map(|(.., sample)| sample.at.0).collect()),
        Column::Ids(rows.iter().map(|(org, ..)| *org.as_uuid()).collect()),
        Column::Bytes(rows.iter().map(|(.., sample)| sample.frame.as_slice()).collect()),
    ];
    tx.insert_rows(
        "insert into samples (host_id, at, org_id, frame)",
        &columns,
        "on conflict (host_id, at) do nothing",
    )
    .await
}

pub(super) const LIST: &str = "select at, frame from samples \
    where host_id = $1 and at >= $2 and at < $3 and org_id = $4 order by at";

/// The samples of a host from a time on and before another, oldest first, with their time.
pub(in crate::telemetry) async fn list(
    db: &Db,
    org: OrgId,
    host: HostId,
    from: UnixMs,
    to: UnixMs,
) -> Result<Vec<(UnixMs, Vec<u8>)>, DbError> {
    Ok(with_pool!(db, |pool| sqlx::query_as(LIST)
        .bind(host)
        .bind(from)
        .bind(to)
        .bind(org)
        .fetch_all(pool)
        .await)?)
}

/// The times of a host's samples.
pub(in crate::telemetry) async fn times(db: &Db, org: OrgId, host: HostId) -> Result<Vec<UnixMs>, DbError> {
    const SQL: &str = "select at from samples where host_id = $1 and org_id = $2 order by at";
    Ok(with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .bind(host)
        .bind(org)
        .fetch_all(pool)
        .await)?)
}

/// The oldest sample of a host, with the org that it is of.
pub(in crate::telemetry) async fn oldest(db: &Db, host: HostId) -> Result<Option<(UnixMs, OrgId)>, DbError> {
    const SQL: &str = "select at, org_id from samples where host_id = $1 order by at limit 1";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(host)
        .fetch_optional(pool)
        .await)?)
}

/// Each host's newest sample. Made anew from all hosts only at the start.
pub(in crate::telemetry) async fn newest_of_each_host(
    db: &Db,
) -> Result<Vec<(HostId, OrgId, Vec<u8>)>, DbError> {
    const SQL: &str = "select s.host_id, s.org_id, s.frame from samples s \
        join (select host_id, max(at) as at from samples group by host_id) newest \
        on newest.host_id = s.host_id and newest.at = s.at";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL).fetch_all(pool).await)?)
}

/// Each host's newest sample, if it is newer than the one that is known. For hosts that report to another control plane,
/// so only PostgreSQL has any.
pub(in crate::telemetry) async fn newest_after(
    db: &Db,
    hosts: &[(HostId, UnixMs)],
) -> Result<Vec<(HostId, OrgId, Vec<u8>)>, DbError> {
    const SQL: &str = "select asked.host, newest.org_id, newest.frame \
        from unnest($1::uuid[], $2::bigint[]) as asked(host, known) \
        cross join lateral (select org_id, frame from samples \
        where host_id = asked.host and at > asked.known order by at desc limit 1) newest";
    let Db::Postgres(pool) = db else {
        return Ok(Vec::new());
    };
    let ids: Vec<_> = hosts.iter().map(|(host, _)| *host.as_uuid()).collect();
    let known: Vec<_> = hosts.iter().map(|(_, at)| at.0).collect();
    Ok(sqlx::query_as(SQL).bind(ids).bind(known).fetch_all(pool).await?)
}

/// Deletes a host's samples from a time on and before another; how many there were.
pub(in crate::telemetry) async fn delete(
    tx: &mut Tx,
    host: HostId,
    from: UnixMs,
    to: UnixMs,
) -> Result<u64, DbError> {
    const SQL: &str = "delete from samples where host_id = $1 and at >= $2 and at < $3";
    let done = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(host)
        .bind(from)
        .bind(to)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(done)
}

/// Deletes the samples of an org that are older than a time; of all, where partitions do not do it.
pub(in crate::telemetry) async fn delete_before(
    tx: &mut Tx,
    whose: Option<OrgId>,
    before: UnixMs,
) -> Result<(), DbError> {
    let table = partition::to_prune(tx, "samples", whose);
    let sql = format!("delete from {table} where at < $1 and ($2 is null or org_id = $2)");
    with_tx!(tx, |conn| {
        sqlx::query(AssertSqlSafe(sql))
            .bind(before)
            .bind(whose)
            .execute(conn)
            .await?;
    });
    Ok(())
}
