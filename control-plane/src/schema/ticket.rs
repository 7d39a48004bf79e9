//! Tickets: what is proposed, who approves it step after step, and what people say to it.

use muster_base::{ReleaseId, ServerId, TicketId, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    EnvironmentPolicy, ProofRule, RiskLevel, SchemaError, ServerSql, TicketStep,
    approval::{self, Approval, Ground},
    reach, store,
};
use crate::{
    access::{Caller, Operation, OrgPeople, org_people},
    app::App,
    audit::{self, Entry},
    db::DbError,
    error::Error,
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
    /// The rejected ticket that it corrects.
    #[schema(required)]
    pub corrects: Option<TicketId>,
    #[serde(skip)]
    pub(super) person: String,
    /// Whether the environment let authors decide when it was opened.
    #[serde(skip)]
    pub(super) author_may_decide: bool,
}

/// A ticket in a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TicketRow {
    #[serde(flatten)]
    #[schema(inline)]
    ticket: Ticket,
    /// Whether it waits for the caller: they may approve it now.
    pub decidable: bool,
    /// The step that it waits for; null once it is decided.
    #[schema(required)]
    pub step: Option<TicketProgress>,
}

/// The step that a ticket waits for.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TicketProgress {
    /// Its name; empty for the built-in one.
    pub name: String,
    /// Its place among those that are not left out, from 1.
    pub number: usize,
    /// How many there are.
    pub of: usize,
    /// Whether nobody can get it done.
    pub stuck: bool,
}

/// A ticket with all that is to be looked at before deciding.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each answers another question of the page"
)]
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
    /// Who approves it, step after step.
    pub steps: Vec<TicketStep>,
    /// Whether the caller may approve it now.
    pub decidable: bool,
    /// Whether the caller may reject it now.
    pub rejectable: bool,
    /// Whether the caller may correct it and send it again.
    pub resubmittable: bool,
    /// Whether its SQL was computed from a design; what was proposed as text can be changed when it is sent again.
    pub published: bool,
    /// Whether its environment wants what is published proven.
    pub proof_rule: ProofRule,
    /// The ticket that corrects this one.
    #[schema(required)]
    pub corrected_by: Option<TicketId>,
}

/// Something that happened to a ticket.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TicketEvent {
    /// `proposed`, `commented`, `approved`, `rejected`, `resubmitted` or `withdrawn`.
    pub kind: String,
    /// Who.
    pub name: String,
    /// What they said.
    pub comment: String,
    /// When.
    pub at: UnixMs,
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
    /// Only those that the caller may approve now.
    #[serde(default)]
    #[param(required = false)]
    pub waits_for_me: bool,
    /// How many items, 1–500; 50 by default.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u16>,
    /// `nextCursor` of the page before.
    pub cursor: Option<String>,
}

/// How many pending tickets are looked at in one go.
const BATCH: i64 = 200;

pub(super) async fn list(
    app: &App,
    caller: &Caller,
    query: TicketQuery,
) -> Result<Page<TicketRow>, SchemaError> {
    caller.require(Operation::ReleaseRead)?;
    let page = PageQuery::new(query.limit, query.cursor);
    let mut before = page.cursor::<TicketId>()?;
    let whose = (caller.org(), caller.scope());
    let judge = Judge::of(app, caller).await?;
    if !query.waits_for_me {
        let found = store::ticket::list(&app.db, whose, query.status, before, page.fetch()).await?;
        let rows = judge.rows(found).await?;
        return Ok(page.page(rows, |row| Cursor::of(&row.ticket.id)));
    }
    let mut rows = Vec::new();
    if query.status.is_none_or(|status| status == TicketStatus::Pending) {
        let wanted = usize::try_from(page.fetch()).unwrap_or(usize::MAX);
        while rows.len() < wanted {
            let pending = Some(TicketStatus::Pending);
            let found = store::ticket::list(&app.db, whose, pending, before, BATCH).await?;
            let Some(last) = found.last() else { break };
            before = Some(last.id);
            let decidable = judge.rows(found).await?.into_iter().filter(|row| row.decidable);
            rows.extend(decidable);
        }
        rows.truncate(wanted);
    }
    Ok(page.page(rows, |row| Cursor::of(&row.ticket.id)))
}

/// What every pending ticket of a list is judged by.
struct Judge<'a> {
    app: &'a App,
    caller: &'a Caller,
    people: OrgPeople,
    policies: Vec<EnvironmentPolicy>,
}

impl<'a> Judge<'a> {
    async fn of(app: &'a App, caller: &'a Caller) -> Result<Self, SchemaError> {
        Ok(Self {
            app,
            caller,
            people: org_people(app, caller.org()).await.map_err(Error::from)?,
            policies: store::policy::list(&app.db, caller.org()).await?,
        })
    }

