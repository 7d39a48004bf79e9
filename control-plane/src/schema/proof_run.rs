//! Makes the proofs that are wanted ([`proof`](super::proof)): asks the agent that reaches the server, and writes down what comes of it.
//!
//! The task has no memory but the rows: each look takes what is wanted, at most [`AT_ONCE`] at a time here, and what a control plane that
//! was killed had taken is taken anew. The wish is signed for this host and a minute, carries the password sealed to it, and holds
//! definitions only: what makes the state before is rendered from the design, not read from the target. A host that is away, too
//! old or says no is an outcome, said on the ticket: somebody may ask again.

use std::{sync::Arc, time::Duration};

use muster_base::UnixMs;
use muster_documents::Design;
use muster_identity::look::Look;
use muster_protocol::{
    PROOFS_SINCE,
    latest::{ProofLook, ProofNote, SignedLook, SqlStatement, TailFrame, TailRequest},
};
use muster_schema::{Dialect, catalogue::Answers, render, split};
use tokio::{
    sync::Semaphore,
    time::{sleep, timeout},
};
use tracing::warn;

use super::{
    ProofOutcome, ProofState, SchemaError, Server, ServerSql, TicketStatus, live,
    proof::fingerprint,
    proof_judge::{self, Heard, Wanted},
    server_test::target,
    store::{self, proof::Wanted as Task},
};
use crate::{
    access::Caller,
    app::App,
    audit::{self, Entry},
    error::Error,
    in_tx,
    link::TailStream,
};

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Proofs that this control plane makes at a time; comparing takes a core.
const AT_ONCE: usize = 4;
const BATCH: i64 = 20;
/// The agent gives up earlier, and says why.
const LONGEST: Duration = Duration::from_mins(6);
const WISH_LASTS_MS: i64 = UnixMs::MINUTE;
/// Of all statements: with the password they travel in one frame.
const MAX_SQL: usize = 900 * 1024;

/// Starts the task that makes proofs.
pub(super) fn start(app: &App) {
    let task = app.clone();
    app.tasks.keep("schema.proofs", async move {
        let stopping = task.tasks.stopping();
        let places = Arc::new(Semaphore::new(AT_ONCE));
        while !stopping.is_cancelled() {
            if let Err(error) = look(&task, &places).await {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "it could not be looked which changes are to be proven; trying again"
                );
            }
            tokio::select! {
                () = sleep(LOOK_EVERY) => {}
                () = stopping.cancelled() => {}
            }
        }
    });
}

/// Begins what is wanted, as far as there are places.
async fn look(app: &App, places: &Arc<Semaphore>) -> Result<(), SchemaError> {
    if places.available_permits() == 0 {
        return Ok(());
    }
    for task in store::proof::list_wanted(&app.db, app.clock.now(), BATCH).await? {
        let Ok(place) = Arc::clone(places).try_acquire_owned() else {
            return Ok(());
        };
        let mine = app.clone();
        app.tasks.spawn("schema.proof", async move {
            let stopping = mine.tasks.stopping();
            if let Some(Err(error)) = stopping.run_until_cancelled(make(&mine, task)).await {
                warn!(
                    ticket.id = %task.ticket_id,
                    error = &error as &dyn std::error::Error,
                    "a change could not be proven; it is tried again"
                );
            }
            drop(place);
        });
    }
    Ok(())
}

/// Takes a proof and makes it, unless another control plane has.
pub(super) async fn make(app: &App, task: Task) -> Result<(), SchemaError> {
    let begun = app.clock.now();
    if !in_tx!(app.db, |tx| store::proof::take(tx, task, begun).await?) {
        return Ok(());
    }
    let tried = match try_out(app, task).await {
        Ok(tried) => tried,
        Err(error) => Tried::not(why(error)?),
    };
    let Tried {
        state,
        outcome,
        fingerprint,
    } = tried;
    in_tx!(app.db, |tx| {
        let now = app.clock.now();
        if store::proof::end(tx, task, begun, (state, &fingerprint, &outcome), now).await? {
            let system = Caller::system("schema.proofs", task.org_id);
            let said = if outcome.why.is_empty() {
                state.as_str().to_owned()
            } else {
                format!("{}: {}", state.as_str(), outcome.why)
            };
            let entry = Entry::done("release:proof", "ticket", task.ticket_id).detail(said);
            audit::record(app, tx, &system, Some(task.org_id), entry).await?;
        }
    });
    Ok(())
}

