//! Rows of `executions` that have no order yet: they wait for their time, or for a window.

use muster_base::{ApiKeyId, ExecutionId, HostId, OrderId, OrgId, ReleaseId, ServerId, UnixMs};

use crate::{
    db::{Db, DbError, Tx},
    schema::ExecutionStatus,
    with_pool, with_tx,
};

/// An execution that waits.
#[derive(Debug, sqlx::FromRow)]
pub(in crate::schema) struct Waiting {
    pub(in crate::schema) id: ExecutionId,
    pub(in crate::schema) org_id: OrgId,
    pub(in crate::schema) release_id: ReleaseId,
    pub(in crate::schema) server_id: ServerId,
    pub(in crate::schema) dry_run: bool,
    pub(in crate::schema) not_before: Option<UnixMs>,
    pub(in crate::schema) look_at: UnixMs,
    pub(in crate::schema) wait_until: Option<UnixMs>,
    /// Who asked for it.
    pub(in crate::schema) person: String,
    pub(in crate::schema) name: String,
    /// The API key that they asked with.
    pub(in crate::schema) key_id: Option<ApiKeyId>,
    /// It begins whatever the windows say, and why.
    pub(in crate::schema) hurry_reason: Option<String>,
}

/// Those that are to be looked at, oldest first: of several for one database the one that was asked for first begins.
pub(in crate::schema) async fn list_due(db: &Db, now: UnixMs, limit: i64) -> Result<Vec<Waiting>, DbError> {
    const SQL: &str = "select id, org_id, release_id, server_id, dry_run, not_before, look_at, wait_until, person, name, key_id, \
        hurry_reason from executions where look_at is not null and look_at <= $1 order by id limit $2";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(now)
        .bind(limit)
        .fetch_all(pool)
        .await)?)
}

/// The execution, if it waits.
pub(in crate::schema) async fn find(
    db: &Db,
    org: OrgId,
    id: ExecutionId,
) -> Result<Option<Waiting>, DbError> {
    const SQL: &str = "select id, org_id, release_id, server_id, dry_run, not_before, look_at, wait_until, person, name, key_id, \
        hurry_reason from executions where look_at is not null and org_id = $1 and id = $2";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(org)
        .bind(id)
        .fetch_optional(pool)
        .await)?)
}

/// It is looked at again then, unless somebody has said another time.
pub(in crate::schema) async fn set_look_at(
    tx: &mut Tx,
    waiting: &Waiting,
    look_at: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "update executions set look_at = $3 where id = $1 and look_at = $2";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(waiting.id)
            .bind(waiting.look_at)
            .bind(look_at)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// What waits in the environment is looked at soon.
pub(in crate::schema) async fn look_at_once(
    tx: &mut Tx,
    (org, environment): (OrgId, &str),
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "update executions set look_at = $3 where look_at > $3 and org_id = $1 \
        and release_id in (select id from releases where org_id = $1 and environment = $2)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(org)
            .bind(environment)
            .bind(now)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// How an execution leaves its wait.
pub(in crate::schema) struct Leaving<'a> {
    /// The host whose agent does it.
    pub(in crate::schema) host: HostId,
    /// It may wait again until then if its host can't be reached while the window is open.
    pub(in crate::schema) wait_until: Option<UnixMs>,
    /// Why it begins although no window is open; what it said before stays if it has none.
    pub(in crate::schema) override_reason: Option<&'a str>,
    /// Somebody begins it now: the time that it was not to begin before counts no more.
    pub(in crate::schema) by_hand: bool,
}

/// Whether another execution for that database of that server has begun and not ended. Whoever asks holds the server's row
/// ([`super::server::lock`]).
pub(in crate::schema) async fn is_busy(
    tx: &mut Tx,
    id: ExecutionId,
    (server, database): (ServerId, &str),
) -> Result<bool, DbError> {
    const SQL: &str = "select count(*) from executions e join releases r on r.id = e.release_id \
        join ticket_servers t on t.ticket_id = r.ticket_id and t.server_id = e.server_id \
        where e.server_id = $1 and coalesce(t.database, r.database) = $2 and e.id <> $3 \
        and e.look_at is null and e.status in ('pending', 'running')";
    let begun: i64 = with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(server)
        .bind(database)
        .bind(id)
        .fetch_one(conn)
        .await)?;
    Ok(begun > 0)
}

