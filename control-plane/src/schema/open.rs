//! Opening a ticket: its flow is chosen and its steps are frozen onto it, and whoever may decide the first is told.

use super::{
    ProofRule, SchemaError, ServerSql, Ticket, TicketStatus, TicketStep,
    approval::{self, Ground},
    decision::tell_deciders,
    flow::{self, For, Step},
    policy, proof,
    proposal::Ticketing,
    set_aside,
    store::{self, state::Published},
};
use crate::{
    access::{Caller, Operation, OrgPeople, org_people},
    app::App,
    audit::{self, Entry},
    error::Error,
    in_tx,
};

/// Opens a ticket. `states` is what its servers come to, of what is published; nothing of what is proposed as text.
pub(super) async fn open(
    app: &App,
    caller: &Caller,
    mut ticketing: Ticketing,
    servers: &[ServerSql],
    states: &[Published],
) -> Result<(), SchemaError> {
    let Deciding {
        steps,
        people,
        author_may,
        proof: rule,
    } = deciding(app, caller, &ticketing).await?;
    ticketing.author_may_decide = author_may;
    let ticket = new_ticket(&ticketing);
    let ids: Vec<_> = servers.iter().map(|server| server.server).collect();
    let ground = Ground {
        ticket: &ticket,
        servers: &ids,
        people: &people,
        author_may,
    };
    let approval = ground.approval(&steps, &[]);
    let write = async || -> Result<(), SchemaError> {
        in_tx!(app.db, |tx| {
            if let Some(rejected) = ticket.corrects {
                let before = store::ticket::lock(tx, &app.db, caller.org(), rejected).await?;
                match before.map(|before| before.status) {
                    Some(TicketStatus::Rejected) => {}
                    Some(other) => return Err(SchemaError::NotRejected(other.as_str())),
                    None => return Err(SchemaError::NoTicket),
                }
                let comment = &ticketing.comment;
                store::ticket::add_event(tx, rejected, "resubmitted", caller, comment, ticketing.at).await?;
            }
            store::ticket::insert(tx, caller.org(), &ticketing, servers).await?;
            set_aside::bind(app, tx, caller, &ticketing).await?;
            for (server, state) in servers.iter().zip(states) {
                store::state::set_published(tx, (ticket.id, server.server), state).await?;
            }
            let published = servers.iter().zip(states).map(|(server, _)| server.server);
            proof::open(tx, rule, ticket.id, published, ticketing.at).await?;
            store::approval::insert_steps(tx, ticket.id, &steps).await?;
            let comment = &ticketing.comment;
            store::ticket::add_event(tx, ticket.id, "proposed", caller, comment, ticketing.at).await?;
            tell_deciders(app, tx, caller, (&ticket, &steps), (&ground, &approval)).await?;
            let names: Vec<&str> = steps.iter().map(|step| step.flow.as_str()).collect();
            let entry = Entry::done(Operation::ReleasePropose, "ticket", ticket.id).detail(format!(
                "version {} for {} in {}, risk {}, {}",
                ticket.version,
                ticket.database,
                ticket.environment,
                ticket.risk.as_str(),
                said_of(&names)
            ));
            audit::record(app, tx, caller, Some(caller.org()), entry).await?;
        });
        Ok(())
    };
    write().await.map_err(|error| match error {
        SchemaError::Db(db) if is_version_taken(&db) => SchemaError::VersionTaken(ticket.version.clone()),
        SchemaError::Db(db) if is_corrected(&db) => SchemaError::Corrected,
        other => other,
    })
}

/// Who decides something.
struct Deciding {
    steps: Vec<Step>,
    people: OrgPeople,
    author_may: bool,
    /// Whether the environment wants what is published proven.
    proof: ProofRule,
}

/// The steps that this would be opened with, by the flows and the environment's policy as they are now.
async fn deciding(app: &App, caller: &Caller, ticketing: &Ticketing) -> Result<Deciding, SchemaError> {
    let of = For {
        environment: &ticketing.environment,
        database: &ticketing.database,
        project: &ticketing.project,
        risk: ticketing.risk,
    };
    let policy = policy::of_environment(app, caller.org(), of.environment).await?;
    let flows = flow::list(app, caller.org()).await?;
    let people = org_people(app, caller.org()).await.map_err(Error::from)?;
    let steps = flow::freeze(&flow::chosen(&flows, &policy, of)?, &people, of);
    Ok(Deciding {
        steps,
        people,
        author_may: policy.author_may_decide,
        proof: policy.proof,
    })
}

/// Who would have to approve this if it were opened now.
pub(super) async fn would_decide(
    app: &App,
    caller: &Caller,
    mut ticketing: Ticketing,
    servers: &[ServerSql],
) -> Result<Vec<TicketStep>, SchemaError> {
    let deciding = deciding(app, caller, &ticketing).await?;
    ticketing.author_may_decide = deciding.author_may;
    let ticket = new_ticket(&ticketing);
    let ids: Vec<_> = servers.iter().map(|server| server.server).collect();
    let ground = Ground {
        ticket: &ticket,
        servers: &ids,
        people: &deciding.people,
        author_may: deciding.author_may,
    };
    Ok(approval::shown(&ground, &deciding.steps, &[], true))
}

/// The flows that steps are of, for the audit.
fn said_of(flows: &[&str]) -> String {
    let mut names: Vec<&str> = flows.iter().copied().filter(|name| !name.is_empty()).collect();
    names.dedup();
    if names.is_empty() {
        "approved by one other person".to_owned()
    } else {
        format!("approved by the flow {}", names.join(", then "))
    }
}

fn new_ticket(from: &Ticketing) -> Ticket {
    Ticket {
        id: from.id,
        project: from.project.clone(),
        version: from.version.clone(),
        environment: from.environment.clone(),
        database: from.database.clone(),
        status: TicketStatus::Pending,
        risk: from.risk,
        author: from.author_name.clone(),
        release_id: None,
        created_at: from.at,
        updated_at: from.at,
        corrects: from.corrects,
        person: from.author.clone(),
        author_may_decide: from.author_may_decide,
    }
}

fn is_version_taken(error: &crate::db::DbError) -> bool {
    let columns = ["org_id", "project", "environment", "version"];
    error.violates_index("tickets_version", "tickets", &columns)
}

fn is_corrected(error: &crate::db::DbError) -> bool {
    error.violates_index("tickets_corrects", "tickets", &["corrects"])
}
