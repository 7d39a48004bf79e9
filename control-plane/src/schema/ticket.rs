//! Tickets: what people say to a proposal, and the release that the last approval makes.

use muster_base::{ReleaseId, TicketId, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{RiskLevel, SchemaError, ServerSql, reach, store};
use crate::{
    access::{Caller, Operation},
    app::App,
    audit::{self, Entry},
    db::DbError,
    http::page::{Cursor, Page, PageQuery},
    in_tx,
};

/// Where a ticket stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum TicketStatus {
    /// Waits for somebody to decide.
    Pending,
    /// Became a release.
    Approved,
    /// Back to its author, with a reason.
    Rejected,
    /// Taken back by its author.
    Withdrawn,
}

impl TicketStatus {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self, DbError> {
        [Self::Pending, Self::Approved, Self::Rejected, Self::Withdrawn]
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| DbError::Corrupt(format!("tickets.status: {text}")))
    }
}

/// A proposal on its way to a decision.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ticket {
    /// Id.
    pub id: TicketId,
    /// Project; empty without one.
    pub project: String,
    /// Version of the release to be.
    pub version: String,
    /// Environment.
    pub environment: String,
    /// Database.
    pub database: String,
    /// Where it stands.
    pub status: TicketStatus,
    /// The highest risk on any server.
    pub risk: RiskLevel,
    /// Who proposed it.
    pub author: String,
    /// The release, once approved.
    #[schema(required)]
    pub release_id: Option<ReleaseId>,
    /// When it was proposed.
    pub created_at: UnixMs,
    /// When something last happened to it.
    pub updated_at: UnixMs,
    #[serde(skip)]
    pub(super) person: String,
}

/// A ticket with all that is to be looked at before deciding.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TicketDetail {
    #[serde(flatten)]
    #[schema(inline)]
    ticket: Ticket,
    /// The SQL as proposed.
    pub sql: String,
    /// What is to run on each server.
    pub servers: Vec<ServerSql>,
    /// What happened to it, oldest first.
    pub events: Vec<TicketEvent>,
    /// Whether the caller may approve or reject it.
    pub decidable: bool,
}

/// Something that happened to a ticket.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TicketEvent {
    /// `proposed`, `commented`, `approved`, `rejected` or `withdrawn`.
    pub kind: String,
    /// Who.
    pub name: String,
    /// What they said.
    pub comment: String,
    /// When.
    pub at: UnixMs,
    #[serde(skip)]
    pub(super) person: String,
}

/// What somebody says to a ticket.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Remark {
    /// For people; a rejection needs one.
    pub comment: Option<String>,
}

/// Which tickets.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TicketQuery {
    /// Only those that stand there.
    pub status: Option<TicketStatus>,
    /// How many items, 1–500; 50 by default.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u16>,
    /// `nextCursor` of the page before.
    pub cursor: Option<String>,
}

/// What is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    Approve,
    Reject,
    Withdraw,
}

impl Decision {
    const fn status(self) -> TicketStatus {
        match self {
            Self::Approve => TicketStatus::Approved,
            Self::Reject => TicketStatus::Rejected,
            Self::Withdraw => TicketStatus::Withdrawn,
        }
    }

    const fn operation(self) -> Operation {
        match self {
            Self::Approve | Self::Reject => Operation::ReleaseApprove,
            Self::Withdraw => Operation::ReleasePropose,
        }
    }
}

pub(super) async fn list(
    app: &App,
    caller: &Caller,
    query: TicketQuery,
) -> Result<Page<Ticket>, SchemaError> {
    caller.require(Operation::ReleaseRead)?;
    let page = PageQuery::new(query.limit, query.cursor);
    let before = page.cursor::<TicketId>()?;
    let rows = store::ticket::list(
        &app.db,
        (caller.org(), caller.scope()),
        query.status,
        before,
        page.fetch(),
    )
    .await?;
    Ok(page.page(rows, |ticket| Cursor::of(&ticket.id)))
}

