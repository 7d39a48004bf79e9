//! Rows of `executions` that have no order yet: they wait for their time, or for a window.

use muster_base::{ExecutionId, HostId, OrgId, ReleaseId, ServerId, UnixMs};

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
}

/// Those that are to be looked at.
pub(in crate::schema) async fn list_due(db: &Db, now: UnixMs, limit: i64) -> Result<Vec<Waiting>, DbError> {
    const SQL: &str = "select id, org_id, release_id, server_id, dry_run, not_before, look_at, wait_until, person, name \
        from executions where look_at is not null and look_at <= $1 order by look_at, id limit $2";
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
    const SQL: &str = "select id, org_id, release_id, server_id, dry_run, not_before, look_at, wait_until, person, name \
        from executions where look_at is not null and org_id = $1 and id = $2";
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
    /// Why it begins although no window is open.
    pub(in crate::schema) override_reason: Option<&'a str>,
}

/// Takes it out of its wait: of all who try, one hears `true`, and gives the order in the same transaction.
pub(in crate::schema) async fn leave(
    tx: &mut Tx,
    id: ExecutionId,
    leaving: &Leaving<'_>,
) -> Result<bool, DbError> {
    const SQL: &str = "update executions set look_at = null, agent_id = $2, wait_until = $3, override_reason = $4 \
        where id = $1 and look_at is not null and status = 'pending'";
    let left = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(id)
        .bind(leaving.host)
        .bind(leaving.wait_until)
        .bind(leaving.override_reason)
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
    const SQL: &str = "update executions set look_at = null, status = $2, error = $3, ended_at = $4 \
        where id = $1 and look_at is not null and status = 'pending'";
    let ended = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(id)
        .bind(status.as_str())
        .bind(error)
        .bind(now)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(ended == 1)
}

/// It waits for the next window, since its order expired before its host could be reached; false if it waits no longer.
pub(in crate::schema) async fn wait_again(
    tx: &mut Tx,
    id: ExecutionId,
    now: UnixMs,
) -> Result<bool, DbError> {
    const SQL: &str = "update executions set look_at = $2, order_id = null \
        where id = $1 and status = 'pending' and wait_until > $2";
    let waits = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(id)
        .bind(now)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(waits == 1)
}
