//! Rows of `database_states`: what last succeeded on a server, and so what the next change starts from.

use muster_base::{ExecutionId, ReleaseId, ServerId, TicketId, UnixMs};
use muster_documents::Design;

use crate::{
    db::{Db, DbError, Tx},
    with_pool, with_tx,
};

/// What a ticket publishes on a server.
#[derive(Debug, Clone)]
pub(in crate::schema) struct Published {
    /// What is there afterwards.
    pub(in crate::schema) design: Design,
    /// The release that last succeeded there when it was computed.
    pub(in crate::schema) base: Option<ReleaseId>,
    /// When that was, or what was there was taken over.
    pub(in crate::schema) base_at: Option<UnixMs>,
}

/// What is on a server.
#[derive(Debug, Clone)]
pub(in crate::schema) struct State {
    pub(in crate::schema) design: Design,
    /// The release that it is of; none if what was there was taken over.
    pub(in crate::schema) release: Option<ReleaseId>,
    /// Since when.
    pub(in crate::schema) at: UnixMs,
}

fn corrupt(what: &str) -> DbError {
    DbError::Corrupt(format!("{what}: a design that can't be read"))
}

/// What last succeeded there.
pub(in crate::schema) async fn find(
    db: &Db,
    server: ServerId,
    database: &str,
) -> Result<Option<State>, DbError> {
    const SQL: &str =
        "select design, release_id, reached_at from database_states where server_id = $1 and database = $2";
    let row: Option<(String, Option<ReleaseId>, UnixMs)> = with_pool!(db, |pool| sqlx::query_as(SQL)
        .bind(server)
        .bind(database)
        .fetch_optional(pool)
        .await)?;
    let read = |(design, release, at): (String, Option<ReleaseId>, UnixMs)| {
        let design = serde_json::from_str(&design).map_err(|_| corrupt("database_states.design"))?;
        Ok(State { design, release, at })
    };
    row.map(read).transpose()
}

/// Notes what a ticket publishes on a server that it has.
pub(in crate::schema) async fn set_published(
    tx: &mut Tx,
    (ticket, server): (TicketId, ServerId),
    published: &Published,
) -> Result<(), DbError> {
    const SQL: &str = "update ticket_servers set design = $3, base_release_id = $4, base_reached_at = $5 \
        where ticket_id = $1 and server_id = $2";
    let design = serde_json::to_string(&published.design).map_err(|_| corrupt("ticket_servers.design"))?;
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(ticket)
            .bind(server)
            .bind(&design)
            .bind(published.base)
            .bind(published.base_at)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// What a published change was computed against, and what is there.
#[derive(Debug, sqlx::FromRow)]
pub(in crate::schema) struct Standing {
    /// The release that had last succeeded there when it was computed.
    pub(in crate::schema) base: Option<ReleaseId>,
    /// The release that has now.
    pub(in crate::schema) now: Option<ReleaseId>,
    /// Its version.
    pub(in crate::schema) version: Option<String>,
    /// When that was reached, then.
    base_at: Option<UnixMs>,
    /// And now.
    now_at: Option<UnixMs>,
}

impl Standing {
    /// Whether something else is there than this was computed against. What was taken over has no release to tell by.
    pub(in crate::schema) fn moved(&self) -> bool {
        self.now != self.base || (self.now.is_none() && self.now_at != self.base_at)
    }
}

/// Where a ticket's change for a database of a server stands, as the transaction sees it; none if it is SQL as text.
pub(in crate::schema) async fn standing(
    tx: &mut Tx,
    ticket: TicketId,
    (server, database): (ServerId, &str),
) -> Result<Option<Standing>, DbError> {
    const SQL: &str = "select t.base_release_id as base, s.release_id as now, r.version, \
        t.base_reached_at as base_at, s.reached_at as now_at from ticket_servers t \
        left join database_states s on s.server_id = t.server_id and s.database = $3 \
        left join releases r on r.id = s.release_id \
        where t.ticket_id = $1 and t.server_id = $2 and t.design is not null";
    Ok(with_tx!(tx, |conn| sqlx::query_as(SQL)
        .bind(ticket)
        .bind(server)
        .bind(database)
        .fetch_optional(conn)
        .await)?)
}

/// Once an execution of a published release has succeeded, its design is what is there, and what it set aside is kept.
pub(in crate::schema) async fn reach(
    tx: &mut Tx,
    execution: ExecutionId,
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "insert into database_states (server_id, database, release_id, design, reached_at) \
        select e.server_id, coalesce(t.database, r.database), e.release_id, t.design, $2 from executions e \
        join releases r on r.id = e.release_id \
        join ticket_servers t on t.ticket_id = r.ticket_id and t.server_id = e.server_id \
        where e.id = $1 and not e.dry_run and t.design is not null \
        on conflict (server_id, database) do update set release_id = excluded.release_id, design = excluded.design, \
        reached_at = excluded.reached_at";
    const PLACE: &str = "select s.server_id, s.database, s.design from executions e \
        join releases r on r.id = e.release_id \
        join ticket_servers t on t.ticket_id = r.ticket_id and t.server_id = e.server_id \
        join database_states s on s.server_id = e.server_id and s.database = coalesce(t.database, r.database) \
        where e.id = $1 and not e.dry_run and t.design is not null";
    super::aside_place::follow_renames(tx, execution).await?;
    let reached: Option<(ServerId, String, String)> = with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(execution)
            .bind(now)
            .execute(&mut *conn)
            .await?;
        sqlx::query_as(PLACE).bind(execution).fetch_optional(conn).await?
    });
    if let Some((server, database, design)) = reached {
        let design = serde_json::from_str(&design).map_err(|_| corrupt("ticket_servers.design"))?;
        super::published::set_parts(tx, (server, database.as_str()), &design).await?;
    }
    super::set_aside::reach(tx, execution, now).await
}

/// What is there is this design, which nothing made.
pub(in crate::schema) async fn take_over(
    tx: &mut Tx,
    (server, database): (ServerId, &str),
    design: &Design,
    now: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "insert into database_states (server_id, database, release_id, design, reached_at) \
        values ($1, $2, null, $3, $4) on conflict (server_id, database) do update \
        set release_id = null, design = excluded.design, reached_at = excluded.reached_at";
    let text = serde_json::to_string(design).map_err(|_| corrupt("database_states.design"))?;
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(server)
            .bind(database)
            .bind(&text)
            .bind(now)
            .execute(conn)
            .await?;
    });
    super::published::set_parts(tx, (server, database), design).await
}
