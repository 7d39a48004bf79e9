//! What was set aside: tables and columns that a published change took out of the design, and that got another name instead of
//! being dropped, with their rows.
//!
//! Whether that is done, and for how many days, says the environment's policy as it is when the change is computed. What a
//! ticket sets aside stands with its SQL for each server, and becomes rows here in the transaction that records that its
//! execution succeeded. What these name is no drift and of no design, exactly by name and place: a read of the database passes
//! it over ([`live`](super::live)) for as long as it is kept. A column goes where its table goes, and so does the SQL for it.
//!
//! **Rows** that a statement of SQL as text overwrites or deletes are kept in a table of their own for some days where that is asked
//! for ([`held`](super::held)), and are listed here, too: once the statement has succeeded, also where a later one has not.
//!
//! Nothing is dropped by a timer. When the days are over, those who may propose SQL there are told once ([`set_aside_told`](super::set_aside_told)). To drop it or
//! to bring it back is a proposal of SQL like any other, approved and released; when its release has succeeded, this is so.
//!
//! | state | means |
//! |---|---|
//! | `kept` | it is there under its other name |
//! | `restored` | it has its name again; what the design says of it is for people to decide |
//! | `dropped` | it is gone |
//! | `gone` | it is not there under its other name: by hand, or by SQL that Muster does not know to be about it ([`set_aside_seen`](super::set_aside_seen)) |
//!
//! Who: whoever sees how databases compare (`server:read`, `design:read`) sees these; `release:propose` drops and brings back;
//! both in reach. What fails: a second proposal while one is under way (409); one for what is kept no more (409).

use std::collections::BTreeSet;

use muster_base::{ExecutionId, ReleaseId, ServerId, SetAsideId, TicketId, UnixMs};
use muster_schema::Aside;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Proposed, SchemaError, TicketStatus,
    proposal::{self, Correction, NewProposal, Ticketing},
    server, store,
};
use crate::{
    access::{Caller, Object, Operation},
    app::App,
    audit::{self, Entry},
    db::Tx,
    error::Error,
    http::page::{Cursor, Page, PageQuery},
};

/// What it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum SetAsideKind {
    /// A table.
    Table,
    /// A column.
    Column,
    /// Rows of a table, as they were before a statement.
    Rows,
}

/// Where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum SetAsideState {
    /// There, under its other name.
    Kept,
    /// It has its name again.
    Restored,
    /// Gone.
    Dropped,
    /// Not there any more when the database was looked at, by no release that was to do that.
    Gone,
}

/// What is to become of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Wish {
    /// It is dropped for good.
    Drop,
    /// It gets its name again.
    Restore,
}

/// What a change for one server sets aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedAsides {
    /// For how many days it is kept before people are asked to drop it.
    pub days: u16,
    /// What.
    pub items: Vec<PlannedAside>,
}

/// Something that a change sets aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedAside {
    /// Its id, once it is set aside.
    pub id: SetAsideId,
    /// What it is.
    pub kind: SetAsideKind,
    /// Schema of the table; empty in MySQL.
    pub namespace: String,
    /// The table: of a column, as it is called after the change.
    pub table: String,
    /// What it is called now.
    pub name: String,
    /// What it will be called.
    pub name_now: String,
    /// What drops it for good, some day.
    pub drop_sql: String,
    /// What gives it its name again, or puts rows back; empty if there is no such SQL.
    pub restore_sql: String,
    /// Whose rows they are: the statement, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<u32>,
    /// For how many days it is kept; as the others if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u16>,
}

/// Something that was set aside.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SetAside {
    /// Id.
    pub id: SetAsideId,
    /// The server.
    pub server_id: ServerId,
    /// Its label.
    pub label: String,
    /// Its environment.
    pub environment: String,
    /// What the database is called there.
    pub database: String,
    /// What it is.
    pub kind: SetAsideKind,
    /// Schema of the table; empty in MySQL.
    pub namespace: String,
    /// The table; of a table that was set aside what it was called.
    pub table: String,
    /// What it was called.
    pub name: String,
    /// What it was renamed to.
    pub name_now: String,
    /// What drops it for good.
    pub drop_sql: String,
    /// What gives it its name again: without the keys, checks and defaults that it had, but for PostgreSQL's default. Of rows what puts
    /// them back; empty if only people can, because they were overwritten.
    pub restore_sql: String,
    /// The release that did it.
    pub release_id: ReleaseId,
    /// Its version.
    pub version: String,
    /// The execution that did it.
    pub execution_id: ExecutionId,
    /// When.
    pub at: UnixMs,
    /// When people are asked to drop it.
    pub expires_at: UnixMs,
    /// Where it stands.
    pub state: SetAsideState,
    /// Since when.
    pub state_at: UnixMs,
    /// The latest proposal that drops it or brings it back; null if there is none.
    #[schema(required)]
    pub proposal: Option<SetAsideProposal>,
}

/// A proposal that drops something that was set aside, or brings it back.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SetAsideProposal {
    /// Its ticket.
    pub ticket_id: TicketId,
    /// What it does.
    pub wish: Wish,
    /// Where the ticket stands.
    pub status: TicketStatus,
}

/// Which of them.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SetAsideQuery {
    /// Only those that stand there.
    pub state: Option<SetAsideState>,
    /// How many items, 1–500; 50 by default.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u16>,
    /// `nextCursor` of the page before.
    pub cursor: Option<String>,
}

impl SetAsideKind {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Column => "column",
            Self::Rows => "rows",
        }
    }
}

impl SetAsideState {
    pub(super) const ALL: [Self; 4] = [Self::Kept, Self::Restored, Self::Dropped, Self::Gone];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Restored => "restored",
            Self::Dropped => "dropped",
            Self::Gone => "gone",
        }
    }
}

