//! How many rows each statement of a ticket would touch on one of its servers, and how many a table has that one changes: asked through the agent that reaches it, when
//! somebody wants to know, and kept with the ticket until it is asked again.
//!
//! Nothing is run: the agent makes a question of the statement's table and condition, and asks it in a transaction that may write
//! nothing. Of a statement that changes a designed table and locks it, all of the table's rows are counted, each table once: they say how long
//! it may take. Statements are asked for by themselves, as if those before them had not run. At most [`AT_ONCE`] tickets are counted
//! at a time; of each the first [`MOST`] statements, [`LONGEST`] in all.
//!
//! Who: whoever may propose or approve, and reaches the ticket. What fails: a ticket that is decided against (409), a host that is
//! away or too old (409), too much counted at once (409), no answer (502). What one statement's question fails with is its answer.

use std::{collections::HashMap, time::Duration};

use muster_base::{ServerId, TicketId, UnixMs};
use muster_documents::Design;
use muster_identity::look::Look;
use muster_protocol::{
    GUARDS_SINCE,
    latest::{CountLook, TailFrame, TailRequest},
};
use muster_schema::{Class, Dialect, classify, every_row, model::Name};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};
use utoipa::ToSchema;

use super::{
    LockLevel, ProposedStatement, SchemaError, Server, ServerSql, TicketStatus, live, server,
    server_test::target, store, ticket,
};
use crate::{
    access::{Caller, Operation},
    app::App,
    audit::{self, Entry},
    in_tx,
};

const AT_ONCE: usize = 4;
static COUNTING: Semaphore = Semaphore::const_new(AT_ONCE);
/// Statements that are counted in one go.
const MOST: usize = 20;
/// One question; a server's own limit for statements counts where it is shorter.
const QUESTION_MS: u64 = 20_000;
/// All of them.
const LONGEST: Duration = Duration::from_mins(1);
const WISH_LASTS_MS: i64 = UnixMs::MINUTE;

/// Where rows are to be counted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CountRequest {
    /// Id of one of the ticket's servers.
    pub server: ServerId,
}

/// What was counted on a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RowCounts {
    /// When.
    pub at: UnixMs,
    /// Who asked.
    pub by: String,
    /// Statements that change rows, or lock a designed table, in their order.
    pub items: Vec<RowCount>,
}

/// How many rows a statement would touch, or the table has that it changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RowCount {
    /// Which statement, from 0.
    pub statement: u32,
    /// How many; null if that is not known.
    #[schema(required)]
    pub rows: Option<u64>,
    /// Why it is not known.
    #[schema(required)]
    pub why: Option<String>,
}

