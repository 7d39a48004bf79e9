//! Rows of `alerts`.

use muster_base::{AlertId, AlertRuleId, HostId, OrgId, UnixMs};
use sqlx::AssertSqlSafe;

use crate::{
    alerts::{
        alert::{Alert, AlertView, Filter, Key, OpenAlert},
        check::{AlertKind, Severity},
        state::{AlertState, Open, Reason},
    },
    db::{Db, DbError, Tx},
    with_pool, with_tx,
};

#[derive(sqlx::FromRow)]
struct OpenRow {
    id: AlertId,
    org_id: OrgId,
    rule_id: AlertRuleId,
    host_id: HostId,
    host_name: String,
    container: String,
    series: String,
    version: i64,
    pending_since: UnixMs,
    fired_at: Option<UnixMs>,
    clearing_since: Option<UnixMs>,
    no_data_since: Option<UnixMs>,
    told_at: Option<UnixMs>,
    no_data_told: bool,
    first_told_at: Option<UnixMs>,
    acknowledged_at: Option<UnixMs>,
    escalated_at: Option<UnixMs>,
}

const OPEN_COLUMNS: &str = "id, org_id, rule_id, host_id, host_name, container, series, version, pending_since, \
    fired_at, clearing_since, no_data_since, told_at, no_data_told, first_told_at, acknowledged_at, escalated_at";

impl OpenRow {
    fn alert(self) -> OpenAlert {
        OpenAlert {
            id: self.id,
            org: self.org_id,
            key: Key {
                rule: self.rule_id,
                host: self.host_id,
                container: self.container,
                series: self.series,
            },
            host_name: self.host_name,
            version: self.version,
            open: Open {
                pending_since: self.pending_since,
                fired_at: self.fired_at,
                clearing_since: self.clearing_since,
                no_data_since: self.no_data_since,
                told_at: self.told_at,
                no_data_told: self.no_data_told,
                first_told_at: self.first_told_at,
                acked_at: self.acknowledged_at,
                escalated_at: self.escalated_at,
            },
        }
    }
}

/// Every alert that is pending or fires, of every org.
pub(in crate::alerts) async fn list_open(db: &Db) -> Result<Vec<OpenAlert>, DbError> {
    let sql = format!("select {OPEN_COLUMNS} from alerts where state in ('pending', 'firing')");
    let rows: Vec<OpenRow> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .fetch_all(pool)
        .await)?;
    Ok(rows.into_iter().map(OpenRow::alert).collect())
}

/// An alert that begins.
pub(in crate::alerts) struct NewAlert<'a> {
    pub(in crate::alerts) id: AlertId,
    pub(in crate::alerts) org: OrgId,
    pub(in crate::alerts) key: &'a Key,
    pub(in crate::alerts) rule_name: &'a str,
    pub(in crate::alerts) kind: AlertKind,
    pub(in crate::alerts) severity: Severity,
    pub(in crate::alerts) host_name: &'a str,
    pub(in crate::alerts) value: Option<f64>,
    pub(in crate::alerts) open: Open,
}

const fn state_of(open: &Open) -> AlertState {
    match open.fired_at {
        Some(_) => AlertState::Firing,
        None => AlertState::Pending,
    }
}