struct Tried {
    state: ProofState,
    outcome: ProofOutcome,
    fingerprint: String,
}

impl Tried {
    /// It could not be tried.
    fn not(why: impl Into<String>) -> Self {
        Self {
            state: ProofState::Untried,
            outcome: ProofOutcome {
                why: why.into(),
                ..ProofOutcome::default()
            },
            fingerprint: String::new(),
        }
    }
}

/// What is an answer for people; the database's own failure is tried again.
fn why(error: SchemaError) -> Result<String, SchemaError> {
    match error {
        SchemaError::Db(error) => Err(SchemaError::Db(error)),
        other => Ok(other.to_string()),
    }
}

async fn try_out(app: &App, task: Task) -> Result<Tried, SchemaError> {
    let found = store::ticket::find(&app.db, task.org_id, task.ticket_id).await?;
    let (ticket, _) = found.ok_or(SchemaError::NoTicket)?;
    if ticket.status != TicketStatus::Pending {
        return Ok(Tried::not("it was decided before its turn came"));
    }
    let servers = store::ticket::list_servers(&app.db, task.ticket_id).await?;
    let sql = servers.into_iter().find(|one| one.server == task.server_id);
    let sql = sql.ok_or(SchemaError::NoServer)?;
    let server = store::server::find(&app.db, task.org_id, task.server_id).await?;
    let server = server.ok_or(SchemaError::NoServer)?;
    let designs = store::proof::find_designs(&app.db, (task.ticket_id, task.server_id)).await?;
    let designs = designs.ok_or(SchemaError::NoTicket)?;
    let Some(after) = designs.after else {
        return Ok(Tried::not(SchemaError::NotProvable.to_string()));
    };
    let of_base = |base| fingerprint(&sql.sha256, sql.rollback_sql.as_deref(), base);
    if of_base(designs.base) != of_base(designs.now) {
        return Ok(Tried::not(
            "something else is there than this was computed against: publish again",
        ));
    }
    let before = designs.before.unwrap_or_else(|| Design::empty(after.dialect));
    let wanted = Wanted {
        before,
        after,
        asides: proof_judge::asides(sql.set_aside.as_ref()),
        back_is_exact: sql.not_taken_back.is_empty(),
    };
    let (made, wanted) = blocking(move || (made(&wanted.before), wanted)).await?;
    let made = match made {
        Ok(made) => made,
        Err(why) => return Ok(Tried::not(why)),
    };
    let wish = match wish(app, task, (&server, &sql), made).await? {
        Ok(wish) => wish,
        Err(why) => return Ok(Tried::not(why)),
    };
    let tail = live::open(app, task.org_id, &server, TailRequest::Prove(wish)).await?;
    let heard = timeout(LONGEST, hear(tail)).await;
    let heard = heard.map_err(|_| SchemaError::NoAnswer)??;
    let (state, outcome) = blocking(move || proof_judge::judge(&wanted, heard)).await?;
    Ok(Tried {
        state,
        outcome,
        fingerprint: of_base(designs.now),
    })
}

/// Large designs take a while.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, SchemaError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Error::internal(error).into())
}

/// What makes this design on an empty database; the error says why nothing does.
fn made(design: &Design) -> Result<Vec<String>, String> {
    let schema = design.schema().map_err(|faults| {
        let said = faults
            .iter()
            .map(|fault| format!("{} {}: {}", fault.object, fault.path, fault.message));
        said.collect::<Vec<_>>().join("; ")
    })?;
    render(&schema).map_err(|refusal| refusal.to_string())
}