/// Counts, and keeps what was counted.
pub(super) async fn count(
    app: &App,
    caller: &Caller,
    id: TicketId,
    request: &CountRequest,
) -> Result<RowCounts, SchemaError> {
    if !caller.operations().contains(Operation::ReleaseApprove) {
        caller.require(Operation::ReleasePropose)?;
    }
    let ticket = ticket::find(app, caller, id).await?;
    if !matches!(ticket.status, TicketStatus::Pending | TicketStatus::Approved) {
        return Err(SchemaError::Decided(ticket.status.as_str()));
    }
    let servers = store::ticket::list_servers(&app.db, id).await?;
    let asked = servers.into_iter().find(|one| one.server == request.server);
    let asked = asked.ok_or_else(|| SchemaError::invalid("server", "must be one of the ticket's servers"))?;
    let server = server::find_for(app, caller, Operation::ReleaseRead, asked.server).await?;
    let place = COUNTING.try_acquire().map_err(|_| SchemaError::Reading)?;
    let items = counted(app, caller, &server, (id, &asked)).await?;
    drop(place);
    let counts = RowCounts {
        at: app.clock.now(),
        by: caller.actor.name(),
        items,
    };
    in_tx!(app.db, |tx| {
        store::ticket::set_counts(tx, (id, asked.server), &counts).await?;
        let entry = Entry::done("release:count", "ticket", id).detail(asked.label.clone());
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    Ok(counts)
}

async fn counted(
    app: &App,
    caller: &Caller,
    server: &Server,
    (ticket, asked): (TicketId, &ServerSql),
) -> Result<Vec<RowCount>, SchemaError> {
    let until = Instant::now() + LONGEST;
    let mut items: Vec<RowCount> = Vec::new();
    let tables = Tables::of(app, ticket, asked).await?;
    let mut known: HashMap<String, RowCount> = HashMap::new();
    for (nth, statement) in (0_u32..).zip(&asked.statements) {
        let Some(guard) = &statement.rows else {
            let Some(sql) = tables.all_rows(statement) else {
                continue;
            };
            let mut item = match known.get(&sql) {
                Some(known) => known.clone(),
                None if known.len() < MOST => {
                    let told = timeout_at(until, one(app, caller, (server, &asked.database), &sql)).await;
                    let told = told.map_err(|_| SchemaError::NoAnswer)??;
                    RowCount {
                        statement: nth,
                        rows: told.as_ref().ok().copied(),
                        why: told.err(),
                    }
                }
                None => continue,
            };
            item.statement = nth;
            known.insert(sql, item.clone());
            items.push(item);
            continue;
        };
        let mut item = RowCount {
            statement: nth,
            rows: None,
            why: guard.not_counted.clone(),
        };
        if item.why.is_none() && items.len() < MOST {
            let told = timeout_at(until, one(app, caller, (server, &asked.database), &statement.sql)).await;
            match told.map_err(|_| SchemaError::NoAnswer)?? {
                Ok(rows) => item.rows = Some(rows),
                Err(why) => item.why = Some(why),
            }
        } else if item.why.is_none() {
            item.why = Some(format!("only the first {MOST} statements are counted"));
        }
        items.push(item);
    }
    Ok(items)
}

/// The tables that are there, as designed.
struct Tables {
    dialect: Dialect,
    design: Option<Design>,
}

impl Tables {
    async fn of(app: &App, ticket: TicketId, asked: &ServerSql) -> Result<Self, SchemaError> {
        let designs = store::proof::find_designs(&app.db, (ticket, asked.server)).await?;
        Ok(Self {
            dialect: asked.kind.dialect(),
            design: designs.and_then(|designs| designs.before),
        })
    }

    /// What asks for all rows of the table that a statement changes; none if it locks none that is there.
    fn all_rows(&self, statement: &ProposedStatement) -> Option<String> {
        statement
            .lock
            .as_ref()
            .filter(|lock| lock.blocks > LockLevel::None)?;
        let seen = classify(self.dialect, &statement.sql);
        let named = seen.objects.first().filter(|_| seen.class != Class::Data)?;
        let usual = match self.dialect {
            Dialect::Postgres => "public",
            Dialect::MySql => "",
        };
        let tables = &self.design.as_ref()?.tables;
        let found = tables.iter().find(|table| {
            let namespace = table.table.namespace.as_deref().unwrap_or(usual);
            table.name == named.name && named.schema.as_deref().unwrap_or(usual) == namespace
        })?;
        let namespace = named.schema.clone().unwrap_or_else(|| usual.to_owned());
        let column = found.table.columns.first()?;
        Some(every_row(
            self.dialect,
            &Name::new(namespace, found.name.clone()),
            &column.name,
        ))
    }
}

/// What the agent says of one statement: rows, or why there is no number.
async fn one(
    app: &App,
    caller: &Caller,
    (server, database): (&Server, &str),
    statement: &str,
) -> Result<Result<u64, String>, SchemaError> {
    let org = caller.org();
    let since = (
        GUARDS_SINCE,
        SchemaError::OldAgentCounts as fn(String) -> SchemaError,
    );
    let (id, sealed) = live::sealed_password(app, org, server, since).await?;
    let wish = CountLook {
        id,
        org,
        host: server.host_id,
        expires: app.clock.now().plus_ms(WISH_LASTS_MS),
        target: target(server, database.to_owned()),
        sealed,
        statement: statement.to_owned(),
        timeout_ms: server.statement_timeout_ms.min(QUESTION_MS),
    };
    let signed = live::signed(app, server, Look::Count, &wish).await?;
    let mut tail = live::open(app, org, server, TailRequest::Count(signed)).await?;
    match tail.next().await {
        Ok(Some(TailFrame::Count(rows))) => Ok(Ok(rows)),
        Ok(Some(TailFrame::Refused(why))) => Ok(Err(live::plain(&why))),
        Ok(
            Some(
                TailFrame::Sample(_)
                | TailFrame::Log(_)
                | TailFrame::LogEnd(_)
                | TailFrame::Schema(_)
                | TailFrame::SchemaEnd(_)
                | TailFrame::Proof(_),
            )
            | None,
        )
        | Err(_) => Err(SchemaError::NoAnswer),
    }
}
