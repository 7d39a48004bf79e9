//! Rows of `rollups`.

use std::collections::BTreeMap;

use muster_base::{HostId, OrgId, UnixMs};
use muster_metrics::{Period, Subject};

use crate::{
    db::{Column, Db, DbError, Tx},
    telemetry::report::RollupRow,
    with_pool, with_tx,
};

/// Which rollup: of a host, its period, its start, the name of its subject.
pub(in crate::telemetry) type Key<'a> = (HostId, Period, UnixMs, &'a str);

/// Inserts rollups, each once; of two versions the one with more values stays.
pub(in crate::telemetry) async fn upsert(
    tx: &mut Tx,
    rows: &BTreeMap<Key<'_>, (OrgId, &RollupRow)>,
) -> Result<(), DbError> {
    let columns = [
        Column::Ids(rows.keys().map(|(host, ..)| *host.as_uuid()).collect()),
        Column::Codes(
            rows.keys()
                .map(|(_, period, ..)| i32::from(period.code()))
                .collect(),
        ),
        Column::Texts(rows.keys().map(|(.., subject)| *subject).collect()),
        Column::Numbers(rows.keys().map(|(_, _, start, _)| start.0).collect()),
        Column::Ids(rows.values().map(|(org, _)| *org.as_uuid()).collect()),
        Column::Numbers(rows.values().map(|(_, rollup)| rollup.values).collect()),
        Column::Bytes(rows.values().map(|(_, rollup)| rollup.body.as_slice()).collect()),
    ];
    tx.insert_rows(
        "insert into rollups (host_id, period, subject, start_at, org_id, values_count, body)",
        &columns,
        "on conflict (host_id, period, subject, start_at) do update \
         set values_count = excluded.values_count, body = excluded.body \
         where rollups.values_count < excluded.values_count",
    )
    .await
}

/// The rollups of a host or container that begin at a time or later and before another, oldest first.
pub(in crate::telemetry) async fn list(
    db: &Db,
    org: OrgId,
    host: HostId,
    (period, subject): (Period, &Subject),
    from: UnixMs,
    to: UnixMs,
) -> Result<Vec<(UnixMs, Vec<u8>)>, DbError> {
    const SQL: &str = "select start_at, body from rollups where host_id = $1 and period = $2 and subject = $3 \
        and start_at >= $4 and start_at < $5 and org_id = $6 order by start_at";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(host)
        .bind(i32::from(period.code()))
        .bind(subject.name())
        .bind(from)
        .bind(to)
        .bind(org)
        .fetch_all(pool)
        .await)?)
}

/// Which rollup there is, and how large it is.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(in crate::telemetry) struct Size {
    pub(in crate::telemetry) subject: String,
    #[sqlx(rename = "start_at")]
    pub(in crate::telemetry) start: UnixMs,
    pub(in crate::telemetry) bytes: i64,
}

/// The rollups of a period that a host and all of its containers have.
pub(in crate::telemetry) async fn sizes(
    db: &Db,
    org: OrgId,
    host: HostId,
    period: Period,
) -> Result<Vec<Size>, DbError> {
    const SQL: &str = "select subject, start_at, cast(length(body) as bigint) as bytes from rollups \
        where host_id = $1 and period = $2 and org_id = $3";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(host)
        .bind(i32::from(period.code()))
        .bind(org)
        .fetch_all(pool)
        .await)?)
}

/// Hours that begin before this time, of a host and all of its containers.
pub(in crate::telemetry) async fn hours_before(
    db: &Db,
    org: OrgId,
    host: HostId,
    before: UnixMs,
) -> Result<Vec<(String, UnixMs)>, DbError> {
    const SQL: &str = "select subject, start_at from rollups \
        where host_id = $1 and period = $2 and start_at < $3 and org_id = $4";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(host)
        .bind(i32::from(Period::Hour.code()))
        .bind(before)
        .bind(org)
        .fetch_all(pool)
        .await)?)
}

/// Deletes the hours of a day that were packed. Says whether they were so many, of so many values.
pub(in crate::telemetry) async fn delete_packed(
    tx: &mut Tx,
    (org, host): (OrgId, HostId),
    subject: &str,
    day: UnixMs,
    (hours, values): (usize, u64),
) -> Result<bool, DbError> {
    const SQL: &str = "delete from rollups where host_id = $1 and period = $2 and subject = $3 \
        and start_at >= $4 and start_at < $5 and org_id = $6 returning values_count";
    let gone: Vec<i64> = with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(host)
        .bind(i32::from(Period::Hour.code()))
        .bind(subject)
        .bind(day)
        .bind(day.plus_ms(UnixMs::DAY))
        .bind(org)
        .fetch_all(conn)
        .await?);
    Ok(gone.len() == hours && gone.iter().map(|count| count.unsigned_abs()).sum::<u64>() == values)
}

/// Whether there is an hour of a host or container that is not packed.
pub(in crate::telemetry) async fn exists(
    db: &Db,
    org: OrgId,
    host: HostId,
    subject: &Subject,
) -> Result<bool, DbError> {
    const SQL: &str = "select start_at from rollups \
        where host_id = $1 and period = $2 and subject = $3 and org_id = $4 limit 1";
    let start: Option<UnixMs> = with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .bind(host)
        .bind(i32::from(Period::Hour.code()))
        .bind(subject.name())
        .bind(org)
        .fetch_optional(pool)
        .await)?;
    Ok(start.is_some())
}

/// Deletes every rollup of a period that begins before this time.
pub(in crate::telemetry) async fn delete_before(
    tx: &mut Tx,
    whose: Option<OrgId>,
    period: Period,
    start: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str =
        "delete from rollups where period = $1 and start_at < $2 and ($3 is null or org_id = $3)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(i32::from(period.code()))
            .bind(start)
            .bind(whose)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Deletes every rollup of a host.
pub(in crate::telemetry) async fn delete_of_host(tx: &mut Tx, host: HostId) -> Result<(), DbError> {
    with_tx!(tx, |conn| {
        sqlx::query("delete from rollups where host_id = $1")
            .bind(host)
            .execute(conn)
            .await?;
    });
    Ok(())
}
