//! Rows of `release_rollouts` and `release_rollout_servers`.

use std::collections::HashMap;

use muster_base::{
    ApiKeyId, ExecutionId, HostId, OrderId, OrgId, ReleaseId, ReleaseRolloutId, ServerId, TicketId, UnixMs,
};

use crate::{
    db::{Db, DbError, Tx},
    schema::{
        ExecutionStatus, ReleaseRollout, ReleaseRolloutServer, ReleaseRolloutStatus, waves::ServerState,
    },
    with_pool, with_tx,
};

/// Who says that something is to begin.
#[derive(Debug, Clone, Copy)]
pub(in crate::schema) struct Word<'a> {
    pub(in crate::schema) person: &'a str,
    /// For people.
    pub(in crate::schema) name: &'a str,
    /// The API key that they said it with.
    pub(in crate::schema) key: Option<ApiKeyId>,
}

/// A rollout to be recorded.
pub(in crate::schema) struct NewRollout<'a> {
    pub(in crate::schema) id: ReleaseRolloutId,
    pub(in crate::schema) org: OrgId,
    pub(in crate::schema) release: ReleaseId,
    pub(in crate::schema) dry_run: bool,
    /// JSON.
    pub(in crate::schema) sizes: &'a str,
    pub(in crate::schema) pause_after_first: bool,
    pub(in crate::schema) not_before: Option<UnixMs>,
    pub(in crate::schema) override_reason: Option<&'a str>,
    pub(in crate::schema) by: Word<'a>,
    pub(in crate::schema) at: UnixMs,
    /// In their order, with their waves.
    pub(in crate::schema) servers: &'a [(ServerId, i64)],
}

pub(in crate::schema) async fn insert(tx: &mut Tx, new: &NewRollout<'_>) -> Result<(), DbError> {
    const SQL: &str = "insert into release_rollouts (id, org_id, release_id, dry_run, sizes, waves, pause_after_first, \
        not_before, override_reason, status, started_by, person, name, key_id, created_at) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'rolling', $10, $11, $10, $12, $13)";
    const SERVER: &str = "insert into release_rollout_servers (rollout_id, position, server_id, wave) \
        values ($1, $2, $3, $4)";
    let waves = new.servers.last().map_or(0, |(_, wave)| wave + 1);
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(new.id)
            .bind(new.org)
            .bind(new.release)
            .bind(new.dry_run)
            .bind(new.sizes)
            .bind(waves)
            .bind(new.pause_after_first)
            .bind(new.not_before)
            .bind(new.override_reason)
            .bind(new.by.name)
            .bind(new.by.person)
            .bind(new.by.key)
            .bind(new.at)
            .execute(&mut *conn)
            .await?;
        for (position, (server, wave)) in (0_i64..).zip(new.servers) {
            sqlx::query(SERVER)
                .bind(new.id)
                .bind(position)
                .bind(server)
                .bind(wave)
                .execute(&mut *conn)
                .await?;
        }
    });
    Ok(())
}

#[derive(sqlx::FromRow)]
struct Record {
    id: ReleaseRolloutId,
    release_id: ReleaseId,
    version: String,
    environment: String,
    database: String,
    dry_run: bool,
    sizes: String,
    waves: i64,
    pause_after_first: bool,
    not_before: Option<UnixMs>,
    override_reason: Option<String>,
    status: String,
    reason: Option<String>,
    started_by: String,
    created_at: UnixMs,
    ended_at: Option<UnixMs>,
}

const COLUMNS: &str = "o.id, o.release_id, r.version, r.environment, r.database, o.dry_run, o.sizes, o.waves, \
    o.pause_after_first, o.not_before, o.override_reason, o.status, o.reason, o.started_by, o.created_at, o.ended_at \
    from release_rollouts o join releases r on r.id = o.release_id";

impl TryFrom<Record> for ReleaseRollout {
    type Error = DbError;

    fn try_from(record: Record) -> Result<Self, DbError> {
        let corrupt = |_| DbError::Corrupt(format!("release_rollouts.sizes of {}", record.id));
        Ok(Self {
            waves: serde_json::from_str(&record.sizes).map_err(corrupt)?,
            id: record.id,
            release_id: record.release_id,
            version: record.version,
            environment: record.environment,
            database: record.database,
            dry_run: record.dry_run,
            wave_count: record.waves,
            pause_after_first: record.pause_after_first,
            not_before: record.not_before,
            override_reason: record.override_reason,
            status: ReleaseRolloutStatus::parse(&record.status)?,
            reason: record.reason,
            by: record.started_by,
            created_at: record.created_at,
            ended_at: record.ended_at,
        })
    }
}

pub(in crate::schema) async fn find(
    db: &Db,
    org: OrgId,
    id: ReleaseRolloutId,
) -> Result<Option<ReleaseRollout>, DbError> {
    let sql = format!("select {COLUMNS} where o.org_id = $1 and o.id = $2");
    let record: Option<Record> = with_pool!(db, |pool| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(org)
        .bind(id)
        .fetch_optional(pool)
        .await)?;
    record.map(TryInto::try_into).transpose()
}