impl Wish {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Restore => "restore",
        }
    }
}

impl PlannedAsides {
    /// Of a plan; none if it sets nothing aside.
    pub(super) fn of(app: &App, days: u16, planned: Vec<muster_schema::SetAside>) -> Option<Self> {
        let item = |of: muster_schema::SetAside| PlannedAside {
            id: app.clock.new_id(),
            kind: if of.column.is_some() {
                SetAsideKind::Column
            } else {
                SetAsideKind::Table
            },
            name: of.column.unwrap_or_else(|| of.table.name.clone()),
            namespace: of.table.namespace,
            table: of.table.name,
            name_now: of.now,
            drop_sql: muster_schema::canonical([of.drop.as_str()]),
            restore_sql: muster_schema::canonical(of.restore.iter().map(String::as_str)),
            statement: None,
            days: None,
        };
        let items: Vec<PlannedAside> = planned.into_iter().map(item).collect();
        (!items.is_empty()).then_some(Self { days, items })
    }
}

/// How things are called that are set aside today: by the date, with a number where something is kept from today already,
/// so that what belongs to it (indexes, sequences) has no name twice either.
pub(super) async fn option(app: &App, server: ServerId, database: &str) -> Result<Aside, SchemaError> {
    let known = store::aside_place::known(&app.db, server, database).await?;
    let taken: BTreeSet<String> = known.into_iter().map(|one| one.aside.now).collect();
    let today = app.clock.now().to_string();
    let digits = today
        .chars()
        .take_while(|c| *c != 'T')
        .filter(char::is_ascii_digit);
    // Two digits of the year are enough for a name.
    let today: String = digits.skip(2).collect();
    let is_used = |mark: &str| {
        let head = format!("{}{mark}_", muster_schema::ASIDE);
        taken.iter().any(|name| name.starts_with(&head))
    };
    let mut mark = today.clone();
    for number in 2_u32.. {
        if !is_used(&mark) {
            break;
        }
        mark = format!("{today}x{number}");
    }
    Ok(Aside::new(mark, taken).map_err(Error::internal)?)
}

pub(super) async fn list(
    app: &App,
    caller: &Caller,
    query: SetAsideQuery,
) -> Result<Page<SetAside>, SchemaError> {
    caller.require(Operation::ServerRead)?;
    caller.require(Operation::DesignRead)?;
    let page = PageQuery::new(query.limit, query.cursor);
    let before = page.cursor::<SetAsideId>()?;
    let whose = (caller.org(), caller.scope());
    let rows = store::set_aside::list(&app.db, whose, query.state, before, page.fetch()).await?;
    Ok(page.page(rows, |one| Cursor::of(&one.id)))
}

/// Opens the ticket that drops it, or brings it back.
pub(super) async fn propose(
    app: &App,
    caller: &Caller,
    id: SetAsideId,
    wish: Wish,
) -> Result<Proposed, SchemaError> {
    caller.require(Operation::ReleasePropose)?;
    let found = store::set_aside::find(&app.db, caller.org(), id).await?;
    let found = found.ok_or(SchemaError::NoSetAside)?;
    let server = server::find_for(app, caller, Operation::ReleasePropose, found.server_id).await;
    let server = server.map_err(|error| match error {
        SchemaError::NoServer => SchemaError::NoSetAside,
        other => other,
    })?;
    let object = Object::Database {
        name: &found.database,
        environment: &server.environment,
        servers: &[server.id],
    };
    if !caller.reaches(&object) {
        return Err(SchemaError::NoSetAside);
    }
    if found.state != SetAsideState::Kept {
        return Err(SchemaError::NotAside(found.state.as_str()));
    }
    if wish == Wish::Restore && found.restore_sql.is_empty() {
        return Err(SchemaError::NoWayBack);
    }
    // What is random in an id is at its end.
    let fresh = app.clock.new_id::<TicketId>().to_string();
    let unlike: String = fresh.chars().rev().take(8).collect();
    let new = NewProposal {
        project: None,
        version: format!("aside-{}-{unlike}", wish.as_str()),
        database: found.database,
        environment: server.environment,
        servers: vec![server.id.to_string()],
        sql: match wish {
            Wish::Drop => found.drop_sql,
            Wish::Restore => found.restore_sql,
        },
        max_rows: None,
        backup_days: None,
    };
    let what = match found.kind {
        SetAsideKind::Table => format!("table {}", found.name),
        SetAsideKind::Column => format!("{}.{}", found.table, found.name),
        SetAsideKind::Rows => format!("rows of {} in {}", found.table, found.name_now),
    };
    let comment = format!("{}: {what}, set aside by {}", wish.as_str(), found.version);
    let correction = Correction {
        of: None,
        comment,
        wish: Some((id, wish)),
    };
    proposal::propose(app, caller, new, correction).await
}

/// Ties a ticket that is being opened to what it drops or brings back. One that corrects such a ticket without another
/// SQL takes its place.
pub(super) async fn bind(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    ticketing: &Ticketing,
) -> Result<(), SchemaError> {
    if let Some(rejected) = ticketing.corrects {
        store::set_aside::follow(tx, (rejected, ticketing.id), &ticketing.sql).await?;
    }
    let Some((id, wish)) = ticketing.wish else {
        return Ok(());
    };
    if !store::set_aside::bind(tx, &app.db, (caller.org(), id), (ticketing.id, wish)).await? {
        return Err(SchemaError::AsideUnderWay);
    }
    let entry = Entry::done(Operation::ReleasePropose, "set-aside", id).detail(wish.as_str());
    Ok(audit::record(app, tx, caller, Some(caller.org()), entry).await?)
}
