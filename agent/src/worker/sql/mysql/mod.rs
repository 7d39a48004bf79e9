//! MySQL and MariaDB: statement by statement with a ledger, because each definition commits by itself.

mod catalogue;
mod dry;
mod keep;
mod ledger;
mod outside;
mod reading;
mod scratch;
mod session;
mod step;

use muster_base::SecretString;
use muster_protocol::latest::{SqlSpec, SqlTarget};
use muster_schema::Class;
pub(super) use scratch::{drop_scratch, find_scratch, make_scratch};
use session::Session;

use super::{
    SqlContext, SqlError, Tried,
    check::{Plan, Step},
    error::what_stays,
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
    let told = reading::rows(&mut session.conn, session.outside.is_mariadb, parts).await;
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
    let counted = reading::number(&mut session.conn, session.outside.is_mariadb, question, limit).await;
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
        return dry::run(session, ctx, plan).await;
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
    for step in &plan.steps {
        if let Err(error) = run.step(step, &rows).await {
            let error = error.after(run.done);
            for later in &plan.steps[step.index + 1..] {
                report::step(ctx, later.index, News::skipped("not reached")).await;
            }
            return Err(error);
        }
    }
    Ok(())
}

/// An execution under way.
struct Run<'a> {
    session: &'a mut Session,
    ctx: &'a SqlContext,
    spec: &'a SqlSpec,
    /// How many statements are in the database for good.
    done: usize,
    /// Session settings of steps that ran in an earlier session.
    replay: Vec<&'a Step>,
}

impl<'a> Run<'a> {
    async fn step(&mut self, step: &'a Step, rows: &[Row]) -> Result<(), SqlError> {
        let row = rows.iter().find(|row| row.first == step.index);
        if let Some(Status::Done { at, results }) = row.map(|row| &row.status) {
            let news = News::found_done(results.first().copied(), ran_at(*at));
            report::step(self.ctx, step.index, news).await;
            if step.seen.class == Class::Session {
                self.replay.push(step);
            }
            self.done = step.index + 1;
            return Ok(());
        }
        if self.ctx.cancel.is_cancelled() {
            return Err(self.cancelled());
        }
        for earlier in std::mem::take(&mut self.replay) {
            let result = self.session.statement(&earlier.sql, self.ctx).await;
            result.map_err(|error| self.failed(earlier, &error))?;
        }
        self.execute(step, row).await?;
        self.done = step.index + 1;
        Ok(())
    }

    fn cancelled(&self) -> SqlError {
        if self.done == 0 {
            SqlError::Cancelled
        } else {
            SqlError::CancelledHalfway(what_stays(self.done))
        }
    }

    /// The error for a statement that would not be held in; nothing of it is there.
    fn held(&self, step: &Step, message: String) -> SqlError {
        SqlError::Failed {
            number: step.number(),
            message,
            before: what_stays(self.done),
        }
    }

    /// The error for a failed statement that left nothing behind.
    fn failed(&self, step: &Step, error: &sqlx::Error) -> SqlError {
        let message = self.session.explained(error);
        let failed = if super::error::is_lost(error) {
            SqlError::ConnectionLost(message)
        } else if self.ctx.cancel.is_cancelled() {
            self.cancelled()
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
