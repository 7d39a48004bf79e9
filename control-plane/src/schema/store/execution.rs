//! Rows of `executions` and `execution_steps`.

use muster_base::{ApiKeyId, ExecutionId, GitWishId, HostId, OrderId, OrgId, ReleaseId, ServerId, UnixMs};

use sqlx::QueryBuilder;

use crate::{
    access::{ObjectKind, Scope},
    db::{Db, DbError, Tx},
    schema::{Execution, ExecutionStatus, ExecutionStep, ProposedStatement, reach},
    with_pool, with_tx,
    work::Order,
};

/// Steps that are inserted by one statement: each has five parameters.
const PAGE: usize = 500;

/// Who asks for an execution.
pub(in crate::schema) struct By<'a> {
    pub(in crate::schema) org: OrgId,
    pub(in crate::schema) person: &'a str,
    /// For people.
    pub(in crate::schema) name: &'a str,
    /// The API key that they asked with.
    pub(in crate::schema) key: Option<ApiKeyId>,
}

/// An execution to be recorded.
pub(in crate::schema) struct NewExecution<'a> {
    pub(in crate::schema) id: ExecutionId,
    pub(in crate::schema) release: ReleaseId,
    pub(in crate::schema) server: ServerId,
    /// The host whose agent does it.
    pub(in crate::schema) host: HostId,
    pub(in crate::schema) dry_run: bool,
    pub(in crate::schema) not_before: Option<UnixMs>,
    pub(in crate::schema) statements: &'a [ProposedStatement],
    pub(in crate::schema) at: UnixMs,
    /// It has to wait, and is looked at then.
    pub(in crate::schema) look_at: Option<UnixMs>,
    /// It does not wait for windows after that.
    pub(in crate::schema) wait_until: Option<UnixMs>,
    /// Why it begins although no window is open.
    pub(in crate::schema) override_reason: Option<&'a str>,
    /// It waits for no window, and why.
    pub(in crate::schema) hurry_reason: Option<&'a str>,
    /// What a commit asked for, if one did.
    pub(in crate::schema) wish: Option<GitWishId>,
}

/// What is new of a statement.
pub(in crate::schema) struct StepNews<'a> {
    pub(in crate::schema) position: i64,
    pub(in crate::schema) status: &'static str,
    pub(in crate::schema) duration_ms: Option<i64>,
    pub(in crate::schema) rows: Option<i64>,
    pub(in crate::schema) detail: &'a str,
}

pub(in crate::schema) async fn insert(
    tx: &mut Tx,
    by: &By<'_>,
    new: &NewExecution<'_>,
) -> Result<(), DbError> {
    const SQL: &str = "insert into executions (id, org_id, release_id, server_id, agent_id, dry_run, not_before, \
        status, person, name, created_at, look_at, wait_until, override_reason, key_id, hurry_reason, wish_id) \
        values ($1, $2, $3, $4, $5, $6, $7, 'pending', $8, $9, $10, $11, $12, $13, $14, $15, $16)";
    let steps: Vec<(i64, &str)> = (0_i64..)
        .zip(new.statements)
        .map(|(position, statement)| (position, statement.sql.as_str()))
        .collect();
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(new.id)
            .bind(by.org)
            .bind(new.release)
            .bind(new.server)
            .bind(new.host)
            .bind(new.dry_run)
            .bind(new.not_before)
            .bind(by.person)
            .bind(by.name)
            .bind(new.at)
            .bind(new.look_at)
            .bind(new.wait_until)
            .bind(new.override_reason)
            .bind(by.key)
            .bind(new.hurry_reason)
            .bind(new.wish)
            .execute(&mut *conn)
            .await?;
        for page in steps.chunks(PAGE) {
            let mut sql = QueryBuilder::new(
                "insert into execution_steps (execution_id, position, sql, status, detail) ",
            );
            sql.push_values(page, |mut row, (position, statement)| {
                row.push_bind(new.id)
                    .push_bind(*position)
                    .push_bind(*statement)
                    .push_bind("pending")
                    .push_bind("");
            });
            sql.build().execute(&mut *conn).await?;
        }
    });
    Ok(())
}

pub(in crate::schema) async fn set_order(
    tx: &mut Tx,
    id: ExecutionId,
    order: OrderId,
) -> Result<(), DbError> {
    // What was seen before an order that did not begin says nothing of this one.
    const SQL: &str = "update executions set order_id = $2, base_state = null, base_detail = '', base_found = 0, \
        base_differences = null, base_checked_at = null, let_go_at = null where id = $1";
    with_tx!(tx, |conn| {
        sqlx::query(SQL).bind(id).bind(order).execute(conn).await?;
    });
    Ok(())
}