/// Of one release, newest first.
pub(in crate::schema) async fn list(
    db: &Db,
    (org, release): (OrgId, ReleaseId),
    before: Option<ReleaseRolloutId>,
    limit: i64,
) -> Result<Vec<ReleaseRollout>, DbError> {
    let sql = format!(
        "select {COLUMNS} where o.org_id = $1 and o.release_id = $2 and ($3 is null or o.id < $3) \
        order by o.id desc limit $4"
    );
    let records: Vec<Record> = with_pool!(db, |pool| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(org)
        .bind(release)
        .bind(before)
        .bind(limit)
        .fetch_all(pool)
        .await)?;
    records.into_iter().map(TryInto::try_into).collect()
}

/// A rollout as its next step needs it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(in crate::schema) struct Rolling {
    pub(in crate::schema) id: ReleaseRolloutId,
    pub(in crate::schema) org_id: OrgId,
    pub(in crate::schema) release_id: ReleaseId,
    pub(in crate::schema) ticket_id: TicketId,
    pub(in crate::schema) dry_run: bool,
    pub(in crate::schema) waves: i64,
    pub(in crate::schema) not_before: Option<UnixMs>,
    pub(in crate::schema) override_reason: Option<String>,
    status: String,
    pause_after_first: bool,
    continued: bool,
    pub(in crate::schema) person: String,
    pub(in crate::schema) name: String,
    pub(in crate::schema) key_id: Option<ApiKeyId>,
}

const ROLLING: &str = "select o.id, o.org_id, o.release_id, r.ticket_id, o.dry_run, o.waves, o.not_before, \
    o.override_reason, o.status, o.pause_after_first, o.continued, o.person, o.name, o.key_id \
    from release_rollouts o join releases r on r.id = o.release_id where o.ended_at is null";

impl Rolling {
    /// Whether somebody has to say "continue" after the first wave, and has not yet.
    pub(in crate::schema) fn pauses(&self) -> bool {
        self.pause_after_first && !self.continued
    }

    /// Where it stands.
    pub(in crate::schema) fn status(&self) -> Result<ReleaseRolloutStatus, DbError> {
        ReleaseRolloutStatus::parse(&self.status)
    }
}

/// Rollouts that may have something to do, oldest first.
pub(in crate::schema) async fn list_rolling(
    db: &Db,
    after: Option<ReleaseRolloutId>,
    limit: i64,
) -> Result<Vec<Rolling>, DbError> {
    let sql =
        format!("{ROLLING} and o.status = 'rolling' and ($1 is null or o.id > $1) order by o.id limit $2");
    Ok(with_pool!(db, |pool| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(after)
        .bind(limit)
        .fetch_all(pool)
        .await)?)
}

/// The rollout, unless it has ended; nobody else changes it until the transaction ends.
pub(in crate::schema) async fn lock(
    tx: &mut Tx,
    db: &Db,
    id: ReleaseRolloutId,
) -> Result<Option<Rolling>, DbError> {
    // PostgreSQL's words end with the table; the release never changes.
    let of = if db.for_update().is_empty() { "" } else { " of o" };
    let sql = format!("{ROLLING} and o.id = $1{}{of}", db.for_update());
    Ok(with_tx!(tx, |conn| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(id)
        .fetch_optional(conn)
        .await)?)
}

/// A server of a rollout.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(in crate::schema) struct ServerRecord {
    rollout_id: ReleaseRolloutId,
    pub(in crate::schema) server_id: ServerId,
    pub(in crate::schema) label: String,
    pub(in crate::schema) agent_id: HostId,
    pub(in crate::schema) wave: i64,
    pub(in crate::schema) execution_id: Option<ExecutionId>,
    pub(in crate::schema) order_id: Option<OrderId>,
    status: Option<String>,
    pub(in crate::schema) error: Option<String>,
    /// Another execution of the release that is under way there.
    pub(in crate::schema) under_way: Option<ExecutionId>,
}

const SERVERS: &str = "select s.rollout_id, s.server_id, d.label, d.agent_id, s.wave, s.execution_id, e.order_id, e.status, e.error, \
    (select other.id from executions other where other.release_id = o.release_id and other.server_id = s.server_id \
    and other.status in ('pending', 'running') and (s.execution_id is null or other.id <> s.execution_id)) as under_way \
    from release_rollout_servers s join release_rollouts o on o.id = s.rollout_id \
    join db_servers d on d.id = s.server_id left join executions e on e.id = s.execution_id";

impl ServerRecord {
    /// Where its execution stands.
    pub(in crate::schema) fn run(&self) -> Result<Option<ExecutionStatus>, DbError> {
        self.status.as_deref().map(ExecutionStatus::parse).transpose()
    }