    fn ground<'b>(&'b self, ticket: &'b Ticket, servers: &'b [ServerId]) -> Ground<'b> {
        let mut policies = self.policies.iter();
        let policy = policies.find(|policy| policy.environment == ticket.environment);
        Ground {
            ticket,
            servers,
            people: &self.people,
            author_may: ticket.author_may_decide && policy.is_some_and(|policy| policy.author_may_decide),
        }
    }

    async fn rows(&self, tickets: Vec<Ticket>) -> Result<Vec<TicketRow>, SchemaError> {
        let pending: Vec<TicketId> = tickets
            .iter()
            .filter(|ticket| ticket.status == TicketStatus::Pending)
            .map(|ticket| ticket.id)
            .collect();
        let papers = store::approval::list_papers(&self.app.db, &pending).await?;
        let row = |ticket: Ticket| {
            let mut row = TicketRow {
                decidable: false,
                step: None,
                ticket,
            };
            let Some(papers) = papers.get(&row.ticket.id) else {
                return row;
            };
            let ground = self.ground(&row.ticket, &papers.servers);
            let approval = ground.approval(&papers.steps, &papers.yeses);
            row.decidable = self.may(&approval).0;
            row.step = approval.current.map(|current| TicketProgress {
                name: papers.steps[current].name.clone(),
                number: papers.steps[..=current]
                    .iter()
                    .filter(|step| step.skipped.is_none())
                    .count(),
                of: papers.steps.iter().filter(|step| step.skipped.is_none()).count(),
                stuck: approval.steps[current].stuck.is_some(),
            });
            row
        };
        Ok(tickets.into_iter().map(row).collect())
    }

    fn proof_rule(&self, environment: &str) -> ProofRule {
        let policy = self
            .policies
            .iter()
            .find(|policy| policy.environment == environment);
        policy.map_or(ProofRule::Off, |policy| policy.proof)
    }

    /// Whether the caller may approve, and reject, now.
    fn may(&self, approval: &Approval<'_>) -> (bool, bool) {
        let may = self.caller.operations().contains(Operation::ReleaseApprove);
        let person = self.caller.actor.person();
        (
            may && approval.may_approve(&person, &self.people),
            may && approval.may_reject(&person, &self.people),
        )
    }
}

pub(super) async fn get(app: &App, caller: &Caller, id: TicketId) -> Result<TicketDetail, SchemaError> {
    caller.require(Operation::ReleaseRead)?;
    let (ticket, sql) = store::ticket::find(&app.db, caller.org(), id)
        .await?
        .ok_or(SchemaError::NoTicket)?;
    require(app, caller, &ticket).await?;
    let judge = Judge::of(app, caller).await?;
    let mut papers = store::approval::list_papers(&app.db, &[id]).await?;
    let papers = papers.remove(&id).unwrap_or_default();
    let pending = ticket.status == TicketStatus::Pending;
    let ground = judge.ground(&ticket, &papers.servers);
    let steps = approval::shown(&ground, &papers.steps, &papers.yeses, pending);
    let (decidable, rejectable) = judge.may(&ground.approval(&papers.steps, &papers.yeses));
    let own = ticket.person == caller.actor.person();
    let correction = store::ticket::find_correction(&app.db, caller.org(), id).await?;
    let corrected = correction.is_some_and(|(_, status)| status != TicketStatus::Withdrawn);
    Ok(TicketDetail {
        servers: store::ticket::list_servers(&app.db, id).await?,
        events: store::ticket::list_events(&app.db, id).await?,
        steps,
        decidable: pending && decidable,
        rejectable: pending && rejectable && !own,
        resubmittable: own
            && ticket.status == TicketStatus::Rejected
            && !corrected
            && caller.operations().contains(Operation::ReleasePropose),
        published: store::ticket::find_published(&app.db, id).await?.is_some(),
        proof_rule: judge.proof_rule(&ticket.environment),
        corrected_by: correction.map(|(id, _)| id),
        ticket,
        sql,
    })
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

/// The ticket, if it is in the caller's reach; what it is for never changes.
pub(super) async fn find(app: &App, caller: &Caller, id: TicketId) -> Result<Ticket, SchemaError> {
    let found = store::ticket::find(&app.db, caller.org(), id).await?;
    let (ticket, _) = found.ok_or(SchemaError::NoTicket)?;
    require(app, caller, &ticket).await?;
    Ok(ticket)
}

async fn require(app: &App, caller: &Caller, ticket: &Ticket) -> Result<(), SchemaError> {
    let what = (ticket.environment.as_str(), ticket.database.as_str());
    if reach::reaches(app, caller, ticket.id, what).await? {
        Ok(())
    } else {
        Err(SchemaError::NoTicket)
    }
}

pub(super) fn checked(remark: Remark) -> Result<String, SchemaError> {
    let comment = remark.comment.unwrap_or_default().trim().to_owned();
    if comment.chars().count() > 4_000 {
        return Err(SchemaError::invalid(
            "comment",
            "must have at most 4000 characters",
        ));
    }
    Ok(comment)
}
