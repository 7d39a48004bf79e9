//! Rows of `alert_silences`.

use muster_base::{AlertSilenceId, OrgId, UnixMs};
use sqlx::AssertSqlSafe;

use super::{from_json, to_json};
use crate::{
    alerts::silence::{Silence, SilenceState},
    db::{Db, DbError, Tx},
    with_pool, with_tx,
};

const COLUMNS: &str = "org_id, id, matchers, starts_at, ends_at, repeats, reason, created_by, created_at";

#[derive(sqlx::FromRow)]
struct Row {
    org_id: OrgId,
    id: AlertSilenceId,
    matchers: String,
    starts_at: UnixMs,
    ends_at: UnixMs,
    repeats: Option<String>,
    reason: String,
    created_by: String,
    created_at: UnixMs,
}

impl Row {
    fn silence(self, now: UnixMs) -> Result<Silence, DbError> {
        let repeats = self.repeats.as_deref();
        let silence = Silence {
            id: self.id,
            matchers: from_json(&self.matchers, "alert_silences.matchers")?,
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            repeats: repeats
                .map(|text| from_json(text, "alert_silences.repeats"))
                .transpose()?,
            occurrence: None,
            reason: self.reason,
            state: SilenceState::Scheduled,
            created_by: self.created_by,
            created_at: self.created_at,
        };
        Ok(silence.stand(now))
    }
}

pub(in crate::alerts) async fn insert(tx: &mut Tx, org: OrgId, silence: &Silence) -> Result<(), DbError> {
    const SQL: &str = "insert into alert_silences \
        (id, org_id, matchers, starts_at, ends_at, reason, created_by, created_at, repeats) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let matchers = to_json(&silence.matchers, "alert_silences.matchers")?;
    let repeats = silence.repeats.as_ref();
    let repeats = repeats
        .map(|one| to_json(one, "alert_silences.repeats"))
        .transpose()?;
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(silence.id)
            .bind(org)
            .bind(matchers)
            .bind(silence.starts_at)
            .bind(silence.ends_at)
            .bind(&silence.reason)
            .bind(&silence.created_by)
            .bind(silence.created_at)
            .bind(repeats)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub(in crate::alerts) async fn count_open(tx: &mut Tx, org: OrgId, now: UnixMs) -> Result<i64, DbError> {
    const SQL: &str = "select count(*) from alert_silences where org_id = $1 and ends_at > $2";
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(org)
        .bind(now)
        .fetch_one(conn)
        .await)?)
}

/// False if it has ended.
pub(in crate::alerts) async fn end(
    tx: &mut Tx,
    org: OrgId,
    id: AlertSilenceId,
    now: UnixMs,
) -> Result<bool, DbError> {
    const SQL: &str = "update alert_silences set ends_at = $3 where org_id = $1 and id = $2 and ends_at > $3";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(id)
        .bind(now)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

pub(in crate::alerts) async fn find(
    db: &Db,
    org: OrgId,
    id: AlertSilenceId,
    now: UnixMs,
) -> Result<Option<Silence>, DbError> {
    let sql = format!("select {COLUMNS} from alert_silences where org_id = $1 and id = $2");
    let row: Option<Row> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(id)
        .fetch_optional(pool)
        .await)?;
    row.map(|row| row.silence(now)).transpose()
}

/// Newest first.
pub(in crate::alerts) async fn list(
    db: &Db,
    org: OrgId,
    open: bool,
    after: Option<AlertSilenceId>,
    limit: i64,
    now: UnixMs,
) -> Result<Vec<Silence>, DbError> {
    let sql = format!(
        "select {COLUMNS} from alert_silences where org_id = $1 and ($2 is null or id < $2) \
         and (not $3 or ends_at > $4) order by id desc limit $5"
    );
    let rows: Vec<Row> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(after)
        .bind(open)
        .bind(now)
        .bind(limit)
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(|row| row.silence(now)).collect()
}

/// Every silence that has not ended, of every org.
pub(in crate::alerts) async fn list_open(db: &Db, now: UnixMs) -> Result<Vec<(OrgId, Silence)>, DbError> {
    let sql = format!("select {COLUMNS} from alert_silences where ends_at > $1 order by id");
    let rows: Vec<Row> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(now)
        .fetch_all(pool)
        .await)?;
    rows.into_iter()
        .map(|row| Ok((row.org_id, row.silence(now)?)))
        .collect()
}

pub(in crate::alerts) async fn delete_ended(tx: &mut Tx, before: UnixMs) -> Result<(), DbError> {
    const SQL: &str = "delete from alert_silences where ends_at < $1";
    with_tx!(tx, |conn| {
        sqlx::query(SQL).bind(before).execute(conn).await?;
    });
    Ok(())
}