pub(super) async fn get(app: &App, caller: &Caller, id: TicketId) -> Result<TicketDetail, SchemaError> {
    caller.require(Operation::ReleaseRead)?;
    let (ticket, sql) = store::ticket::find(&app.db, caller.org(), id)
        .await?
        .ok_or(SchemaError::NoTicket)?;
    require(app, caller, &ticket).await?;
    let decidable = ticket.status == TicketStatus::Pending
        && ticket.person != caller.actor.person()
        && caller.operations().contains(Operation::ReleaseApprove);
    Ok(TicketDetail {
        servers: store::ticket::list_servers(&app.db, id).await?,
        events: store::ticket::list_events(&app.db, id).await?,
        decidable,
        ticket,
        sql,
    })
}

/// Approves, rejects or withdraws.
pub(super) async fn decide(
    app: &App,
    caller: &Caller,
    id: TicketId,
    decision: Decision,
    remark: Remark,
) -> Result<Ticket, SchemaError> {
    caller.require(decision.operation())?;
    find(app, caller, id).await?;
    let comment = checked(remark)?;
    if decision == Decision::Reject && comment.is_empty() {
        return Err(SchemaError::invalid(
            "comment",
            "say why, so that the author can correct it",
        ));
    }
    let now = app.clock.now();
    let status = decision.status();
    let ticket = in_tx!(app.db, |tx| {
        let ticket = store::ticket::lock(tx, &app.db, caller.org(), id)
            .await?
            .ok_or(SchemaError::NoTicket)?;
        let own = ticket.person == caller.actor.person();
        match decision {
            Decision::Approve | Decision::Reject if own => return Err(SchemaError::OwnProposal),
            Decision::Withdraw if !own => return Err(SchemaError::NotTheAuthor),
            Decision::Approve | Decision::Reject | Decision::Withdraw => {}
        }
        if ticket.status != TicketStatus::Pending {
            return Err(SchemaError::Decided(ticket.status.as_str()));
        }
        store::ticket::set_status(tx, id, status, now).await?;
        store::ticket::add_event(tx, id, status.as_str(), caller, &comment, now).await?;
        let mut ticket = Ticket {
            status,
            updated_at: now,
            ..ticket
        };
        if decision == Decision::Approve {
            let release: ReleaseId = app.clock.new_id();
            store::release::insert(tx, caller.org(), release, &ticket, now).await?;
            ticket.release_id = Some(release);
        }
        let entry = Entry::done(decision.operation(), "ticket", id)
            .after(&ticket)
            .detail(comment);
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
        ticket
    });
    Ok(ticket)
}

/// Says something without deciding.
pub(super) async fn comment(
    app: &App,
    caller: &Caller,
    id: TicketId,
    remark: Remark,
) -> Result<Ticket, SchemaError> {
    caller.require(Operation::ReleasePropose)?;
    find(app, caller, id).await?;
    let comment = checked(remark)?;
    if comment.is_empty() {
        return Err(SchemaError::invalid("comment", "say something"));
    }
    let now = app.clock.now();
    let ticket = in_tx!(app.db, |tx| {
        let ticket = store::ticket::lock(tx, &app.db, caller.org(), id)
            .await?
            .ok_or(SchemaError::NoTicket)?;
        store::ticket::add_event(tx, id, "commented", caller, &comment, now).await?;
        let entry = Entry::done("release:comment", "ticket", id).detail(comment);
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
        ticket
    });
    Ok(ticket)
}

/// Passes if the ticket is there and in the caller's reach; what it is for never changes.
async fn find(app: &App, caller: &Caller, id: TicketId) -> Result<(), SchemaError> {
    let found = store::ticket::find(&app.db, caller.org(), id).await?;
    let (ticket, _) = found.ok_or(SchemaError::NoTicket)?;
    require(app, caller, &ticket).await
}

async fn require(app: &App, caller: &Caller, ticket: &Ticket) -> Result<(), SchemaError> {
    let what = (ticket.environment.as_str(), ticket.database.as_str());
    if reach::reaches(app, caller, ticket.id, what).await? {
        Ok(())
    } else {
        Err(SchemaError::NoTicket)
    }
}

fn checked(remark: Remark) -> Result<String, SchemaError> {
    let comment = remark.comment.unwrap_or_default().trim().to_owned();
    if comment.chars().count() > 4_000 {
        return Err(SchemaError::invalid(
            "comment",
            "must have at most 4000 characters",
        ));
    }
    Ok(comment)
}
