//! Deciding a ticket: approving its current step, rejecting it, taking it back. The ticket's row is locked meanwhile, so that
//! two who approve at once are counted one after the other, and the last approval makes one release.

use muster_base::{ReleaseId, TicketId, UnixMs, UserId};

use super::{
    ProofRule, Remark, SchemaError, Ticket, TicketStatus,
    approval::{Approval, Ground},
    flow::Step,
    policy, proof, release_seal, store,
    ticket::{checked, find},
};
use crate::{
    access::{Caller, Operation, OrgPeople, TicketNews, TicketTurn, org_people, tell_of_ticket},
    app::App,
    audit::{self, Entry},
    db::Tx,
    error::Error,
    fleet::FleetKeys,
    in_tx,
};

/// What is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    Approve,
    Reject,
    Withdraw,
}

impl Decision {
    const fn operation(self) -> Operation {
        match self {
            Self::Approve | Self::Reject => Operation::ReleaseApprove,
            Self::Withdraw => Operation::ReleasePropose,
        }
    }
}

/// Somebody's decision, and what it is made by.
struct Deciding<'a> {
    caller: &'a Caller,
    people: &'a OrgPeople,
    /// Whether the environment's policy lets authors decide now.
    authors_may: bool,
    /// Whether the environment wants what is published proven now.
    proof: ProofRule,
    comment: &'a str,
    now: UnixMs,
    /// Signs the release.
    keys: &'a FleetKeys,
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
    let seen = find(app, caller, id).await?;
    let comment = checked(remark)?;
    if decision == Decision::Reject && comment.is_empty() {
        return Err(SchemaError::invalid(
            "comment",
            "say why, so that the author can correct it",
        ));
    }
    let people = org_people(app, caller.org()).await.map_err(Error::from)?;
    let policy = policy::of_environment(app, caller.org(), &seen.environment).await?;
    let keys = app.fleet_keys().await.map_err(Error::from)?;
    let deciding = Deciding {
        caller,
        people: &people,
        authors_may: policy.author_may_decide,
        proof: policy.proof,
        comment: &comment,
        now: app.clock.now(),
        keys: &keys,
    };
    let ticket = in_tx!(app.db, |tx| {
        let ticket = store::ticket::lock(tx, &app.db, caller.org(), id)
            .await?
            .ok_or(SchemaError::NoTicket)?;
        let own = ticket.person == caller.actor.person();
        let may_decide_own = ticket.author_may_decide && deciding.authors_may;
        match decision {
            Decision::Approve if own && !may_decide_own => return Err(SchemaError::OwnProposal),
            Decision::Reject if own => return Err(SchemaError::OwnProposal),
            Decision::Withdraw if !own => return Err(SchemaError::NotTheAuthor),
            Decision::Approve | Decision::Reject | Decision::Withdraw => {}
        }
        if ticket.status != TicketStatus::Pending {
            return Err(SchemaError::Decided(ticket.status.as_str()));
        }
        let ticket = match decision {
            Decision::Approve => deciding.approve(app, tx, ticket).await?,
            Decision::Reject => deciding.reject(app, tx, ticket).await?,
            Decision::Withdraw => deciding.ends(tx, ticket, TicketStatus::Withdrawn).await?,
        };
        let entry = Entry::done(decision.operation(), "ticket", id)
            .after(&ticket)
            .detail(comment.clone());
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
        ticket
    });
    Ok(ticket)
}

