//! PostgreSQL: neighbouring statements in one transaction together with their ledger row; what can't be in a
//! transaction, one by one.

mod catalogue;
mod dry;
mod keep;
mod ledger;
mod outside;
mod reading;
mod scratch;
mod session;
mod single;
mod transaction;

use muster_base::SecretString;
use muster_protocol::latest::{SqlSpec, SqlTarget};
use muster_schema::Class;
pub(super) use scratch::{drop_scratch, find_scratch, make_scratch};
use session::Session;

use super::{
    SqlContext, SqlError, Tried,
    check::{Plan, Step},
    error::what_stays,
    guard::Stopped,
    ledger::{Row, Status, ran_at},
    reading::{Parts, ReadingError},
    report::{self, News},
};

/// Executes what the ledger doesn't hold yet.
pub(super) async fn execute(
    ctx: &SqlContext,
    spec: &SqlSpec,
    plan: &Plan,
    password: &SecretString,
    tried: Tried,
    version: &mut Option<String>,
) -> Result<(), SqlError> {
    let mut session = Session::open(ctx, &spec.target, password, plan).await?;
    *version = Some(session.version.clone());
    let result = locked(&mut session, ctx, spec, plan, tried).await;
    if let Err(SqlError::ConnectionLost(_)) = result {
        session.abandon().await;
    } else {
        session.leave().await;
    }
    result
}

/// The server's version.
pub(super) async fn version(target: &SqlTarget, password: &SecretString) -> Result<String, SqlError> {
    let session = Session::connect(target, password).await?;
    let version = session.version.clone();
    session.close().await;
    Ok(version)
}

/// Tells what the catalogue says; the server's version.
pub(super) async fn catalogue_rows(
    target: &SqlTarget,
    password: &SecretString,
    parts: &mut Parts,
) -> Result<String, ReadingError> {
    let mut session = Session::connect(target, password).await?;
    let version = session.version.clone();
    let told = reading::rows(&mut session.conn, parts).await;
    session.close().await;
    told.map(|()| version)
}

/// What a question for a number answers, in a transaction that may write nothing.
pub(super) async fn count(
    target: &SqlTarget,
    password: &SecretString,
    question: &str,
    limit: std::time::Duration,
) -> Result<i64, ReadingError> {
    let mut session = Session::connect(target, password).await?;
    let counted = reading::number(&mut session.conn, question, limit).await;
    session.close().await;
    counted
}

async fn locked(
    session: &mut Session,
    ctx: &SqlContext,
    spec: &SqlSpec,
    plan: &Plan,
    tried: Tried,
) -> Result<(), SqlError> {
    let patience = if tried.before {
        plan.lock_timeout + plan.statement_timeout
    } else {
        plan.lock_timeout
    };
    let turn = session.lock(ctx, patience).await;
    turn.map_err(|error| if tried.left { error.begun_before() } else { error })?;
    if spec.dry_run {
        return dry::run(session, ctx, spec, plan).await;
    }
    session.ensure_ledger().await?;
    let rows = session.ledger_rows(spec).await?;
    let mut run = Run {
        session,
        ctx,
        spec,
        done: 0,
        replay: Vec::new(),
    };
    for segment in segments(&plan.steps) {
        if let Err(error) = run.segment(segment, &rows).await {
            let error = error.after(run.done);
            for step in plan.steps.iter().skip(segment[0].index + segment.len()) {
                report::step(ctx, step.index, News::skipped("not reached")).await;
            }
            return Err(error);
        }
    }
    Ok(())
}

/// Neighbours that can share a transaction, together; each other statement alone.
fn segments(steps: &[Step]) -> Vec<&[Step]> {
    steps
        .chunk_by(|a, b| a.transactional && b.transactional)
        .collect()
}

/// An execution under way.
struct Run<'a> {
    session: &'a mut Session,
    ctx: &'a SqlContext,
    spec: &'a SqlSpec,
    /// How many statements are in the database for good.
    done: usize,
    /// Session settings of segments that ran in an earlier session.
    replay: Vec<&'a Step>,
}

impl<'a> Run<'a> {
    async fn segment(&mut self, steps: &'a [Step], rows: &[Row]) -> Result<(), SqlError> {
        let (first, last) = (steps[0].index, steps[steps.len() - 1].index);
        let row = rows.iter().find(|row| row.first <= last && row.last >= first);
        if row.is_some_and(|row| (row.first, row.last) != (first, last)) {
            return Err(SqlError::NeedsAttention {
                number: first + 1,
                message:
                    "the ledger groups the release's statements differently; an agent of another version \
                          began it and should end it"
                        .into(),
            });
        }
        if let Some(Status::Done { at, results }) = row.map(|row| &row.status) {
            for (nth, step) in steps.iter().enumerate() {
                report::step(
                    self.ctx,
                    step.index,
                    News::found_done(results.get(nth).copied(), ran_at(*at)),
                )
                .await;
            }
            self.replay
                .extend(steps.iter().filter(|step| step.seen.class == Class::Session));
            self.done = last + 1;
            return Ok(());
        }
        if self.ctx.cancel.is_cancelled() {
            return Err(self.cancelled());
        }
        self.replay().await?;
        match steps {
            [step] if !step.transactional => self.single(step, row).await?,
            _ => self.transaction(steps).await?,
        }
        self.done = last + 1;
        Ok(())
    }

    /// What earlier segments set for their session has to hold in this one too.
    async fn replay(&mut self) -> Result<(), SqlError> {
        for step in std::mem::take(&mut self.replay) {
            let result = self.session.statement(&step.sql, self.ctx).await;
            result.map_err(|error| self.failed(step, &error))?;
        }
        Ok(())
    }

    fn cancelled(&self) -> SqlError {
        if self.done == 0 {
            SqlError::Cancelled
        } else {
            SqlError::CancelledHalfway(what_stays(self.done))
        }
    }

    /// The error for a statement that was stopped and left nothing behind.
    fn stopped(&self, step: &Step, stopped: &Stopped) -> SqlError {
        match stopped {
            Stopped::Server(error) => self.failed(step, error),
            Stopped::Held(message) if self.done == 0 => SqlError::RolledBack {
                number: step.number(),
                message: message.clone(),
            },
            Stopped::Held(message) => SqlError::Failed {
                number: step.number(),
                message: message.clone(),
                before: what_stays(self.done),
            },
        }
    }

    /// The error for a failed statement that left nothing behind.
    fn failed(&self, step: &Step, error: &sqlx::Error) -> SqlError {
        let message = self.session.explained(error);
        let failed = if super::error::is_lost(error) {
            SqlError::ConnectionLost(message)
        } else if self.ctx.cancel.is_cancelled() {
            self.cancelled()
        } else if self.done == 0 {
            SqlError::RolledBack {
                number: step.number(),
                message,
            }
        } else {
            SqlError::Failed {
                number: step.number(),
                message,
                before: what_stays(self.done),
            }
        };
        failed.caused_by(error, self.done)
    }
}

#[cfg(test)]
mod tests;
