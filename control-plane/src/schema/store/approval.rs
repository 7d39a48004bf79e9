//! Rows of `ticket_steps` and `ticket_approvals`.

use std::collections::BTreeMap;

use muster_base::{ServerId, TicketId, UnixMs};
use muster_documents::kind::flow::Quorum;
use sqlx::AssertSqlSafe;

use crate::{
    access::Caller,
    db::{Db, DbError, Tx},
    schema::{
        approval::Yes,
        flow::{SkipReason, Step},
    },
    with_pool, with_tx,
};

#[derive(sqlx::FromRow)]
struct StepRecord {
    ticket_id: TicketId,
    flow: String,
    revision: i64,
    name: String,
    who: String,
    quorum: i64,
    skipped: Option<String>,
}

impl StepRecord {
    fn step(self) -> Result<Step, DbError> {
        let corrupt = |what: &str| DbError::Corrupt(format!("ticket_steps.{what} of {}", self.ticket_id));
        let quorum = match u8::try_from(self.quorum).map_err(|_| corrupt("quorum"))? {
            0 => Quorum::All,
            count => Quorum::Count(count),
        };
        Ok(Step {
            who: serde_json::from_str(&self.who).map_err(|_| corrupt("who"))?,
            skipped: self.skipped.as_deref().map(SkipReason::parse).transpose()?,
            flow: self.flow,
            revision: self.revision,
            name: self.name,
            quorum,
        })
    }
}

#[derive(sqlx::FromRow)]
struct YesRecord {
    ticket_id: TicketId,
    person: String,
    name: String,
    step: i64,
    comment: String,
    at: UnixMs,
    counted: bool,
}

impl From<YesRecord> for Yes {
    fn from(record: YesRecord) -> Self {
        Self {
            person: record.person,
            name: record.name,
            step: record.step,
            comment: record.comment,
            at: record.at,
            counted: record.counted,
        }
    }
}

/// What several tickets are approved by.
#[derive(Default)]
pub(in crate::schema) struct Papers {
    pub(in crate::schema) steps: Vec<Step>,
    pub(in crate::schema) yeses: Vec<Yes>,
    pub(in crate::schema) servers: Vec<ServerId>,
}

const STEPS: &str = "select ticket_id, flow, revision, name, who, quorum, skipped from ticket_steps";
const YESES: &str = "select ticket_id, person, name, step, comment, at, counted from ticket_approvals";

pub(in crate::schema) async fn insert_steps(
    tx: &mut Tx,
    ticket: TicketId,
    steps: &[Step],
) -> Result<(), DbError> {
    const SQL: &str = "insert into ticket_steps (ticket_id, position, flow, revision, name, who, quorum, skipped) \
        values ($1, $2, $3, $4, $5, $6, $7, $8)";
    with_tx!(tx, |conn| {
        for (position, step) in (0_i64..).zip(steps) {
            let who =
                serde_json::to_string(&step.who).map_err(|error| DbError::Corrupt(error.to_string()))?;
            sqlx::query(SQL)
                .bind(ticket)
                .bind(position)
                .bind(&step.flow)
                .bind(step.revision)
                .bind(&step.name)
                .bind(who)
                .bind(match step.quorum {
                    Quorum::Count(count) => i64::from(count.max(1)),
                    Quorum::All => 0,
                })
                .bind(step.skipped.map(SkipReason::as_str))
                .execute(&mut *conn)
                .await?;
        }
    });
    Ok(())
}

/// The steps of a ticket, in order.
pub(in crate::schema) async fn list_steps(tx: &mut Tx, ticket: TicketId) -> Result<Vec<Step>, DbError> {
    let sql = format!("{STEPS} where ticket_id = $1 order by position");
    let records: Vec<StepRecord> = with_tx!(tx, |conn| sqlx::query_as(AssertSqlSafe(sql))
        .bind(ticket)
        .fetch_all(conn)
        .await)?;
    records.into_iter().map(StepRecord::step).collect()
}