/// Writes where the execution stands, as its order says; false if it has ended, which is final, or has another order by now.
pub(in crate::schema) async fn set_status(
    tx: &mut Tx,
    id: ExecutionId,
    status: ExecutionStatus,
    order: &Order,
) -> Result<bool, DbError> {
    const SQL: &str = "update executions set status = $2, error = $3, server_version = $4, started_at = $5, \
        ended_at = $6, told = (told and not ($8 and not dry_run)) \
        where id = $1 and order_id = $7 and status in ('pending', 'running')";
    let ended_at = order.ended_at.filter(|_| status.is_end());
    let written = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(id)
        .bind(status.as_str())
        .bind(&order.error)
        .bind(&order.server_version)
        .bind(order.started_at.or(order.accepted_at))
        .bind(ended_at)
        .bind(order.id)
        .bind(status.is_failure())
        .execute(conn)
        .await?
        .rows_affected());
    Ok(written == 1)
}

pub(in crate::schema) async fn set_step(
    tx: &mut Tx,
    id: ExecutionId,
    news: &StepNews<'_>,
) -> Result<(), DbError> {
    const SQL: &str = "update execution_steps set status = $3, duration_ms = $4, row_count = $5, detail = $6 \
        where execution_id = $1 and position = $2";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(id)
            .bind(news.position)
            .bind(news.status)
            .bind(news.duration_ms)
            .bind(news.rows)
            .bind(news.detail)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// At the end: statements that nothing was heard of were not reached.
pub(in crate::schema) async fn close_steps(tx: &mut Tx, id: ExecutionId) -> Result<(), DbError> {
    const SQL: &str = "update execution_steps set status = 'skipped', detail = 'not reached' \
        where execution_id = $1 and status = 'pending'";
    with_tx!(tx, |conn| {
        sqlx::query(SQL).bind(id).execute(conn).await?;
    });
    Ok(())
}

/// The servers on which a release succeeded.
pub(in crate::schema) async fn list_succeeded(db: &Db, release: ReleaseId) -> Result<Vec<ServerId>, DbError> {
    const SQL: &str = "select distinct server_id from executions where release_id = $1 and status = 'success' \
        and not dry_run";
    Ok(with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .bind(release)
        .fetch_all(pool)
        .await)?)
}

/// The server of an execution, for its password.
pub(in crate::schema) async fn server_of(db: &Db, id: ExecutionId) -> Result<Option<ServerId>, DbError> {
    const SQL: &str = "select server_id from executions where id = $1";
    Ok(with_pool!(db, |pool| sqlx::query_scalar(SQL)
        .bind(id)
        .fetch_optional(pool)
        .await)?)
}

#[derive(sqlx::FromRow)]
struct Record {
    id: ExecutionId,
    release_id: ReleaseId,
    version: String,
    environment: String,
    database: String,
    server_id: ServerId,
    label: String,
    agent_id: HostId,
    order_id: Option<OrderId>,
    dry_run: bool,
    not_before: Option<UnixMs>,
    status: String,
    error: Option<String>,
    server_version: Option<String>,
    name: String,
    created_at: UnixMs,
    started_at: Option<UnixMs>,
    ended_at: Option<UnixMs>,
    look_at: Option<UnixMs>,
    wait_until: Option<UnixMs>,
    override_reason: Option<String>,
}

/// The database is called what its server calls it: a design may have another name for it.
const COLUMNS: &str = "e.id, e.release_id, r.version, r.environment, coalesce(t.database, r.database) as database, \
    e.server_id, s.label, e.agent_id, e.order_id, e.dry_run, e.not_before, e.status, e.error, e.server_version, e.name, \
    e.created_at, e.started_at, e.ended_at, e.look_at, e.wait_until, e.override_reason \
    from executions e join releases r on r.id = e.release_id \
    join db_servers s on s.id = e.server_id \
    left join ticket_servers t on t.ticket_id = r.ticket_id and t.server_id = e.server_id";

impl TryFrom<Record> for Execution {
    type Error = DbError;

