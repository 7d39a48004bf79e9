//! Rows of `database_drifts`: how each database last compared with what should be there.

use muster_base::{HostId, OrgId, ReleaseId, ServerId, UnixMs};
use serde::{Serialize, de::DeserializeOwned};
use sqlx::AssertSqlSafe;

use crate::{
    access::{ObjectKind, Scope},
    db::{Db, DbError, Tx},
    schema::{
        DatabaseDrift, DriftLook, DriftUnreached, RiskLevel, Server,
        drift::{DriftState, LONG_AWAY_MS, Seen},
    },
    with_pool, with_tx,
};

#[derive(sqlx::FromRow)]
struct Record {
    server_id: ServerId,
    label: String,
    environment: String,
    database: String,
    version: Option<String>,
    release_id: Option<ReleaseId>,
    reached_at: Option<UnixMs>,
    state: Option<String>,
    detail: Option<String>,
    found: Option<i64>,
    differences: Option<String>,
    not_compared: Option<String>,
    back_sql: Option<String>,
    back_risk: Option<String>,
    server_version: Option<String>,
    checked_at: Option<UnixMs>,
    since: Option<UnixMs>,
    asked_by: Option<String>,
    away_since: Option<UnixMs>,
}

fn corrupt(what: &str) -> DbError {
    DbError::Corrupt(format!("database_drifts.{what}"))
}

fn list_of<T: DeserializeOwned>(what: &str, text: Option<&str>) -> Result<Vec<T>, DbError> {
    text.map_or(Ok(Vec::new()), |text| {
        serde_json::from_str(text).map_err(|_| corrupt(what))
    })
}

impl Record {
    /// Whether nobody could look for long, as of now.
    fn unreached(&self, now: UnixMs) -> Option<DriftUnreached> {
        let long = |since: &UnixMs| now.ms_since(*since) >= LONG_AWAY_MS;
        if let Some(since) = self.away_since.filter(long) {
            return Some(DriftUnreached {
                since,
                why: self.detail.clone(),
            });
        }
        // It should have been looked at every day.
        let since = self
            .reached_at
            .max(self.checked_at.filter(|_| self.reached_at.is_some()));
        since
            .filter(long)
            .map(|since| DriftUnreached { since, why: None })
    }

    fn shown(self, now: UnixMs) -> Result<DatabaseDrift, DbError> {
        let unreached = self.unreached(now);
        let record = self;
        let look = match (record.state, record.checked_at, record.since) {
            (Some(state), Some(checked_at), Some(since)) => Some(DriftLook {
                state: DriftState::parse(&state).ok_or_else(|| corrupt("state"))?,
                detail: record.detail.unwrap_or_default(),
                checked_at,
                since,
                asked_by: record.asked_by.unwrap_or_default(),
                server_version: record.server_version.unwrap_or_default(),
                count: usize::try_from(record.found.unwrap_or_default()).map_err(|_| corrupt("found"))?,
                differences: list_of("differences", record.differences.as_deref())?,
                not_compared: list_of("not_compared", record.not_compared.as_deref())?,
                back_sql: record.back_sql.unwrap_or_default(),
                back_risk: record.back_risk.as_deref().map(RiskLevel::parse),
            }),
            _ => None,
        };
        Ok(DatabaseDrift {
            server_id: record.server_id,
            label: record.label,
            environment: record.environment,
            database: record.database,
            version: record.version,
            release_id: record.release_id,
            expected_since: record.reached_at,
            look,
            unreached,
        })
    }
}

/// Each database that a server has now, with what is known of it. `$1` is the org.
fn select(db: &Db, whole: bool) -> String {
    let names = db.texts_in("d.databases", "n");
    let texts = if whole {
        "f.differences, f.not_compared, f.back_sql"
    } else {
        "null as differences, null as not_compared, null as back_sql"
    };
    format!(
        "select d.id as server_id, d.label, d.environment, n.value as database, r.version, s.release_id, s.reached_at, \
         f.state, f.detail, f.found, {texts}, f.back_risk, f.version as server_version, f.checked_at, f.since, f.asked_by, \
         f.away_since \
         from db_servers d cross join {names} \
         left join database_states s on s.server_id = d.id and s.database = n.value \
         left join releases r on r.id = s.release_id \
         left join database_drifts f on f.server_id = d.id and f.database = n.value \
         where d.org_id = $1 and d.deleted_at is null"
    )
}

pub(in crate::schema) async fn list(
    db: &Db,
    (org, scope, now): (OrgId, &Scope, UnixMs),
    after: Option<(ServerId, String)>,
    limit: i64,
) -> Result<Vec<DatabaseDrift>, DbError> {
    let select = select(db, false);
    let server = db.id_among("d.id", 5);
    let environment = db.text_among("d.environment", 6);
    let database = db.text_among("n.value", 7);
    let sql = format!(
        "{select} and ($2 is null or d.id > $2 or (d.id = $2 and n.value > $3)) \
         and ($5 is null or {server}) and ($6 is null or {environment}) and ($7 is null or {database}) \
         order by d.id, n.value limit $4"
    );
    let (after, name) = after.unzip();
    let records: Vec<Record> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(after)
        .bind(name)
        .bind(limit)
        .bind(scope.keys(ObjectKind::Servers))
        .bind(scope.keys(ObjectKind::Environments))
        .bind(scope.keys(ObjectKind::Databases))
        .fetch_all(pool)
        .await)?;
    records.into_iter().map(|record| record.shown(now)).collect()
}

