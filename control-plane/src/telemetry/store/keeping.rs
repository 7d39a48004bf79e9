//! Rows of `org_retention`, which is not among the readings but in the database of everything else.

use muster_base::{OrgId, UnixMs};

use crate::{
    db::{Db, DbError, Tx},
    telemetry::keeping::WantedDays,
    with_pool, with_tx,
};

/// What an org wants to keep.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(in crate::telemetry) struct KeepingRow {
    pub(in crate::telemetry) org_id: OrgId,
    pub(in crate::telemetry) raw_days: Option<i64>,
    pub(in crate::telemetry) hour_days: Option<i64>,
    pub(in crate::telemetry) day_days: Option<i64>,
    pub(in crate::telemetry) updated_at: UnixMs,
    pub(in crate::telemetry) updated_by: String,
}

impl KeepingRow {
    pub(in crate::telemetry) fn wanted(&self) -> WantedDays {
        let days = |days: Option<i64>| days.and_then(|days| u32::try_from(days).ok());
        WantedDays {
            raw: days(self.raw_days),
            hour: days(self.hour_days),
            day: days(self.day_days),
        }
    }
}

const ONE: &str = "select org_id, raw_days, hour_days, day_days, updated_at, updated_by from org_retention \
    where org_id = $1";

/// What an org wants to keep, if it said so.
pub(in crate::telemetry) async fn find(db: &Db, org: OrgId) -> Result<Option<KeepingRow>, DbError> {
    Ok(with_pool!(db, |pool| sqlx::query_as(ONE)
        .bind(org)
        .fetch_optional(pool)
        .await)?)
}

/// As the transaction sees it.
pub(in crate::telemetry) async fn find_in(tx: &mut Tx, org: OrgId) -> Result<Option<KeepingRow>, DbError> {
    Ok(with_tx!(tx, |conn| sqlx::query_as(ONE)
        .bind(org)
        .fetch_optional(conn)
        .await?))
}

/// What every org wants to keep that said so, and whether all did, also those that are deleted. One statement: an org that
/// says so between two would be in neither.
pub(in crate::telemetry) async fn list(db: &Db) -> Result<(Vec<KeepingRow>, bool), DbError> {
    const SQL: &str = "select o.id as org_id, r.raw_days, r.hour_days, r.day_days, \
        coalesce(r.updated_at, -1) as updated_at, coalesce(r.updated_by, '') as updated_by \
        from orgs o left join org_retention r on r.org_id = o.id";
    let mut rows: Vec<KeepingRow> = with_pool!(db, |pool| sqlx::query_as(SQL).fetch_all(pool).await)?;
    let all = rows.len();
    rows.retain(|row| row.updated_at.0 >= 0);
    let all_want = rows.len() == all;
    Ok((rows, all_want))
}

/// Puts what an org wants in the place of what it wanted.
pub(in crate::telemetry) async fn put(tx: &mut Tx, row: &KeepingRow) -> Result<(), DbError> {
    const SQL: &str = "insert into org_retention (org_id, raw_days, hour_days, day_days, updated_at, updated_by) \
        values ($1, $2, $3, $4, $5, $6) on conflict (org_id) do update set raw_days = $2, hour_days = $3, \
        day_days = $4, updated_at = $5, updated_by = $6";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(row.org_id)
            .bind(row.raw_days)
            .bind(row.hour_days)
            .bind(row.day_days)
            .bind(row.updated_at)
            .bind(&row.updated_by)
            .execute(conn)
            .await?;
    });
    Ok(())
}
