//! Executes an approved SQL release on one database, exactly once, whatever dies in between.
//!
//! [`run`] is the whole of it: it checks that the statements are the approved ones, connects, takes the database's
//! release lock, asks the ledger what has been done already, does the rest, and reports each statement as a step.
//! [`test_server`] only connects and asks for the server's version, [`read_catalogue`] reads what is there, [`count_rows`] asks how
//! many rows a statement would touch, and [`prove`] tries a change on a database that is made for it.
//!
//! # The ledger
//!
//! A table `muster_release_ledger` in the target database, in the user's current schema on PostgreSQL:
//!
//! | column | holds |
//! |---|---|
//! | `release_id`, `first_step` | the key: the release and the first statement (from 0) that the row is about |
//! | `last_step` | the last statement it is about |
//! | `version`, `sql_sha256` | the release's version and the SHA-256 of its text, in hexadecimal |
//! | `status` | `starting`, `done` or `failed` |
//! | `order_id` | the order that wrote the row last |
//! | `before_state`, `after_state` | what the catalogue said before and after (JSON), where a row can be `starting` |
//! | `results` | rows and milliseconds of each statement (JSON) |
//! | `error` | why it failed |
//! | `started_at_ms`, `ended_at_ms` | milliseconds since the epoch |
//!
//! # PostgreSQL
//!
//! Neighbouring statements that can run in a transaction run in one, together with their ledger row: the row is
//! there if, and only if, they happened. What can't be in a transaction is a step of its own with a `starting` and
//! a `done` row; after a crash the catalogue decides a `starting` one.
//!
//! # MySQL and MariaDB
//!
//! Each data change runs in a transaction together with its ledger row (tables of InnoDB). Everything else commits
//! by itself, so it gets a `starting` row with the fingerprints of the objects it touches, then a `done` row.
//!
//! # Statements that are held in
//!
//! An update or delete may have a limit of rows, and its rows may be kept in a table before, in its own transaction ([`guard`]).
//!
//! # After a crash
//!
//! A `starting` row is decided by comparing then and now (`decide`): the state before → run it; the state after →
//! mark it done; neither, or nothing that can be looked up → stop, [`OrderStatus::NeedsAttention`], and say why.
//! A person who has looked sets the row's `status` to `done`, or deletes the row to have it run again, and executes
//! the release again.
//!
//! # Locks of others
//!
//! A statement waits for a lock as long as the server's `lockTimeoutMs` says, since everybody who comes after waits behind it. When that is over
//! (or the server ended it because two waited for each other), what it did is undone, the release lock is given back, and
//! after a pause in which the others get their turn the release goes on where the ledger says ([`LOCK_PAUSES`]). A dry run is
//! not tried again, nor what left something behind. Where the server goes away in a pause, that all of what was tried was undone
//! is known: it failed and needs nobody's attention, unless earlier statements had taken effect for good.
//!
//! # Invariants
//!
//! - Two releases never run at once on one database: an advisory lock (`GET_LOCK`) is held by the same session that
//!   runs the statements, so a statement that outlives its worker keeps it.
//! - A session that nobody is at the end of any more (a host lost its power, or its address changed) does not keep that lock:
//!   whoever loses the answer ends it from outside, and the server ends it when it has heard nothing for a minute.
//! - A release that is `done` in the ledger is answered from it and never run again.
//! - Every wait has an end: connecting, the lock, a server's lock queues, a statement, the server's answer to the
//!   bookkeeping, a server that was restarted in the middle.
//! - The password appears in no error, event or log line.

mod check;
mod connect;
mod counting;
mod decide;
mod error;
#[cfg(test)]
mod faults;
mod guard;
#[cfg(test)]
mod guarded;
mod ledger;
mod mysql;
mod postgres;
mod proving;
mod reading;
mod report;
#[cfg(test)]
mod testing;
mod wait;

pub use check::{effective_risk, risk_of};
pub use counting::count_rows;
pub use error::SqlError;
use muster_base::{Clock, ExposeSecret as _, OrderId, SecretString};
use muster_protocol::latest::{DbDialect, OrderStatus, SqlGuard, SqlSpec, SqlTarget, StepReport};
pub use proving::{Said, prove};
pub use reading::read_catalogue;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use std::time::Duration;

/// A connection must stand within this time.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A lost connection is replaced this often; the ledger says where to go on.
const RECONNECTS: u32 = 3;
/// Between two tries to connect again.
const RECONNECT_PAUSE: Duration = Duration::from_millis(500);

/// How long others have their turn before a statement that did not get its lock is tried again; so often it is.
pub const LOCK_PAUSES: &[Duration] = &[
    Duration::from_secs(2),
    Duration::from_secs(10),
    Duration::from_secs(30),
];