impl Deciding<'_> {
    /// Says yes to the current step; the last yes makes the release.
    async fn approve(&self, app: &App, tx: &mut Tx, ticket: Ticket) -> Result<Ticket, SchemaError> {
        proof::require(tx, self.proof, ticket.id).await?;
        let person = self.caller.actor.person();
        let steps = store::approval::list_steps(tx, ticket.id).await?;
        let servers = store::ticket::list_server_ids(tx, ticket.id).await?;
        let before = store::approval::list_yeses(tx, ticket.id).await?;
        let ground = Ground {
            ticket: &ticket,
            servers: &servers,
            people: self.people,
            author_may: ticket.author_may_decide && self.authors_may,
        };
        let approval = ground.approval(&steps, &before);
        if !approval.may_approve(&person, self.people) {
            return Err(not_now(
                &approval,
                &steps,
                before.iter().any(|yes| yes.person == person),
            ));
        }
        let Some(current) = approval.current else {
            // What was missing has gone away by itself: their yes is there already.
            return self.release(app, tx, &ticket, &approval.counted()).await;
        };
        let position = i64::try_from(current).unwrap_or(i64::MAX);
        store::approval::insert_yes(tx, (ticket.id, position), self.caller, self.comment, self.now).await?;
        store::ticket::add_event(tx, ticket.id, "approved", self.caller, self.comment, self.now).await?;
        let after = store::approval::list_yeses(tx, ticket.id).await?;
        let approval = ground.approval(&steps, &after);
        match approval.current {
            None => self.release(app, tx, &ticket, &approval.counted()).await,
            Some(next) => {
                store::ticket::set_status(tx, ticket.id, TicketStatus::Pending, self.now).await?;
                let by = self.caller.actor.name();
                let turn = TicketTurn::StepApproved {
                    by: &by,
                    step: step_name(&steps[current]),
                };
                tell_author(app, tx, self.caller, &ticket, turn).await?;
                if next != current || approval.steps[next].stuck.is_some() {
                    tell_deciders(app, tx, self.caller, (&ticket, &steps), (&ground, &approval)).await?;
                }
                Ok(Ticket {
                    updated_at: self.now,
                    ..ticket
                })
            }
        }
    }

    /// Makes the release.
    async fn release(
        &self,
        app: &App,
        tx: &mut Tx,
        ticket: &Ticket,
        counted: &[String],
    ) -> Result<Ticket, SchemaError> {
        store::approval::set_counted(tx, ticket.id, counted).await?;
        store::ticket::set_status(tx, ticket.id, TicketStatus::Approved, self.now).await?;
        let release: ReleaseId = app.clock.new_id();
        let ticket = Ticket {
            status: TicketStatus::Approved,
            updated_at: self.now,
            ..ticket.clone()
        };
        let org = self.caller.org();
        store::release::insert(tx, org, release, &ticket, self.now).await?;
        release_seal::sign(tx, self.keys, (org, release)).await?;
        let by = self.caller.actor.name();
        tell_author(app, tx, self.caller, &ticket, TicketTurn::Released { by: &by }).await?;
        Ok(Ticket {
            release_id: Some(release),
            ..ticket
        })
    }

    /// Gives it back to its author.
    async fn reject(&self, app: &App, tx: &mut Tx, ticket: Ticket) -> Result<Ticket, SchemaError> {
        let person = self.caller.actor.person();
        let steps = store::approval::list_steps(tx, ticket.id).await?;
        let servers = store::ticket::list_server_ids(tx, ticket.id).await?;
        let yeses = store::approval::list_yeses(tx, ticket.id).await?;
        let ground = Ground {
            ticket: &ticket,
            servers: &servers,
            people: self.people,
            author_may: ticket.author_may_decide && self.authors_may,
        };
        let approval = ground.approval(&steps, &yeses);
        if !approval.may_reject(&person, self.people) {
            return Err(not_now(&approval, &steps, false));
        }
        let by = self.caller.actor.name();
        let turn = TicketTurn::Rejected {
            by: &by,
            reason: self.comment,
        };
        tell_author(app, tx, self.caller, &ticket, turn).await?;
        self.ends(tx, ticket, TicketStatus::Rejected).await
    }

    /// Ends it without a release.
    async fn ends(&self, tx: &mut Tx, ticket: Ticket, status: TicketStatus) -> Result<Ticket, SchemaError> {
        store::ticket::set_status(tx, ticket.id, status, self.now).await?;
        store::ticket::add_event(
            tx,
            ticket.id,
            status.as_str(),
            self.caller,
            self.comment,
            self.now,
        )
        .await?;
        Ok(Ticket {
            status,
            updated_at: self.now,
            ..ticket
        })
    }
}

/// Why somebody with `release:approve` can't say yes now.
fn not_now(approval: &Approval<'_>, steps: &[Step], said: bool) -> SchemaError {
    if said {
        return SchemaError::AlreadyApproved;
    }
    match approval.current {
        Some(current) => SchemaError::NotAnApprover(step_name(&steps[current]).to_owned()),
        None => SchemaError::AlreadyApproved,
    }
}

/// The step's name for messages; the built-in one has none.
fn step_name(step: &Step) -> &str {
    if step.name.is_empty() {
        "approval"
    } else {
        &step.name
    }
}

/// Tells whoever may decide the current step that it is their turn; the author and whoever could mend it, if nobody can.
pub(super) async fn tell_deciders(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    (ticket, steps): (&Ticket, &[Step]),
    (ground, approval): (&Ground<'_>, &Approval<'_>),
) -> Result<(), SchemaError> {
    let Some(current) = approval.current else {
        return Ok(());
    };
    let (step, standing) = (&steps[current], &approval.steps[current]);
    let asked = TicketTurn::Asked {
        author: &ticket.author,
        step: step_name(step),
    };
    tell(app, tx, caller, ticket, &standing.open_users(), asked).await?;
    if standing.stuck.is_some() {
        let mut menders: Vec<UserId> = ground.menders().iter().map(|person| person.user).collect();
        menders.extend(author_user(ticket));
        menders.sort_unstable();
        menders.dedup();
        let stuck = TicketTurn::Stuck {
            step: step_name(step),
        };
        tell(app, tx, caller, ticket, &menders, stuck).await?;
    }
    Ok(())
}

async fn tell_author(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    ticket: &Ticket,
    turn: TicketTurn<'_>,
) -> Result<(), SchemaError> {
    // One's own doing is no news.
    let author = author_user(ticket).filter(|_| ticket.person != caller.actor.person());
    tell(app, tx, caller, ticket, author.as_slice(), turn).await
}

/// The author, if a person of the database is.
fn author_user(ticket: &Ticket) -> Option<UserId> {
    ticket.person.parse().ok()
}

async fn tell(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    ticket: &Ticket,
    to: &[UserId],
    turn: TicketTurn<'_>,
) -> Result<(), SchemaError> {
    let news = TicketNews {
        org: caller.org(),
        id: ticket.id,
        version: &ticket.version,
        environment: &ticket.environment,
        turn,
    };
    tell_of_ticket(app, tx, to, &news).await.map_err(Error::from)?;
    Ok(())
}
