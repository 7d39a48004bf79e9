//! Rows of `db_servers`.

use muster_base::{HostId, OrgId, ServerId, UnixMs};

use sqlx::AssertSqlSafe;

use crate::{
    access::{ObjectKind, Scope},
    db::{Db, DbError, Tx},
    schema::{Server, ServerTest, ServerType},
    with_pool, with_tx,
};

#[derive(sqlx::FromRow)]
struct Record {
    id: ServerId,
    label: String,
    host: String,
    port: i64,
    environment: String,
    dialect: String,
    username: String,
    agent_id: HostId,
    databases: String,
    lock_timeout_ms: i64,
    statement_timeout_ms: i64,
    tested_at: Option<UnixMs>,
    test_ok: Option<bool>,
    test_detail: Option<String>,
    created_at: UnixMs,
    updated_at: UnixMs,
}

impl TryFrom<Record> for Server {
    type Error = DbError;

    fn try_from(record: Record) -> Result<Self, DbError> {
        let corrupt = |what: &str| DbError::Corrupt(format!("db_servers.{what} of {}", record.id));
        Ok(Self {
            port: u16::try_from(record.port).map_err(|_| corrupt("port"))?,
            databases: serde_json::from_str(&record.databases).map_err(|_| corrupt("databases"))?,
            lock_timeout_ms: u64::try_from(record.lock_timeout_ms).map_err(|_| corrupt("lock_timeout_ms"))?,
            statement_timeout_ms: u64::try_from(record.statement_timeout_ms)
                .map_err(|_| corrupt("statement_timeout_ms"))?,
            kind: ServerType::parse(&record.dialect)?,
            id: record.id,
            label: record.label,
            ip: record.host,
            environment: record.environment,
            username: record.username,
            host_id: record.agent_id,
            test: record.tested_at.map(|at| ServerTest {
                at,
                ok: record.test_ok.unwrap_or(false),
                detail: record.test_detail.unwrap_or_default(),
            }),
            created_at: record.created_at,
            updated_at: record.updated_at,
        })
    }
}

fn names(server: &Server) -> String {
    serde_json::to_string(&server.databases).unwrap_or_else(|_| "[]".to_owned())
}

fn whole(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

pub(in crate::schema) async fn insert(
    tx: &mut Tx,
    org: OrgId,
    server: &Server,
    created_by: &str,
) -> Result<(), DbError> {
    const SQL: &str = "insert into db_servers (id, org_id, label, host, port, environment, dialect, username, \
        agent_id, databases, created_by, created_at, updated_at, lock_timeout_ms, statement_timeout_ms) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $13, $14)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(server.id)
            .bind(org)
            .bind(&server.label)
            .bind(&server.ip)
            .bind(i64::from(server.port))
            .bind(&server.environment)
            .bind(server.kind.dialect().to_string())
            .bind(&server.username)
            .bind(server.host_id)
            .bind(names(server))
            .bind(created_by)
            .bind(server.created_at)
            .bind(whole(server.lock_timeout_ms))
            .bind(whole(server.statement_timeout_ms))
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Writes what may change; false if the server is gone.
pub(in crate::schema) async fn update(tx: &mut Tx, org: OrgId, server: &Server) -> Result<bool, DbError> {
    const SQL: &str = "update db_servers set label = $3, host = $4, port = $5, username = $6, agent_id = $7, \
        databases = $8, updated_at = $9, lock_timeout_ms = $10, statement_timeout_ms = $11 \
        where org_id = $1 and id = $2 and deleted_at is null";
    let rows = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(org)
        .bind(server.id)
        .bind(&server.label)
        .bind(&server.ip)
        .bind(i64::from(server.port))
        .bind(&server.username)
        .bind(server.host_id)
        .bind(names(server))
        .bind(server.updated_at)
        .bind(whole(server.lock_timeout_ms))
        .bind(whole(server.statement_timeout_ms))
        .execute(conn)
        .await?
        .rows_affected());
    Ok(rows == 1)
}

pub(in crate::schema) async fn delete(
    tx: &mut Tx,
    org: OrgId,
    id: ServerId,
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str =
        "update db_servers set deleted_at = $3 where org_id = $1 and id = $2 and deleted_at is null";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(id)
            .bind(now)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Keeps the server from others until the transaction ends: whoever begins something on it comes one after the other.
pub(in crate::schema) async fn lock(tx: &mut Tx, db: &Db, id: ServerId) -> Result<(), DbError> {
    let sql = format!("select id from db_servers where id = $1{}", db.for_update());
    with_tx!(tx, |conn| {
        sqlx::query(AssertSqlSafe(sql)).bind(id).execute(conn).await?;
    });
    Ok(())
}

/// Those that a host reaches, in one order: nobody else lets anything go to that host until the transaction ends.
pub(in crate::schema) async fn lock_of_host(tx: &mut Tx, db: &Db, host: HostId) -> Result<(), DbError> {
    let sql = format!(
        "select id from db_servers where agent_id = $1 order by id{}",
        db.for_update()
    );
    let _: Vec<ServerId> = with_tx!(tx, |conn| sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(host)
        .fetch_all(conn)
        .await)?;
    Ok(())
}

/// Whether something that is not decided or not ended is for the server, a rollout that will come to it too.
pub(in crate::schema) async fn is_in_use(tx: &mut Tx, id: ServerId) -> Result<bool, DbError> {
    const TICKETS: &str = "select count(*) from ticket_servers s join tickets t on t.id = s.ticket_id \
        where s.server_id = $1 and t.status = 'pending'";
    const LIVE: &str =
        "select count(*) from executions where server_id = $1 and status in ('pending', 'running')";
    const ROLLOUTS: &str = "select count(*) from release_rollout_servers s join release_rollouts o on o.id = s.rollout_id \
        where s.server_id = $1 and o.ended_at is null";
    let tickets: i64 = with_tx!(tx, |conn| sqlx::query_scalar(TICKETS)
        .bind(id)
        .fetch_one(conn)
        .await?);
    let live: i64 = with_tx!(tx, |conn| sqlx::query_scalar(LIVE)
        .bind(id)
        .fetch_one(conn)
        .await?);
    let rollouts: i64 = with_tx!(tx, |conn| sqlx::query_scalar(ROLLOUTS)
        .bind(id)
        .fetch_one(conn)
        .await?);
    Ok(tickets + live + rollouts > 0)
}

/// Notes how a test ended.
pub(in crate::schema) async fn set_test(tx: &mut Tx, id: ServerId, test: &ServerTest) -> Result<(), DbError> {
    const SQL: &str = "update db_servers set tested_at = $2, test_ok = $3, test_detail = $4 where id = $1";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(id)
            .bind(test.at)
            .bind(test.ok)
            .bind(&test.detail)
            .execute(conn)
            .await?;
    });
    Ok(())
}