/// False if somebody else began it.
pub(in crate::alerts) async fn insert(tx: &mut Tx, new: &NewAlert<'_>) -> Result<bool, DbError> {
    const SQL: &str = "insert into alerts (id, org_id, rule_id, rule_name, kind, severity, host_id, host_name, \
        container, series, state, version, value, pending_since, fired_at, told_at, first_told_at) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1, $12, $13, $14, $15, $16) \
        on conflict (rule_id, host_id, container, series) where state in ('pending', 'firing') do nothing";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(new.id)
        .bind(new.org)
        .bind(new.key.rule)
        .bind(new.rule_name)
        .bind(new.kind.as_str())
        .bind(new.severity.as_str())
        .bind(new.key.host)
        .bind(new.host_name)
        .bind(&new.key.container)
        .bind(&new.key.series)
        .bind(state_of(&new.open).as_str())
        .bind(new.value)
        .bind(new.open.pending_since)
        .bind(new.open.fired_at)
        .bind(new.open.told_at)
        .bind(new.open.first_told_at)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

/// Writes what is the case now; false if somebody else wrote since `version`.
pub(in crate::alerts) async fn update(
    tx: &mut Tx,
    (id, version): (AlertId, i64),
    open: &Open,
    value: Option<f64>,
) -> Result<bool, DbError> {
    const SQL: &str = "update alerts set version = version + 1, state = $3, value = coalesce($4, value), fired_at = $5, \
        clearing_since = $6, no_data_since = $7, told_at = $8, no_data_told = $9, \
        first_told_at = $10, escalated_at = $11 \
        where id = $1 and version = $2 and state <> 'resolved'";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(id)
        .bind(version)
        .bind(state_of(open).as_str())
        .bind(value)
        .bind(open.fired_at)
        .bind(open.clearing_since)
        .bind(open.no_data_since)
        .bind(open.told_at)
        .bind(open.no_data_told)
        .bind(open.first_told_at)
        .bind(open.escalated_at)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

/// Somebody sees to it; false if it does not fire, or somebody does already. Whoever is about to write a step of it reads it
/// again.
pub(in crate::alerts) async fn acknowledge(
    tx: &mut Tx,
    (org, id): (OrgId, AlertId),
    (at, by, note): (UnixMs, String, &str),
) -> Result<bool, DbError> {
    const SQL: &str = "update alerts set version = version + 1, acknowledged_at = $3, acknowledged_by = $4, \
        acknowledgement = $5 where org_id = $1 and id = $2 and state = 'firing' and acknowledged_at is null";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(id)
        .bind(at)
        .bind(by)
        .bind(note)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

/// Nobody sees to it any more; false if nobody did, or it is over.
pub(in crate::alerts) async fn take_back(tx: &mut Tx, (org, id): (OrgId, AlertId)) -> Result<bool, DbError> {
    const SQL: &str = "update alerts set version = version + 1, acknowledged_at = null, acknowledged_by = null, \
        acknowledgement = null where org_id = $1 and id = $2 and state = 'firing' and acknowledged_at is not null";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(id)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

/// Ends it; false if somebody else wrote since `version`.
pub(in crate::alerts) async fn resolve(
    tx: &mut Tx,
    (id, version): (AlertId, i64),
    reason: Reason,
    value: Option<f64>,
    now: UnixMs,
) -> Result<bool, DbError> {
    const SQL: &str = "update alerts set version = version + 1, state = 'resolved', reason = $3, \
        value = coalesce($4, value), resolved_at = $5, clearing_since = null, no_data_since = null \
        where id = $1 and version = $2 and state <> 'resolved'";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(id)
        .bind(version)
        .bind(reason.as_str())
        .bind(value)
        .bind(now)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

/// Forgets what never fired; false if somebody else wrote since `version`.
pub(in crate::alerts) async fn drop_pending(
    tx: &mut Tx,
    (id, version): (AlertId, i64),
) -> Result<bool, DbError> {
    const SQL: &str = "delete from alerts where id = $1 and version = $2 and state = 'pending'";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(id)
        .bind(version)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

/// Ends everything open of a rule; those that fired.
pub(in crate::alerts) async fn end_of_rule(
    tx: &mut Tx,
    (org, rule): (OrgId, AlertRuleId),
    reason: Reason,
    now: UnixMs,
) -> Result<Vec<OpenAlert>, DbError> {
    const PENDING: &str = "delete from alerts where org_id = $1 and rule_id = $2 and state = 'pending'";
    let firing = format!(
        "update alerts set version = version + 1, state = 'resolved', reason = $3, resolved_at = $4, \
         clearing_since = null, no_data_since = null \
         where org_id = $1 and rule_id = $2 and state = 'firing' returning {OPEN_COLUMNS}"
    );
    let rows: Vec<OpenRow> = with_tx!(tx, |conn| {
        sqlx::query(PENDING)
            .bind(org)
            .bind(rule)
            .execute(&mut *conn)
            .await?;
        sqlx::query_as(AssertSqlSafe(firing))
            .bind(org)
            .bind(rule)
            .bind(reason.as_str())
            .bind(now)
            .fetch_all(conn)
            .await?
    });
    Ok(rows.into_iter().map(OpenRow::alert).collect())
}

/// What is open of a rule has its new name and severity.
pub(in crate::alerts) async fn rename(
    tx: &mut Tx,
    (org, rule): (OrgId, AlertRuleId),
    name: &str,
    severity: Severity,
) -> Result<(), DbError> {
    const SQL: &str = "update alerts set rule_name = $3, severity = $4 \
        where org_id = $1 and rule_id = $2 and state <> 'resolved'";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(rule)
            .bind(name)
            .bind(severity.as_str())
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub(in crate::alerts) async fn delete_resolved(tx: &mut Tx, before: UnixMs) -> Result<(), DbError> {
    const SQL: &str = "delete from alerts where state = 'resolved' and resolved_at < $1";
    with_tx!(tx, |conn| {
        sqlx::query(SQL).bind(before).execute(conn).await?;
    });
    Ok(())
}

const COLUMNS: &str = "id, rule_id, rule_name, kind, severity, host_id, host_name, container, series, state, value, \
    pending_since, fired_at, clearing_since, no_data_since, told_at, resolved_at, reason, acknowledged_at, acknowledged_by, \
    acknowledgement, escalated_at";

#[derive(sqlx::FromRow)]
struct Row {
    id: AlertId,
    rule_id: AlertRuleId,
    rule_name: String,
    kind: String,
    severity: String,
    host_id: HostId,
    host_name: String,
    container: String,
    series: String,
    state: String,
    value: Option<f64>,
    pending_since: UnixMs,
    fired_at: Option<UnixMs>,
    clearing_since: Option<UnixMs>,
    no_data_since: Option<UnixMs>,
    told_at: Option<UnixMs>,
    resolved_at: Option<UnixMs>,
    reason: Option<String>,
    acknowledged_at: Option<UnixMs>,
    acknowledged_by: Option<String>,
    acknowledgement: Option<String>,
    escalated_at: Option<UnixMs>,
}

impl TryFrom<Row> for Alert {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, DbError> {
        let given = |text: String| Some(text).filter(|text| !text.is_empty());
        Ok(Self {
            id: row.id,
            rule_id: row.rule_id,
            rule_name: row.rule_name,
            kind: AlertKind::read(&row.kind)?,
            severity: Severity::read(&row.severity)?,
            host_id: row.host_id,
            host_name: row.host_name,
            container: given(row.container),
            series: given(row.series),
            state: AlertState::read(&row.state)?,
            value: row.value,
            pending_since: row.pending_since,
            fired_at: row.fired_at,
            clearing_since: row.clearing_since,
            no_data_since: row.no_data_since,
            told_at: row.told_at,
            acknowledged_at: row.acknowledged_at,
            acknowledged_by: row.acknowledged_by,
            acknowledgement: row.acknowledgement.filter(|note| !note.is_empty()),
            escalated_at: row.escalated_at,
            resolved_at: row.resolved_at,
            reason: row.reason.as_deref().map(Reason::read).transpose()?,
            silenced_by: None,
            inhibited: false,
        })
    }
}

/// Newest first.
pub(in crate::alerts) async fn list(
    db: &Db,
    org: OrgId,
    filter: &Filter,
    after: Option<AlertId>,
    limit: i64,
) -> Result<Vec<Alert>, DbError> {
    let states = match filter.view {
        AlertView::Active => "state in ('pending', 'firing')",
        AlertView::Firing => "state = 'firing'",
        AlertView::Pending => "state = 'pending'",
        AlertView::History => "state = 'resolved'",
    };
    let sql = format!(
        "select {COLUMNS} from alerts where org_id = $1 and {states} and ($2 is null or id < $2) \
         and ($3 is null or rule_id = $3) and ($4 is null or host_id = $4) and ($5 is null or severity = $5) \
         and ($6 is null or {}) order by id desc limit $7",
        db.id_among("host_id", 6)
    );
    let rows: Vec<Row> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(after)
        .bind(filter.rule)
        .bind(filter.host)
        .bind(filter.severity.map(Severity::as_str))
        .bind(&filter.in_reach)
        .bind(limit)
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(Alert::try_from).collect()
}

pub(in crate::alerts) async fn find(
    db: &Db,
    org: OrgId,
    in_reach: Option<String>,
    id: AlertId,
) -> Result<Option<Alert>, DbError> {
    let sql = format!(
        "select {COLUMNS} from alerts where org_id = $1 and id = $2 and ($3 is null or {})",
        db.id_among("host_id", 3)
    );
    let row: Option<Row> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(id)
        .bind(&in_reach)
        .fetch_optional(pool)
        .await)?;
    row.map(Alert::try_from).transpose()
}
