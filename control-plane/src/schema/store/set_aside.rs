//! Rows of `set_asides`: what was renamed aside instead of being dropped.

use muster_base::{ExecutionId, OrgId, ReleaseId, ServerId, SetAsideId, TicketId, UnixMs};
use muster_schema::model::Name;
use sqlx::AssertSqlSafe;

use super::aside_place::{drop_columns, move_columns};
use crate::{
    access::{ObjectKind, Scope},
    db::{Db, DbError, Tx},
    schema::{
        PlannedAside, PlannedAsides, SetAside, SetAsideKind, SetAsideProposal, SetAsideState, TicketStatus,
        Wish,
    },
    with_pool, with_tx,
};

#[derive(sqlx::FromRow)]
struct Record {
    id: SetAsideId,
    server_id: ServerId,
    label: String,
    environment: String,
    database: String,
    kind: String,
    namespace: String,
    table_name: String,
    name: String,
    name_now: String,
    drop_sql: String,
    restore_sql: String,
    release_id: ReleaseId,
    version: String,
    execution_id: ExecutionId,
    at: UnixMs,
    expires_at: UnixMs,
    state: String,
    state_at: UnixMs,
    wish: Option<String>,
    ticket_id: Option<TicketId>,
    status: Option<String>,
}

fn corrupt(what: &str) -> DbError {
    DbError::Corrupt(format!("set_asides.{what}"))
}

impl TryFrom<Record> for SetAside {
    type Error = DbError;

    fn try_from(record: Record) -> Result<Self, DbError> {
        let state = SetAsideState::ALL
            .into_iter()
            .find(|state| state.as_str() == record.state)
            .ok_or_else(|| corrupt("state"))?;
        let proposal = match (record.ticket_id, record.wish.as_deref(), record.status.as_deref()) {
            (Some(ticket_id), Some(wish), Some(status)) => Some(SetAsideProposal {
                ticket_id,
                wish: match wish {
                    "drop" => Wish::Drop,
                    "restore" => Wish::Restore,
                    _ => return Err(corrupt("wish")),
                },
                status: TicketStatus::parse(status)?,
            }),
            _ => None,
        };
        Ok(Self {
            id: record.id,
            server_id: record.server_id,
            label: record.label,
            environment: record.environment,
            database: record.database,
            kind: match record.kind.as_str() {
                "table" => SetAsideKind::Table,
                "column" => SetAsideKind::Column,
                "rows" => SetAsideKind::Rows,
                _ => return Err(corrupt("kind")),
            },
            namespace: record.namespace,
            table: record.table_name,
            name: record.name,
            name_now: record.name_now,
            drop_sql: record.drop_sql,
            restore_sql: record.restore_sql,
            release_id: record.release_id,
            version: record.version,
            execution_id: record.execution_id,
            at: record.at,
            expires_at: record.expires_at,
            state,
            state_at: record.state_at,
            proposal,
        })
    }
}

const SELECT: &str = "select a.id, a.server_id, d.label, d.environment, a.database, a.kind, a.namespace, a.table_name, \
    a.name, a.name_now, a.drop_sql, a.restore_sql, a.release_id, r.version, a.execution_id, a.at, a.expires_at, a.state, \
    a.state_at, a.wish, a.ticket_id, t.status from set_asides a \
    join db_servers d on d.id = a.server_id and d.deleted_at is null join releases r on r.id = a.release_id \
    left join tickets t on t.id = a.ticket_id where a.org_id = $1";

/// Newest first.
pub(in crate::schema) async fn list(
    db: &Db,
    (org, scope): (OrgId, &Scope),
    state: Option<SetAsideState>,
    before: Option<SetAsideId>,
    limit: i64,
) -> Result<Vec<SetAside>, DbError> {
    let server = db.id_among("d.id", 5);
    let environment = db.text_among("d.environment", 6);
    let database = db.text_among("a.database", 7);
    let sql = format!(
        "{SELECT} and ($2 is null or a.state = $2) and ($3 is null or a.id < $3) \
         and ($5 is null or {server}) and ($6 is null or {environment}) and ($7 is null or {database}) \
         order by a.id desc limit $4"
    );
    let records: Vec<Record> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(state.map(SetAsideState::as_str))
        .bind(before)
        .bind(limit)
        .bind(scope.keys(ObjectKind::Servers))
        .bind(scope.keys(ObjectKind::Environments))
        .bind(scope.keys(ObjectKind::Databases))
        .fetch_all(pool)
        .await)?;
    records.into_iter().map(TryInto::try_into).collect()
}

