//! Rows of `packed_hours`.

use muster_base::{HostId, OrgId, UnixMs};
use muster_metrics::{Period, Subject};
use sqlx::AssertSqlSafe;

use super::partition;
use crate::{
    db::{Db, DbError, Tx},
    with_pool, with_tx,
};

/// The packed hours of a day.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(in crate::telemetry) struct PackedRow {
    /// A bit for each hour of the day, lowest first.
    pub(in crate::telemetry) hours: i64,
    /// Of all hours and series together: a change makes it more.
    pub(in crate::telemetry) values_count: i64,
    pub(in crate::telemetry) body: Vec<u8>,
}

/// Which hours are packed together, and how large they are.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(in crate::telemetry) struct Size {
    pub(in crate::telemetry) subject: String,
    day: UnixMs,
    hours: i64,
    pub(in crate::telemetry) bytes: i64,
}

impl Size {
    pub(in crate::telemetry) fn hours(&self) -> impl Iterator<Item = UnixMs> {
        (0..24)
            .filter(|hour| self.hours & (1 << hour) != 0)
            .map(|hour| self.day.plus_ms(hour * UnixMs::HOUR))
    }
}

/// The packed hours of a host or container of one day.
pub(in crate::telemetry) async fn find(
    db: &Db,
    org: OrgId,
    host: HostId,
    subject: &str,
    day: UnixMs,
) -> Result<Option<PackedRow>, DbError> {
    const SQL: &str = "select hours, values_count, body from packed_hours \
        where host_id = $1 and subject = $2 and day = $3 and org_id = $4";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(host)
        .bind(subject)
        .bind(day)
        .bind(org)
        .fetch_optional(pool)
        .await)?)
}

pub(super) const LIST: &str = "select day, body from packed_hours \
    where host_id = $1 and subject = $2 and day >= $3 and day < $4 and org_id = $5 order by day";

/// The packed hours of a host or container of every day that has something of a time or later and before another,
/// oldest first.
pub(in crate::telemetry) async fn list(
    db: &Db,
    org: OrgId,
    host: HostId,
    subject: &Subject,
    from: UnixMs,
    to: UnixMs,
) -> Result<Vec<(UnixMs, Vec<u8>)>, DbError> {
    Ok(with_pool!(db, |pool| sqlx::query_as(LIST)
        .bind(host)
        .bind(subject.name())
        .bind(Period::Day.start_of(from))
        .bind(to)
        .bind(org)
        .fetch_all(pool)
        .await)?)
}

/// The packed hours of a host and all of its containers.
pub(in crate::telemetry) async fn sizes(db: &Db, org: OrgId, host: HostId) -> Result<Vec<Size>, DbError> {
    const SQL: &str = "select subject, day, hours, cast(length(body) as bigint) as bytes from packed_hours \
        where host_id = $1 and org_id = $2";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(host)
        .bind(org)
        .fetch_all(pool)
        .await)?)
}

/// Whether there is a packed hour of a host or container.
pub(in crate::telemetry) async fn exists(
    db: &Db,
    org: OrgId,
    host: HostId,
    subject: &Subject,
) -> Result<bool, DbError> {
    const SQL: &str =
        "select day from packed_hours where host_id = $1 and subject = $2 and org_id = $3 limit 1";
    let day: Option<UnixMs> = with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .bind(host)
        .bind(subject.name())
        .bind(org)
        .fetch_optional(pool)
        .await)?;
    Ok(day.is_some())
}

/// Puts the packed hours of a day in the place of those that there were, if they are still of so many values. Says
/// whether that was so.
pub(in crate::telemetry) async fn put(
    tx: &mut Tx,
    (org, host): (OrgId, HostId),
    (subject, day): (&str, UnixMs),
    row: &PackedRow,
    before: Option<i64>,
) -> Result<bool, DbError> {
    const INSERT: &str = "insert into packed_hours (host_id, subject, day, org_id, hours, values_count, body) \
        values ($1, $2, $3, $4, $5, $6, $7) on conflict (host_id, subject, day) do nothing";
    const UPDATE: &str = "update packed_hours set hours = $5, values_count = $6, body = $7 \
        where host_id = $1 and subject = $2 and day = $3 and org_id = $4 and values_count = $8";
    let done = with_tx!(tx, |conn| {
        let query = sqlx::query(if before.is_some() { UPDATE } else { INSERT })
            .bind(host)
            .bind(subject)
            .bind(day)
            .bind(org)
            .bind(row.hours)
            .bind(row.values_count)
            .bind(&row.body);
        let query = match before {
            Some(values) => query.bind(values),
            None => query,
        };
        query.execute(conn).await?.rows_affected()
    });
    Ok(done == 1)
}

/// Deletes an org's hours of every day before this one; those of all, where partitions do not do it.
pub(in crate::telemetry) async fn delete_before(
    tx: &mut Tx,
    whose: Option<OrgId>,
    day: UnixMs,
) -> Result<(), DbError> {
    let table = partition::to_prune(tx, "packed_hours", whose);
    let sql = format!("delete from {table} where day < $1 and ($2 is null or org_id = $2)");
    with_tx!(tx, |conn| {
        sqlx::query(AssertSqlSafe(sql))
            .bind(day)
            .bind(whose)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Deletes all packed hours of a host.
pub(in crate::telemetry) async fn delete_of_host(tx: &mut Tx, host: HostId) -> Result<(), DbError> {
    with_tx!(tx, |conn| {
        sqlx::query("delete from packed_hours where host_id = $1")
            .bind(host)
            .execute(conn)
            .await?;
    });
    Ok(())
}