pub(in crate::schema) async fn find(
    db: &Db,
    org: OrgId,
    (server, database): (ServerId, &str),
    now: UnixMs,
) -> Result<Option<DatabaseDrift>, DbError> {
    let sql = format!("{} and d.id = $2 and n.value = $3", select(db, true));
    let record: Option<Record> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(server)
        .bind(database)
        .fetch_optional(pool)
        .await)?;
    record.map(|record| record.shown(now)).transpose()
}

/// Keeps what was seen. Since when it stands so is kept as long as it does; what was different before is kept where it could
/// not be read. Answers what was told of it last: none if nothing, or if it could not be read.
pub(in crate::schema) async fn set(
    tx: &mut Tx,
    (server, database): (ServerId, &str),
    seen: &Seen,
    (by, now): (&str, UnixMs),
) -> Result<Option<String>, DbError> {
    const SQL: &str = "insert into database_drifts (server_id, database, state, detail, found, differences, \
        not_compared, back_sql, back_risk, version, checked_at, since, asked_by, away_since) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $12, $13) \
        on conflict (server_id, database) do update set \
        since = case when database_drifts.state = excluded.state then database_drifts.since else excluded.since end, \
        state = excluded.state, detail = excluded.detail, found = excluded.found, differences = excluded.differences, \
        not_compared = excluded.not_compared, back_sql = excluded.back_sql, back_risk = excluded.back_risk, \
        version = excluded.version, checked_at = excluded.checked_at, asked_by = excluded.asked_by, \
        away_since = case when excluded.away_since is null then null \
        else coalesce(database_drifts.away_since, excluded.away_since) end \
        where excluded.state <> 'unreached' or database_drifts.state = 'unreached' returning told";
    const AWAY: &str = "update database_drifts set detail = $3, checked_at = $4, asked_by = $5, \
        away_since = coalesce(away_since, $4) \
        where server_id = $1 and database = $2 and state <> 'unreached'";
    let differences = text_of("differences", &seen.compared.differences)?;
    let not_compared = text_of("not_compared", &seen.compared.left_out)?;
    let found = i64::try_from(seen.compared.count).unwrap_or(i64::MAX);
    let away_since = (seen.state == DriftState::Unreached).then_some(now);
    let told: Vec<Option<String>> = with_tx!(tx, |conn| {
        if seen.state == DriftState::Unreached {
            sqlx::query(AWAY)
                .bind(server)
                .bind(database)
                .bind(&seen.detail)
                .bind(now)
                .bind(by)
                .execute(&mut *conn)
                .await?;
        }
        sqlx::query_scalar(SQL)
            .bind(server)
            .bind(database)
            .bind(seen.state.as_str())
            .bind(&seen.detail)
            .bind(found)
            .bind(&differences)
            .bind(&not_compared)
            .bind(&seen.compared.back_sql)
            .bind(seen.compared.back_risk.map(RiskLevel::as_str))
            .bind(&seen.version)
            .bind(now)
            .bind(by)
            .bind(away_since)
            .fetch_all(conn)
            .await?
    });
    Ok(told.into_iter().flatten().next())
}

/// The finding that was told last.
pub(in crate::schema) async fn told(
    db: &Db,
    (server, database): (ServerId, &str),
) -> Result<Option<String>, DbError> {
    const SQL: &str =
        "select told from database_drifts where server_id = $1 and database = $2 and told is not null";
    Ok(with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .bind(server)
        .bind(database)
        .fetch_optional(pool)
        .await)?)
}

/// Notes what was told; none: that nothing is different any more.
pub(in crate::schema) async fn set_told(
    tx: &mut Tx,
    (server, database): (ServerId, &str),
    finding: Option<&str>,
) -> Result<(), DbError> {
    const SQL: &str = "update database_drifts set told = $3 where server_id = $1 and database = $2";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(server)
            .bind(database)
            .bind(finding)
            .execute(conn)
            .await?;
    });
    Ok(())
}

fn text_of<T: Serialize>(what: &str, list: &[T]) -> Result<String, DbError> {
    serde_json::to_string(list).map_err(|_| corrupt(what))
}

/// A database that is to be looked at.
pub(in crate::schema) struct Due {
    pub(in crate::schema) org: OrgId,
    pub(in crate::schema) server: Server,
    pub(in crate::schema) database: String,
}

/// Those that these hosts reach, of which it is known what should be there and that were not looked at since then, the longest
/// ago first.
pub(in crate::schema) async fn due(
    db: &Db,
    hosts: &[HostId],
    before: UnixMs,
    limit: i64,
) -> Result<Vec<Due>, DbError> {
    let (names, among) = (db.texts_in("d.databases", "n"), db.id_among("d.agent_id", 3));
    let sql = format!(
        "select d.org_id, d.id, s.database from database_states s \
         join db_servers d on d.id = s.server_id and d.deleted_at is null and {among} \
         left join database_drifts f on f.server_id = s.server_id and f.database = s.database \
         where (f.checked_at is null or f.checked_at < $1) and exists (select 1 from {names} where n.value = s.database) \
         order by coalesce(f.checked_at, 0), s.server_id, s.database limit $2"
    );
    let hosts = serde_json::to_string(hosts).unwrap_or_else(|_| "[]".to_owned());
    let rows: Vec<(OrgId, ServerId, String)> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(before)
        .bind(limit)
        .bind(hosts)
        .fetch_all(pool)
        .await)?;
    let servers: Vec<ServerId> = rows.iter().map(|row| row.1).collect();
    let servers = super::server::list_of(db, &servers).await?;
    Ok(rows
        .into_iter()
        .filter_map(|(org, id, database)| {
            let server = servers.iter().find(|server| server.id == id)?.clone();
            Some(Due {
                org,
                server,
                database,
            })
        })
        .collect())
}
