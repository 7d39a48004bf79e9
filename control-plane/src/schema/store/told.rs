//! What nobody was told of yet: rows of `executions` and `release_rollouts`.

use muster_base::{ExecutionId, OrgId, ReleaseId, ReleaseRolloutId, ServerId};

use crate::{
    db::{Db, DbError, Tx},
    with_pool, with_tx,
};

/// An execution that did not end well.
#[derive(Debug, sqlx::FromRow)]
pub(in crate::schema) struct UntoldExecution {
    pub(in crate::schema) id: ExecutionId,
    pub(in crate::schema) org_id: OrgId,
    pub(in crate::schema) server_id: ServerId,
    pub(in crate::schema) label: String,
    pub(in crate::schema) version: String,
    pub(in crate::schema) environment: String,
    /// As it is called on the server.
    pub(in crate::schema) database: String,
    pub(in crate::schema) status: String,
    pub(in crate::schema) error: Option<String>,
    pub(in crate::schema) person: String,
    /// Its design's name, by which people may see it or not.
    pub(in crate::schema) design: String,
}

/// A rollout that waits for a word.
#[derive(Debug, sqlx::FromRow)]
pub(in crate::schema) struct UntoldRollout {
    pub(in crate::schema) id: ReleaseRolloutId,
    pub(in crate::schema) org_id: OrgId,
    pub(in crate::schema) release_id: ReleaseId,
    pub(in crate::schema) version: String,
    pub(in crate::schema) environment: String,
    pub(in crate::schema) database: String,
    /// Why it was halted; none if it pauses.
    pub(in crate::schema) reason: Option<String>,
    pub(in crate::schema) person: String,
}

/// Every org's executions that nobody was told of.
pub(in crate::schema) async fn list_executions(db: &Db, limit: i64) -> Result<Vec<UntoldExecution>, DbError> {
    const SQL: &str = "select e.id, e.org_id, e.server_id, d.label, r.version, r.environment, \
        coalesce(t.database, r.database) as database, e.status, e.error, e.person, r.database as design \
        from executions e join releases r on r.id = e.release_id join db_servers d on d.id = e.server_id \
        join ticket_servers t on t.ticket_id = r.ticket_id and t.server_id = e.server_id \
        where not e.told and not exists (select 1 from release_rollout_servers s \
        join release_rollouts o on o.id = s.rollout_id where s.execution_id = e.id and o.status = 'rolling') \
        order by e.id limit $1";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(limit)
        .fetch_all(pool)
        .await)?)
}

/// Every org's rollouts that nobody was told of.
pub(in crate::schema) async fn list_rollouts(db: &Db, limit: i64) -> Result<Vec<UntoldRollout>, DbError> {
    const SQL: &str = "select o.id, o.org_id, o.release_id, r.version, r.environment, r.database, \
        case when o.status = 'halted' then coalesce(o.reason, '') end as reason, o.person \
        from release_rollouts o join releases r on r.id = o.release_id where not o.told order by o.id limit $1";
    Ok(with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(limit)
        .fetch_all(pool)
        .await)?)
}

/// It is told by the caller; false if somebody else did.
pub(in crate::schema) async fn set_execution(tx: &mut Tx, id: ExecutionId) -> Result<bool, DbError> {
    const SQL: &str = "update executions set told = $2 where id = $1 and not told";
    let set = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(id)
        .bind(true)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(set == 1)
}

/// What the rollout's halt says of its executions is told.
pub(in crate::schema) async fn set_halted(tx: &mut Tx, rollout: ReleaseRolloutId) -> Result<(), DbError> {
    const SQL: &str = "update executions set told = $2 where not told and id in \
        (select execution_id from release_rollout_servers where rollout_id = $1)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL).bind(rollout).bind(true).execute(conn).await?;
    });
    Ok(())
}

/// The same of a rollout.
pub(in crate::schema) async fn set_rollout(tx: &mut Tx, id: ReleaseRolloutId) -> Result<bool, DbError> {
    const SQL: &str = "update release_rollouts set told = $2 where id = $1 and not told";
    let set = with_tx!(tx, |conn| sqlx::query(SQL)
        .bind(id)
        .bind(true)
        .execute(conn)
        .await?
        .rows_affected());
    Ok(set == 1)
}