pub(in crate::schema) async fn find(
    db: &Db,
    org: OrgId,
    id: SetAsideId,
) -> Result<Option<SetAside>, DbError> {
    let sql = format!("{SELECT} and a.id = $2");
    let record: Option<Record> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(org)
        .bind(id)
        .fetch_optional(pool)
        .await)?;
    record.map(TryInto::try_into).transpose()
}

#[derive(sqlx::FromRow)]
struct Done {
    org_id: OrgId,
    server_id: ServerId,
    database: String,
    release_id: ReleaseId,
    set_aside: String,
}

#[derive(sqlx::FromRow)]
struct Ended {
    server_id: ServerId,
    database: String,
    namespace: String,
    table_name: String,
    name_now: String,
    state: String,
}

/// Once an execution has succeeded: what it set aside is kept, and what it dropped or brought back is so; columns that were
/// set aside go where their table goes. The same execution once more, and another one of its release, change nothing.
pub(in crate::schema) async fn reach(
    tx: &mut Tx,
    execution: ExecutionId,
    now: UnixMs,
) -> Result<(), DbError> {
    const END: &str = "update set_asides set state = case wish when 'drop' then 'dropped' else 'restored' end, state_at = $2 \
        where state in ('kept', 'gone') and wish is not null and ticket_id = (select r.ticket_id from executions e \
        join releases r on r.id = e.release_id where e.id = $1 and not e.dry_run) \
        returning server_id, database, namespace, table_name, name_now, case kind when 'table' then state else '' end as state";
    keep(tx, execution, now, |_| true).await?;
    let ended: Vec<Ended> = with_tx!(tx, |conn| sqlx::query_as(END)
        .bind(execution)
        .bind(now)
        .fetch_all(conn)
        .await)?;
    for one in ended {
        let was = Name::new(one.namespace, one.table_name);
        let aside = was.sibling(one.name_now);
        let place = (one.server_id, one.database.as_str());
        match one.state.as_str() {
            "restored" => move_columns(tx, place, (&aside, &was)).await?,
            "dropped" => drop_columns(tx, place, &aside, now).await?,
            _ => {}
        }
    }
    Ok(())
}

/// Once an execution has ended otherwise: the rows that were kept for statements which have succeeded are there all the same.
pub(in crate::schema) async fn reach_partly(
    tx: &mut Tx,
    execution: ExecutionId,
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "select position from execution_steps where execution_id = $1 and status = 'success'";
    let done: Vec<i64> = with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(execution)
        .fetch_all(conn)
        .await)?;
    keep(tx, execution, now, |item| {
        item.statement
            .is_some_and(|statement| done.contains(&i64::from(statement)))
    })
    .await
}

/// Notes what an execution set aside, as far as `is_there` says so.
async fn keep(
    tx: &mut Tx,
    execution: ExecutionId,
    now: UnixMs,
    is_there: impl Fn(&PlannedAside) -> bool,
) -> Result<(), DbError> {
    const DONE: &str = "select r.org_id, e.server_id, coalesce(t.database, r.database) as database, e.release_id, t.set_aside \
        from executions e join releases r on r.id = e.release_id \
        join ticket_servers t on t.ticket_id = r.ticket_id and t.server_id = e.server_id \
        where e.id = $1 and not e.dry_run and t.set_aside is not null";
    const KEEP: &str = "insert into set_asides (id, org_id, server_id, database, kind, namespace, table_name, name, name_now, \
        drop_sql, restore_sql, release_id, execution_id, at, expires_at, state, state_at) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 'kept', $14) on conflict (id) do nothing";
    let done: Option<Done> = with_tx!(tx, |conn| sqlx::query_as(DONE)
        .bind(execution)
        .fetch_optional(conn)
        .await)?;
    if let Some(done) = done {
        let planned: PlannedAsides =
            serde_json::from_str(&done.set_aside).map_err(|_| corrupt("ticket_servers"))?;
        for item in planned.items.iter().filter(|item| is_there(item)) {
            let days = item.days.unwrap_or(planned.days);
            let inserted = with_tx!(tx, |conn| sqlx::query(KEEP)
                .bind(item.id)
                .bind(done.org_id)
                .bind(done.server_id)
                .bind(&done.database)
                .bind(item.kind.as_str())
                .bind(&item.namespace)
                .bind(&item.table)
                .bind(&item.name)
                .bind(&item.name_now)
                .bind(&item.drop_sql)
                .bind(&item.restore_sql)
                .bind(done.release_id)
                .bind(execution)
                .bind(now)
                .bind(now.plus_ms(i64::from(days) * UnixMs::DAY))
                .execute(conn)
                .await?
                .rows_affected());
            if inserted == 1 && item.kind == SetAsideKind::Table {
                let from = Name::new(&item.namespace, &item.table);
                let to = from.sibling(&item.name_now);
                move_columns(tx, (done.server_id, &done.database), (&from, &to)).await?;
            }
        }
    }
    Ok(())
}

