//! How executions' databases compared with what their releases were computed against, and which were let go: columns `base_…`
//! and `let_go_at` of `executions`.

use muster_base::{ExecutionId, HostId, OrderId, ReleaseId, ServerId, TicketId, UnixMs};
use muster_documents::Design;

use crate::{
    db::{Db, DbError, Tx},
    schema::{BaseCheck, BaseCheckState, DriftDifference},
    with_pool, with_tx,
};

/// An execution whose order is to leave.
#[derive(Debug, sqlx::FromRow)]
pub(in crate::schema) struct Asked {
    pub(in crate::schema) release_id: ReleaseId,
    pub(in crate::schema) ticket_id: TicketId,
    pub(in crate::schema) server_id: ServerId,
    /// As the server calls it.
    pub(in crate::schema) database: String,
    /// It was published, so it is known what it was computed against.
    pub(in crate::schema) designed: bool,
    /// The release was begun there before, and something of it may be there.
    pub(in crate::schema) begun: bool,
    base_state: Option<String>,
    base_detail: String,
    base_checked_at: Option<UnixMs>,
}

impl Asked {
    /// For how long it could not be read for this reason, in milliseconds.
    pub(in crate::schema) fn unread_for(&self, why: &str, now: UnixMs) -> i64 {
        let is_same = self.base_state.as_deref() == Some(BaseCheckState::Unread.as_str());
        let since = self
            .base_checked_at
            .filter(|_| is_same && self.base_detail == why);
        since.map_or(0, |since| now.ms_since(since))
    }
}

/// What is noted of a look.
#[derive(Debug, Clone)]
pub(in crate::schema) struct Noted {
    pub(in crate::schema) state: BaseCheckState,
    pub(in crate::schema) detail: String,
    /// How many things are different.
    pub(in crate::schema) found: usize,
    /// The first of them.
    pub(in crate::schema) differences: Vec<DriftDifference>,
}

impl Noted {
    pub(in crate::schema) fn of(state: BaseCheckState, detail: &str) -> Self {
        Self {
            state,
            detail: detail.to_owned(),
            found: 0,
            differences: Vec::new(),
        }
    }
}

fn corrupt(what: &str) -> DbError {
    DbError::Corrupt(format!("executions.{what}"))
}

/// The execution, if it has not begun and this is its order.
pub(in crate::schema) async fn find(
    db: &Db,
    (id, order): (ExecutionId, OrderId),
) -> Result<Option<Asked>, DbError> {
    // What was rolled back or cancelled left nothing, what had not started can't have.
    const SQL: &str = "select e.release_id, r.ticket_id, e.server_id, coalesce(t.database, r.database) as database, \
        t.design is not null as designed, e.base_state, e.base_detail, e.base_checked_at, \
        exists (select 1 from executions o where o.release_id = e.release_id and o.server_id = e.server_id \
        and o.id <> e.id and not o.dry_run and (o.status in ('success', 'needsAttention') \
        or (o.status = 'failure' and exists (select 1 from execution_steps s where s.execution_id = o.id \
        and s.status = 'success')))) as begun \
        from executions e join releases r on r.id = e.release_id \
        join ticket_servers t on t.ticket_id = r.ticket_id and t.server_id = e.server_id \
        where e.id = $1 and e.order_id = $2 and e.status = 'pending'";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(id)
        .bind(order)
        .fetch_optional(pool)
        .await)?)
}

/// What is there once an execution has succeeded, of a release that was published.
pub(in crate::schema) async fn designed(db: &Db, id: ExecutionId) -> Result<Design, DbError> {
    const SQL: &str = "select t.design from executions e join releases r on r.id = e.release_id \
        join ticket_servers t on t.ticket_id = r.ticket_id and t.server_id = e.server_id \
        where e.id = $1 and t.design is not null";
    let design: String = with_pool!(db, |pool| sqlx::query_scalar(SQL).bind(id).fetch_one(pool).await)?;
    serde_json::from_str(&design)
        .map_err(|_| DbError::Corrupt("ticket_servers.design: a design that can't be read".to_owned()))
}