    /// As the next step depends on it.
    pub(in crate::schema) fn state(&self) -> Result<ServerState, DbError> {
        Ok(ServerState {
            wave: self.wave,
            run: self.run()?,
        })
    }
}

impl TryFrom<ServerRecord> for ReleaseRolloutServer {
    type Error = DbError;

    fn try_from(record: ServerRecord) -> Result<Self, DbError> {
        Ok(Self {
            execution_status: record.run()?,
            server: record.server_id,
            server_label: record.label,
            wave: record.wave,
            execution_id: record.execution_id,
            error: record.error,
            under_way: record.under_way,
        })
    }
}

/// In their order.
pub(in crate::schema) async fn list_servers(
    db: &Db,
    id: ReleaseRolloutId,
) -> Result<Vec<ServerRecord>, DbError> {
    let sql = format!("{SERVERS} where s.rollout_id = $1 order by s.position");
    Ok(with_pool!(db, |pool| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(id)
        .fetch_all(pool)
        .await)?)
}

/// Of each of these rollouts, in their order.
pub(in crate::schema) async fn list_servers_of(
    db: &Db,
    ids: &[ReleaseRolloutId],
) -> Result<HashMap<ReleaseRolloutId, Vec<ServerRecord>>, DbError> {
    let mut of: HashMap<ReleaseRolloutId, Vec<ServerRecord>> = HashMap::new();
    if ids.is_empty() {
        return Ok(of);
    }
    let sql = format!(
        "{SERVERS} where {} order by s.rollout_id, s.position",
        db.id_among("s.rollout_id", 1)
    );
    let ids = serde_json::to_string(ids).map_err(|error| DbError::Corrupt(error.to_string()))?;
    let records: Vec<ServerRecord> = with_pool!(db, |pool| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(ids)
        .fetch_all(pool)
        .await)?;
    for record in records {
        of.entry(record.rollout_id).or_default().push(record);
    }
    Ok(of)
}

/// As the transaction sees them.
pub(in crate::schema) async fn list_servers_in(
    tx: &mut Tx,
    id: ReleaseRolloutId,
) -> Result<Vec<ServerRecord>, DbError> {
    let sql = format!("{SERVERS} where s.rollout_id = $1 order by s.position");
    Ok(with_tx!(tx, |conn| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(id)
        .fetch_all(conn)
        .await)?)
}

/// The labels of those of its servers that were removed.
pub(in crate::schema) async fn list_removed(
    tx: &mut Tx,
    id: ReleaseRolloutId,
) -> Result<Vec<String>, DbError> {
    const SQL: &str = "select d.label from release_rollout_servers s join db_servers d on d.id = s.server_id \
        where s.rollout_id = $1 and d.deleted_at is not null order by s.position";
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(id)
        .fetch_all(conn)
        .await)?)
}

pub(in crate::schema) async fn set_execution(
    tx: &mut Tx,
    id: ReleaseRolloutId,
    server: ServerId,
    execution: ExecutionId,
) -> Result<(), DbError> {
    const SQL: &str =
        "update release_rollout_servers set execution_id = $3 where rollout_id = $1 and server_id = $2";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(id)
            .bind(server)
            .bind(execution)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Where it stands and why; `ended_at` if that is the end.
pub(in crate::schema) async fn set_status(
    tx: &mut Tx,
    id: ReleaseRolloutId,
    (status, reason): (ReleaseRolloutStatus, Option<&str>),
    ended_at: Option<UnixMs>,
) -> Result<(), DbError> {
    const SQL: &str = "update release_rollouts set status = $2, reason = coalesce($3, reason), ended_at = $4, \
        told = ($5 or dry_run) where id = $1";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(id)
            .bind(status.as_str())
            .bind(reason)
            .bind(ended_at)
            .bind(!status.waits_for_a_word())
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// It goes on, by this word; `continued` if that was said after the first wave. Servers whose executions ended otherwise
/// than well count as not begun.
pub(in crate::schema) async fn go_on(
    tx: &mut Tx,
    id: ReleaseRolloutId,
    by: &Word<'_>,
    continued: bool,
) -> Result<(), DbError> {
    const SQL: &str = "update release_rollouts set status = 'rolling', told = $6, reason = null, person = $2, name = $3, \
        key_id = $4, continued = (continued or $5) where id = $1";
    const FORGET: &str = "update release_rollout_servers set execution_id = null where rollout_id = $1 and execution_id \
        in (select e.id from executions e join release_rollout_servers s on s.execution_id = e.id \
        where s.rollout_id = $1 and e.status not in ('pending', 'running', 'success'))";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(id)
            .bind(by.person)
            .bind(by.name)
            .bind(by.key)
            .bind(continued)
            .bind(true)
            .execute(&mut *conn)
            .await?;
        sqlx::query(FORGET).bind(id).execute(conn).await?;
    });
    Ok(())
}