/// Who said yes to a ticket, oldest first.
pub(in crate::schema) async fn list_yeses(tx: &mut Tx, ticket: TicketId) -> Result<Vec<Yes>, DbError> {
    let sql = format!("{YESES} where ticket_id = $1 order by at, step, person");
    let records: Vec<YesRecord> = with_tx!(tx, |conn| sqlx::query_as(AssertSqlSafe(sql))
        .bind(ticket)
        .fetch_all(conn)
        .await)?;
    Ok(records.into_iter().map(Yes::from).collect())
}

/// Those that made a ticket's release, oldest first.
pub(in crate::schema) async fn list_counted(db: &Db, ticket: TicketId) -> Result<Vec<Yes>, DbError> {
    let sql = format!("{YESES} where ticket_id = $1 and counted order by at, step, person");
    let records: Vec<YesRecord> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(sql))
        .bind(ticket)
        .fetch_all(pool)
        .await)?;
    Ok(records.into_iter().map(Yes::from).collect())
}

/// Steps, approvals and servers of these tickets.
pub(in crate::schema) async fn list_papers(
    db: &Db,
    tickets: &[TicketId],
) -> Result<BTreeMap<TicketId, Papers>, DbError> {
    let among = db.id_among("ticket_id", 1);
    let ids = serde_json::to_string(tickets).map_err(|error| DbError::Corrupt(error.to_string()))?;
    let steps = format!("{STEPS} where {among} order by ticket_id, position");
    let yeses = format!("{YESES} where {among} order by ticket_id, at, step, person");
    let servers =
        format!("select ticket_id, server_id from ticket_servers where {among} order by ticket_id, position");
    let steps: Vec<StepRecord> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(steps))
        .bind(&ids)
        .fetch_all(pool)
        .await)?;
    let yeses: Vec<YesRecord> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(yeses))
        .bind(&ids)
        .fetch_all(pool)
        .await)?;
    let servers: Vec<(TicketId, ServerId)> = with_pool!(db, |pool| sqlx::query_as(AssertSqlSafe(servers))
        .bind(&ids)
        .fetch_all(pool)
        .await)?;
    let mut papers: BTreeMap<TicketId, Papers> = BTreeMap::new();
    for record in steps {
        let ticket = record.ticket_id;
        papers.entry(ticket).or_default().steps.push(record.step()?);
    }
    for record in yeses {
        papers
            .entry(record.ticket_id)
            .or_default()
            .yeses
            .push(record.into());
    }
    for (ticket, server) in servers {
        papers.entry(ticket).or_default().servers.push(server);
    }
    Ok(papers)
}

/// Notes somebody's yes.
pub(in crate::schema) async fn insert_yes(
    tx: &mut Tx,
    (ticket, step): (TicketId, i64),
    caller: &Caller,
    comment: &str,
    at: UnixMs,
) -> Result<(), DbError> {
    const SQL: &str = "insert into ticket_approvals (ticket_id, person, name, step, comment, at, counted) \
        values ($1, $2, $3, $4, $5, $6, $7)";
    with_tx!(tx, |conn| {
        sqlx::query(SQL)
            .bind(ticket)
            .bind(caller.actor.person())
            .bind(caller.actor.name())
            .bind(step)
            .bind(comment)
            .bind(at)
            .bind(false)
            .execute(conn)
            .await?;
    });
    Ok(())
}

/// Notes whose yes made the release.
pub(in crate::schema) async fn set_counted(
    tx: &mut Tx,
    ticket: TicketId,
    people: &[String],
) -> Result<(), DbError> {
    const SQL: &str = "update ticket_approvals set counted = $3 where ticket_id = $1 and person = $2";
    with_tx!(tx, |conn| {
        for person in people {
            sqlx::query(SQL)
                .bind(ticket)
                .bind(person)
                .bind(true)
                .execute(&mut *conn)
                .await?;
        }
    });
    Ok(())
}