/// Whether that host executes something else, or was sent it: what it gets after that waits in its line, whatever the database.
pub(in crate::schema) async fn others_let_go(
    tx: &mut Tx,
    id: ExecutionId,
    host: HostId,
) -> Result<bool, DbError> {
    const SQL: &str = "select count(*) from executions where agent_id = $1 and id <> $2 and order_id is not null \
        and (status = 'running' or (status = 'pending' and let_go_at is not null))";
    let count: i64 = with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(host)
        .bind(id)
        .fetch_one(conn)
        .await?);
    Ok(count > 0)
}

/// Whether something that was compared with that database is on its way to it, and has not begun: nothing may come in between.
pub(in crate::schema) async fn is_compared_on_its_way(
    tx: &mut Tx,
    id: ExecutionId,
    (server, database): (ServerId, &str),
) -> Result<bool, DbError> {
    const SQL: &str = "select count(*) from executions e join releases r on r.id = e.release_id \
        join ticket_servers t on t.ticket_id = r.ticket_id and t.server_id = e.server_id \
        where e.server_id = $1 and coalesce(t.database, r.database) = $2 and e.id <> $3 and t.design is not null \
        and e.order_id is not null and e.status = 'pending' and e.let_go_at is not null";
    let count: i64 = with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(server)
        .bind(database)
        .bind(id)
        .fetch_one(conn)
        .await?);
    Ok(count > 0)
}

/// Lets go what is compared with nothing.
pub(in crate::schema) async fn let_go(
    tx: &mut Tx,
    (id, order): (ExecutionId, OrderId),
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str =
        "update executions set let_go_at = $3 where id = $1 and order_id = $2 and status = 'pending'";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(id)
            .bind(order)
            .bind(now)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Notes what was seen; false if the execution has begun or ended, or this is not its order any more. Since when it can't be read
/// is kept for as long as that has the same reason.
pub(in crate::schema) async fn set(
    tx: &mut Tx,
    (id, order): (ExecutionId, OrderId),
    noted: &Noted,
    now: UnixMs,
) -> Result<bool, DbError> {
    const SQL: &str = "update executions set \
        base_checked_at = case when base_state = 'unread' and $3 = 'unread' and base_detail = $4 \
        then base_checked_at else $7 end, \
        base_state = $3, base_detail = $4, base_found = $5, base_differences = $6, \
        let_go_at = case when $3 in ('same', 'oldAgent', 'begunBefore') then $7 end \
        where id = $1 and order_id = $2 and status = 'pending'";
    let differences = (!noted.differences.is_empty())
        .then(|| serde_json::to_string(&noted.differences).map_err(|_| corrupt("base_differences")))
        .transpose()?;
    let written = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(id)
        .bind(order)
        .bind(noted.state.as_str())
        .bind(&noted.detail)
        .bind(i64::try_from(noted.found).unwrap_or(i64::MAX))
        .bind(differences)
        .bind(now)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(written == 1)
}

#[derive(sqlx::FromRow)]
struct Record {
    state: String,
    detail: String,
    found: i64,
    differences: Option<String>,
    checked_at: UnixMs,
}

/// What was seen before an execution; none if nobody looked.
pub(in crate::schema) async fn shown(db: &Db, id: ExecutionId) -> Result<Option<BaseCheck>, DbError> {
    const SQL: &str = "select base_state as state, base_detail as detail, base_found as found, base_differences as differences, \
        base_checked_at as checked_at from executions \
        where id = $1 and base_state is not null and base_checked_at is not null";
    let record: Option<Record> =
        with_pool!(db, |pool| sqlx::query_as(SQL).bind(id).fetch_optional(pool).await)?;
    let Some(record) = record else { return Ok(None) };
    let differences = record.differences.as_deref().map(serde_json::from_str);
    Ok(Some(BaseCheck {
        state: BaseCheckState::parse(&record.state).ok_or_else(|| corrupt("base_state"))?,
        detail: record.detail,
        checked_at: record.checked_at,
        count: usize::try_from(record.found).map_err(|_| corrupt("base_found"))?,
        differences: differences
            .transpose()
            .map_err(|_| corrupt("base_differences"))?
            .unwrap_or_default(),
    }))
}