/// Ties a ticket to it; not while another is under way, or where it is kept no more.
pub(in crate::schema) async fn bind(
    tx: &mut Tx,
    db: &Db,
    (org, id): (OrgId, SetAsideId),
    (ticket, wish): (TicketId, Wish),
) -> Result<bool, DbError> {
    const LOCK: &str = "select id from set_asides where org_id = $1 and id = $2";
    const SQL: &str = "update set_asides set ticket_id = $3, wish = $4 where org_id = $1 and id = $2 and state = 'kept' \
        and not exists (select 1 from tickets t where t.id = set_asides.ticket_id and (t.status = 'pending' \
        or (t.status = 'approved' and not exists (select 1 from releases r join executions e on e.release_id = r.id \
        where r.ticket_id = t.id and not e.dry_run and e.status in ('failure', 'rolledBack', 'cancelled'))) \
        or exists (select 1 from releases r join executions e on e.release_id = r.id \
        where r.ticket_id = t.id and not e.dry_run and e.status in ('pending', 'running'))))";
    let lock = format!("{LOCK}{}", db.for_update());
    Ok(with_tx!(tx, |conn| {
        // Whoever comes second sees what the first has tied to it.
        let locked: Option<SetAsideId> = sqlx::query_scalar(AssertSqlSafe(lock))
            .bind(org)
            .bind(id)
            .fetch_optional(&mut *conn)
            .await?;
        if locked.is_none() {
            return Ok(false);
        }
        sqlx::query(SQL)
            .bind(org)
            .bind(id)
            .bind(ticket)
            .bind(wish.as_str())
            .execute(conn)
            .await?
            .rows_affected()
            == 1
    }))
}

/// The ticket that takes a rejected one's place with the same SQL does what that was to do.
pub(in crate::schema) async fn follow(
    tx: &mut Tx,
    (rejected, ticket): (TicketId, TicketId),
    sql: &str,
) -> Result<(), DbError> {
    const SQL: &str = "update set_asides set ticket_id = $2 where ticket_id = $1 and state = 'kept' \
        and exists (select 1 from tickets t where t.id = $1 and t.sql = $3)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(rejected)
            .bind(ticket)
            .bind(sql)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Something in a database whose days are over.
#[derive(Debug, sqlx::FromRow)]
pub(in crate::schema) struct Expired {
    pub(in crate::schema) org_id: OrgId,
    pub(in crate::schema) server_id: ServerId,
    pub(in crate::schema) database: String,
    pub(in crate::schema) kind: String,
    pub(in crate::schema) table_name: String,
    pub(in crate::schema) name: String,
}

/// What has expired and was not told of, by database.
pub(in crate::schema) async fn expired(db: &Db, now: UnixMs, limit: i64) -> Result<Vec<Expired>, DbError> {
    const SQL: &str = "select a.org_id, a.server_id, a.database, a.kind, a.table_name, a.name from set_asides a \
        join db_servers d on d.id = a.server_id and d.deleted_at is null \
        where a.state = 'kept' and a.told_at is null and a.expires_at <= $1 \
        order by a.server_id, a.database, a.id limit $2";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(now)
        .bind(limit)
        .fetch_all(pool)
        .await)?)
}

/// Notes that it was told what has expired in a database; not if it was already.
pub(in crate::schema) async fn set_told(
    tx: &mut Tx,
    (server, database): (ServerId, &str),
    now: UnixMs,
) -> Result<bool, DbError> {
    const SQL: &str = "update set_asides set told_at = $3 where server_id = $1 and database = $2 and state = 'kept' \
        and told_at is null and expires_at <= $3";
    Ok(with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(server)
            .bind(database)
            .bind(now)
            .execute(conn)
            .await?
            .rows_affected()
            > 0
    }))
}