/// What an execution needs from the worker around it.
#[derive(Debug)]
pub struct SqlContext {
    /// The order; the ledger remembers it.
    pub order: OrderId,
    /// The order had been started before and was interrupted: waits longer for what may still run from then.
    pub resuming: bool,
    /// For so long a server that went away in the middle is awaited: it may only be restarted.
    pub reconnect_for: Duration,
    /// Pauses before a statement that did not get its lock is tried again.
    pub lock_pauses: &'static [Duration],
    /// After so long without a word of ours the server ends the session, and with it its locks.
    pub idle_for: Duration,
    /// Stops the release: the running statement is cancelled on the server.
    pub cancel: CancellationToken,
    /// Where each step's news go.
    pub events: mpsc::Sender<StepReport>,
    /// Time.
    pub clock: Clock,
}

/// What came before a try.
#[derive(Debug, Clone, Copy)]
struct Tried {
    /// It was tried before: a session of that may still be there, and is waited for.
    before: bool,
    /// And may have left something in the database.
    left: bool,
}

/// How an execution or a server test ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlOutcome {
    /// How.
    pub status: OrderStatus,
    /// For a person: what is wrong, what state things are in, and what to do.
    pub error: Option<String>,
    /// What the server said of itself.
    pub server_version: Option<String>,
}

/// Executes a release (or tries it, `spec.dry_run`), held in by `guards`. Never runs a statement twice.
pub async fn run(
    ctx: &SqlContext,
    spec: &SqlSpec,
    guards: &[SqlGuard],
    password: &SecretString,
) -> SqlOutcome {
    let plan = match check::check(spec, guards) {
        Ok(plan) => plan,
        Err(error) => return ended(&error, None, password),
    };
    let mut version = None;
    let mut attempt = 0;
    let mut tried = Tried {
        before: ctx.resuming,
        left: ctx.resuming,
    };
    let mut lock_pauses = ctx.lock_pauses.iter().copied().filter(|_| !spec.dry_run);
    let mut told = false;
    let mut give_up = Instant::now() + ctx.reconnect_for;
    let result = loop {
        // A connection that broke may have left a statement running on the server: wait for it like after a crash. And
        // what was tried before may have done a part, unless all of it was undone.
        let mut pause = RECONNECT_PAUSE;
        let result = match spec.target.dialect {
            DbDialect::Postgres => postgres::execute(ctx, spec, &plan, password, tried, &mut version).await,
            DbDialect::MySql => mysql::execute(ctx, spec, &plan, password, tried, &mut version).await,
        };
        match result {
            Err(SqlError::ConnectionLost(_)) if attempt < RECONNECTS => {
                attempt += 1;
                (tried.before, tried.left) = (true, true);
                give_up = Instant::now() + ctx.reconnect_for;
                report::log(
                    ctx,
                    "the connection broke; connecting again and asking the ledger where to go on",
                )
                .await;
            }
            Err(SqlError::InTheWay { error, done }) if !ctx.cancel.is_cancelled() => {
                let Some(next) = lock_pauses.next() else {
                    break Err(*error);
                };
                pause = next;
                (tried.before, tried.left) = (true, tried.left || done > 0);
                give_up = Instant::now() + next + ctx.reconnect_for;
                let seconds = next.as_secs_f64();
                let why = scrub(&error.to_string(), password);
                report::log(ctx, format!("{why}; trying again in {seconds} s")).await;
            }
            Err(SqlError::Connect { message, .. }) if tried.before && Instant::now() < give_up => {
                if !told {
                    report::log(
                        ctx,
                        format!("the server can't be reached ({message}); trying again"),
                    )
                    .await;
                    told = true;
                }
            }
            Err(SqlError::Connect { address, message }) if tried.left => {
                break Err(SqlError::Unreachable { address, message });
            }
            Err(SqlError::Connect { address, message }) if tried.before => {
                break Err(SqlError::Left { address, message });
            }
            result => break result,
        }
        tokio::select! {
            () = sleep(pause) => {}
            // One more try without a pause: how things stand is said by who is asked last.
            () = ctx.cancel.cancelled() => give_up = Instant::now(),
        }
    };
    match result {
        Ok(()) => SqlOutcome {
            status: OrderStatus::Done,
            error: None,
            server_version: version,
        },
        Err(error) => ended(&error, version, password),
    }
}

/// Connects and asks for the server's version. Changes nothing.
pub async fn test_server(target: &SqlTarget, password: &SecretString) -> SqlOutcome {
    let result = match target.dialect {
        DbDialect::Postgres => postgres::version(target, password).await,
        DbDialect::MySql => mysql::version(target, password).await,
    };
    match result {
        Ok(version) => SqlOutcome {
            status: OrderStatus::Done,
            error: None,
            server_version: Some(version),
        },
        Err(error) => ended(&error, None, password),
    }
}

fn ended(error: &SqlError, server_version: Option<String>, password: &SecretString) -> SqlOutcome {
    SqlOutcome {
        status: error.status(),
        error: Some(scrub(&error.to_string(), password)),
        server_version,
    }
}

/// A server's message with the password taken out, should it ever be in one.
fn scrub(text: &str, password: &SecretString) -> String {
    match password.expose_secret() {
        "" => text.to_owned(),
        secret => text.replace(secret, "[password]"),
    }
}