/// Takes it out of its wait: of all who try, one hears `true`, and gives the order in the same transaction.
pub(in crate::schema) async fn leave(
    tx: &mut Tx,
    id: ExecutionId,
    leaving: &Leaving<'_>,
) -> Result<bool, DbError> {
    const SQL: &str = "update executions set look_at = null, agent_id = $2, wait_until = $3, \
        override_reason = coalesce($4, override_reason), not_before = case when $5 then null else not_before end, \
        hurry_reason = null \
        where id = $1 and look_at is not null and status = 'pending'";
    let left = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(id)
        .bind(leaving.host)
        .bind(leaving.wait_until)
        .bind(leaving.override_reason)
        .bind(leaving.by_hand)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(left == 1)
}

/// Ends it; false if it does not wait any more.
pub(in crate::schema) async fn end(
    tx: &mut Tx,
    id: ExecutionId,
    (status, error): (ExecutionStatus, &str),
    now: UnixMs,
) -> Result<bool, DbError> {
    const SQL: &str = "update executions set look_at = null, status = $2, error = $3, ended_at = $4, told = (told and not ($5 and not dry_run)) \
        where id = $1 and look_at is not null and status = 'pending'";
    let ended = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(id)
        .bind(status.as_str())
        .bind(error)
        .bind(now)
        .bind(status.is_failure())
        .execute(conn)
        .await?
        .rows_affected());
    Ok(ended == 1)
}

/// The order of an execution that has one and is not known to run.
pub(in crate::schema) async fn order_of_pending(
    tx: &mut Tx,
    id: ExecutionId,
) -> Result<Option<OrderId>, DbError> {
    const SQL: &str =
        "select order_id from executions where id = $1 and status = 'pending' and order_id is not null";
    Ok(with_tx!(tx, |conn| sqlx::query_scalar(SQL)
        .bind(id)
        .fetch_optional(conn)
        .await)?)
}

/// It waits for the next window, since this order of its expired before its host had begun; false if it waits no longer.
pub(in crate::schema) async fn wait_again(
    tx: &mut Tx,
    (id, order): (ExecutionId, OrderId),
    now: UnixMs,
) -> Result<bool, DbError> {
    const SQL: &str = "update executions set look_at = $2, order_id = null \
        where id = $1 and status = 'pending' and order_id = $3 and wait_until > $2";
    let waits = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(id)
        .bind(now)
        .bind(order)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(waits == 1)
}

/// Those of the environment that have an order and nobody's reason to begin outside the windows, and are not known to
/// run.
pub(in crate::schema) async fn list_ordered(
    tx: &mut Tx,
    (org, environment): (OrgId, &str),
) -> Result<Vec<(ExecutionId, OrderId)>, DbError> {
    const SQL: &str = "select e.id, e.order_id from executions e join releases r on r.id = e.release_id \
        where e.org_id = $1 and r.environment = $2 and e.status = 'pending' and e.order_id is not null \
        and e.override_reason is null order by e.id";
    Ok(with_tx!(tx, |conn| sqlx::query_as(SQL)
        .bind(org)
        .bind(environment)
        .fetch_all(conn)
        .await)?)
}

/// It waits after all: its order was taken back.
pub(in crate::schema) async fn put_back(
    tx: &mut Tx,
    (id, order): (ExecutionId, OrderId),
    (now, wait_until): (UnixMs, UnixMs),
) -> Result<(), DbError> {
    const SQL: &str = "update executions set look_at = $3, order_id = null, \
        wait_until = coalesce(wait_until, $4) where id = $1 and order_id = $2 and status = 'pending'";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(id)
            .bind(order)
            .bind(now)
            .bind(wait_until)
            .execute(conn)
            .await?;
    });
    Ok(())
}