/// The wish as it travels, or why it does not.
async fn wish(
    app: &App,
    task: Task,
    (server, sql): (&Server, &ServerSql),
    before: Vec<String>,
) -> Result<Result<SignedLook, String>, SchemaError> {
    let back = match statements(
        server.kind.dialect(),
        sql.rollback_sql.as_deref().unwrap_or_default(),
    ) {
        Ok(back) => back,
        Err(why) => return Ok(Err(why)),
    };
    let change = sql.statements.iter().map(|statement| SqlStatement {
        sql: statement.sql.clone(),
        transactional: statement.transactional,
        risk: statement.risk.as_u8(),
    });
    let change: Vec<SqlStatement> = change.collect();
    let texts = before.iter().chain(&back).map(String::len);
    let bytes: usize = texts
        .chain(change.iter().map(|one| one.sql.len() + 8))
        .map(|bytes| bytes + 8)
        .sum();
    if bytes > MAX_SQL {
        let most = MAX_SQL / 1024;
        return Ok(Err(format!(
            "the design and the change have more than {most} KiB of SQL, which is not tried"
        )));
    }
    let since = (
        PROOFS_SINCE,
        SchemaError::OldAgentProofs as fn(String) -> SchemaError,
    );
    let (id, sealed) = live::sealed_password(app, task.org_id, server, since).await?;
    let wish = ProofLook {
        id,
        org: task.org_id,
        host: server.host_id,
        expires: app.clock.now().plus_ms(WISH_LASTS_MS),
        target: target(server, sql.database.clone()),
        sealed,
        before,
        change,
        back,
        statement_timeout_ms: server.statement_timeout_ms,
    };
    Ok(Ok(live::signed(app, server, Look::Proof, &wish).await?))
}

/// A text's statements; ours, so it can be cut.
fn statements(dialect: Dialect, sql: &str) -> Result<Vec<String>, String> {
    let cut = split(dialect, sql).map_err(|error| format!("the way back can't be read: {error}"))?;
    Ok(cut.into_iter().map(|one| one.text.to_owned()).collect())
}

/// What the agent says, to its end.
async fn hear(mut tail: TailStream) -> Result<Heard, SchemaError> {
    let mut heard = Heard::default();
    let (mut answers, mut bytes) = (Answers::new(), 0);
    loop {
        match tail.next().await {
            Ok(Some(TailFrame::Schema(part))) => live::take_in(&mut answers, part, &mut bytes)?,
            Ok(Some(TailFrame::Proof(note))) => match note {
                ProofNote::Ran(_) => {
                    answers = Answers::new();
                    bytes = 0;
                }
                ProofNote::Read(part) => {
                    heard.read.insert(part, std::mem::take(&mut answers));
                }
                ProofNote::Failed {
                    part,
                    statement,
                    error,
                } => heard.failed = Some((part, statement, live::plain(&error))),
                ProofNote::Untried(why) => heard.untried = Some(live::plain(&why)),
                ProofNote::Ended { version, left } => {
                    if let Some(left) = left {
                        warn!(
                            database = live::plain(&left),
                            "a scratch database is left on a server; the next proof there drops it"
                        );
                    }
                    heard.version = live::plain(&version);
                    return Ok(heard);
                }
            },
            Ok(Some(TailFrame::Refused(why))) => {
                heard.untried = Some(live::plain(&why));
                return Ok(heard);
            }
            Ok(
                Some(
                    TailFrame::Sample(_)
                    | TailFrame::Log(_)
                    | TailFrame::LogEnd(_)
                    | TailFrame::SchemaEnd(_)
                    | TailFrame::Count(_),
                )
                | None,
            )
            | Err(_) => return Err(SchemaError::NoAnswer),
        }
    }
}

/// What the tests of this room look at instead of the task.
#[cfg(test)]
pub(super) async fn make_all(app: &App) -> Result<(), SchemaError> {
    for task in store::proof::list_wanted(&app.db, app.clock.now(), BATCH).await? {
        make(app, task).await?;
    }
    Ok(())
}