    fn try_from(record: Record) -> Result<Self, DbError> {
        let duration_ms = record
            .started_at
            .zip(record.ended_at)
            .map(|(start, end)| end.ms_since(start).max(0));
        Ok(Self {
            id: record.id,
            release_id: record.release_id,
            version: record.version,
            environment: record.environment,
            database: record.database,
            server: record.server_id,
            server_label: record.label,
            host_id: record.agent_id,
            order_id: record.order_id,
            dry_run: record.dry_run,
            not_before: record.not_before,
            status: ExecutionStatus::parse(&record.status)?,
            waits: None,
            override_reason: record.override_reason,
            gives_up_at: record.look_at.and(record.wait_until),
            error: record.error,
            server_version: record.server_version,
            by: record.name,
            created_at: record.created_at,
            started_at: record.started_at,
            ended_at: record.ended_at,
            duration_ms,
        })
    }
}

pub(in crate::schema) async fn find(
    db: &Db,
    org: OrgId,
    id: ExecutionId,
) -> Result<Option<Execution>, DbError> {
    let sql = format!("select {COLUMNS} where e.org_id = $1 and e.id = $2");
    let record: Option<Record> = with_pool!(db, |pool| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(org)
        .bind(id)
        .fetch_optional(pool)
        .await)?;
    record.map(Execution::try_from).transpose()
}

/// Newest first; of one release, if given.
pub(in crate::schema) async fn list(
    db: &Db,
    (org, scope): (OrgId, &Scope),
    release: Option<ReleaseId>,
    before: Option<ExecutionId>,
    limit: i64,
) -> Result<Vec<Execution>, DbError> {
    let in_reach = reach::condition(db, "r", "r.ticket_id", 5);
    let sql = format!(
        "select {COLUMNS} where e.org_id = $1 and ($2 is null or e.release_id = $2) \
        and ($3 is null or e.id < $3) and {in_reach} order by e.id desc limit $4"
    );
    let records: Vec<Record> = with_pool!(db, |pool| sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(org)
        .bind(release)
        .bind(before)
        .bind(limit)
        .bind(scope.keys(ObjectKind::Environments))
        .bind(scope.keys(ObjectKind::Databases))
        .bind(scope.keys(ObjectKind::Servers))
        .fetch_all(pool)
        .await)?;
    records.into_iter().map(Execution::try_from).collect()
}

#[derive(sqlx::FromRow)]
struct StepRecord {
    sql: String,
    status: String,
    duration_ms: Option<i64>,
    row_count: Option<i64>,
    detail: String,
}

/// In order.
pub(in crate::schema) async fn list_steps(db: &Db, id: ExecutionId) -> Result<Vec<ExecutionStep>, DbError> {
    const SQL: &str = "select sql, status, duration_ms, row_count, detail from execution_steps \
        where execution_id = $1 order by position";
    let records: Vec<StepRecord> = with_pool!(db, |pool| sqlx::query_as(SQL).bind(id).fetch_all(pool).await)?;
    let step = |record: StepRecord| {
        let detail = Some(record.detail).filter(|detail| !detail.is_empty());
        let (error, detail) = if record.status == "failure" {
            (detail, None)
        } else {
            (None, detail)
        };
        ExecutionStep {
            sql: record.sql,
            status: record.status,
            duration_ms: record.duration_ms,
            rows: record.row_count,
            error,
            detail,
        }
    };
    Ok(records.into_iter().map(step).collect())
}

/// Whether something is being executed on a database of a server, or its host has been asked to.
pub(in crate::schema) async fn is_under_way(
    tx: &mut Tx,
    (server, database): (ServerId, &str),
) -> Result<bool, DbError> {
    const SQL: &str = "select count(*) from executions e join releases r on r.id = e.release_id \
        left join ticket_servers t on t.ticket_id = r.ticket_id and t.server_id = e.server_id \
        where e.server_id = $1 and coalesce(t.database, r.database) = $2 and not e.dry_run \
        and e.status in ('pending', 'running') and e.order_id is not null";
    let count: i64 = with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(server)
        .bind(database)
        .fetch_one(conn)
        .await?);
    Ok(count > 0)
}

/// How many executions on a database of a server have ended: whether one has since somebody looked.
pub(in crate::schema) async fn ended(
    tx: &mut Tx,
    (server, database): (ServerId, &str),
) -> Result<i64, DbError> {
    const SQL: &str = "select count(*) from executions e join releases r on r.id = e.release_id \
        left join ticket_servers t on t.ticket_id = r.ticket_id and t.server_id = e.server_id \
        where e.server_id = $1 and coalesce(t.database, r.database) = $2 and not e.dry_run \
        and e.status not in ('pending', 'running')";
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(server)
        .bind(database)
        .fetch_one(conn)
        .await?))
}