pub(in crate::schema) async fn find(db: &Db, org: OrgId, id: ServerId) -> Result<Option<Server>, DbError> {
    const SQL: &str = "select id, label, host, port, environment, dialect, username, agent_id, databases, \
        lock_timeout_ms, statement_timeout_ms, tested_at, test_ok, test_detail, created_at, updated_at from db_servers \
        where org_id = $1 and id = $2 and deleted_at is null";
    let record: Option<Record> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(org)
        .bind(id)
        .fetch_optional(pool)
        .await)?;
    record.map(Server::try_from).transpose()
}

/// By id or label.
pub(in crate::schema) async fn find_named(
    db: &Db,
    org: OrgId,
    name: &str,
) -> Result<Option<Server>, DbError> {
    const SQL: &str = "select id from db_servers where org_id = $1 and label = $2 and deleted_at is null";
    let id = match name.parse::<ServerId>() {
        Ok(id) => Some(id),
        Err(_) => with_pool!(db, |pool| sqlx::query_scalar(SQL)
            .bind(org)
            .bind(name)
            .fetch_optional(pool)
            .await)?,
    };
    match id {
        Some(id) => find(db, org, id).await,
        None => Ok(None),
    }
}

pub(in crate::schema) async fn list(
    db: &Db,
    (org, scope): (OrgId, &Scope),
    after: Option<ServerId>,
    limit: i64,
) -> Result<Vec<Server>, DbError> {
    let (server, environment) = (db.id_among("id", 4), db.text_among("environment", 5));
    let sql = format!(
        "select id, label, host, port, environment, dialect, username, agent_id, databases, \
        lock_timeout_ms, statement_timeout_ms, tested_at, test_ok, test_detail, created_at, updated_at from db_servers \
        where org_id = $1 and ($2 is null or id > $2) and deleted_at is null and ($4 is null or {server}) \
        and ($5 is null or {environment}) order by id limit $3"
    );
    let records: Vec<Record> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(after)
        .bind(limit)
        .bind(scope.keys(ObjectKind::Servers))
        .bind(scope.keys(ObjectKind::Environments))
        .fetch_all(pool)
        .await)?;
    records.into_iter().map(Server::try_from).collect()
}

/// Those of these ids that are there, of whatever org.
pub(in crate::schema) async fn list_of(db: &Db, ids: &[ServerId]) -> Result<Vec<Server>, DbError> {
    let among = db.id_among("id", 1);
    let sql = format!(
        "select id, label, host, port, environment, dialect, username, agent_id, databases, \
        lock_timeout_ms, statement_timeout_ms, tested_at, test_ok, test_detail, created_at, updated_at from db_servers \
        where deleted_at is null and {among}"
    );
    let ids = serde_json::to_string(ids).unwrap_or_else(|_| "[]".to_owned());
    let records: Vec<Record> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(ids)
        .fetch_all(pool)
        .await)?;
    records.into_iter().map(Server::try_from).collect()
}
