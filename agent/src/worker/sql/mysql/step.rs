//! One statement: in a transaction with its ledger row where that holds, else between a `starting` and a `done` row.

use std::time::{Duration, Instant};

use muster_schema::Class;

use super::{
    super::{
        SqlError,
        check::Step,
        decide::{Decision, State, decide},
        error::{LOOK_AND_DECIDE, bookkeeping, is_lost, message, number},
        ledger::{Row, Status, StepResult},
        report::{self, News, millis},
        wait::answer,
    },
    Run,
    ledger::End,
};

/// `ER_PARSE_ERROR`: nothing was run.
const PARSE_ERROR: u16 = 1064;

/// What failed in a transaction: the release's statement, or the ledger's part.
pub(super) enum Failure {
    Statement(sqlx::Error),
    Ledger(sqlx::Error),
    /// The statement would not be held in.
    Held(String),
}

impl Run<'_> {
    pub(super) async fn execute(&mut self, step: &Step, row: Option<&Row>) -> Result<(), SqlError> {
        let in_transaction = match step.seen.class {
            Class::Read | Class::Session => true,
            Class::Data => {
                let patience = self.session.limits.answer();
                answer(patience, self.session.is_transactional(&step.seen.objects))
                    .await
                    .map_err(|error| bookkeeping(&error))?
            }
            Class::Definition | Class::Maintenance | Class::Unknown => false,
        };
        if let Some(Status::Starting { before }) = row.map(|row| &row.status) {
            let now = self.state(step).await?;
            match decide(&step.seen, before.as_ref(), &now) {
                Decision::Run | Decision::ClearAndRun => {}
                Decision::Done => return self.mark_done(step, &now).await,
                Decision::Ask(why) => return Err(self.ask(step, why).await),
            }
        }
        if in_transaction {
            self.prepare(step).await?;
            self.transaction(step).await
        } else {
            self.without_transaction(step).await?;
            self.between_rows(step).await
        }
    }

    /// Exactly once because the ledger's row and the statement's commit together.
    async fn transaction(&mut self, step: &Step) -> Result<(), SqlError> {
        report::step(self.ctx, step.index, News::running()).await;
        let began = Instant::now();
        let failure = match self.with_its_row(step, began).await {
            Ok(result) => {
                let (result, said) = result;
                report::step(self.ctx, step.index, News::found_done(Some(result), said)).await;
                return Ok(());
            }
            Err(failure) => failure,
        };
        let (error, text) = match &failure {
            Failure::Statement(error) => (Some(error), self.session.explained(error)),
            Failure::Ledger(error) => (Some(error), message(error)),
            Failure::Held(message) => (None, message.clone()),
        };
        report::step(self.ctx, step.index, News::failed(began.elapsed(), text)).await;
        let there = !error.is_some_and(is_lost);
        if there && let Err(error) = self.session.control("rollback", self.ctx).await {
            tracing::debug!("the rollback was left to the server: {}", message(&error));
        }
        if there {
            self.session.forget_kept(step).await;
        }
        Err(match failure {
            Failure::Statement(error) => self.failed(step, &error),
            Failure::Ledger(error) => bookkeeping(&error),
            Failure::Held(message) => self.held(step, message),
        })
    }

    async fn with_its_row(&mut self, step: &Step, began: Instant) -> Result<(StepResult, String), Failure> {
        let session = &mut *self.session;
        session
            .locks_what_it_reads(step)
            .await
            .map_err(Failure::Statement)?;
        session
            .control("start transaction", self.ctx)
            .await
            .map_err(Failure::Ledger)?;
        session
            .ledger_start(self.ctx, self.spec, step.index, None)
            .await
            .map_err(Failure::Ledger)?;
        let (rows, said) = session.held_in(step, self.ctx).await?;
        let result = StepResult {
            duration_ms: millis(began.elapsed()),
            rows: Some(rows),
        };
        let end = End::Done {
            result: Some(result),
            after: None,
        };
        session
            .ledger_end(self.ctx, self.spec, step.index, end)
            .await
            .map_err(Failure::Ledger)?;
        session
            .control("commit", self.ctx)
            .await
            .map_err(Failure::Statement)?;
        Ok((result, said))
    }

    /// The statement commits by itself: the ledger says before that it starts, and after that it is done.
    async fn between_rows(&mut self, step: &Step) -> Result<(), SqlError> {
        let before = self.state(step).await?;
        self.session
            .ledger_start(self.ctx, self.spec, step.index, Some(&before))
            .await
            .map_err(|error| bookkeeping(&error))?;
        report::step(self.ctx, step.index, News::running()).await;
        let began = Instant::now();
        let rows = match self.session.statement(&step.sql, self.ctx).await {
            Ok(rows) => rows,
            Err(error) => return Err(self.between_rows_failed(step, &before, began, &error).await),
        };
        let result = StepResult {
            duration_ms: millis(began.elapsed()),
            rows: Some(rows),
        };
        let recorded = async {
            let after = self.state(step).await?;
            self.end(step, Some(result), &after).await
        };
        recorded.await.map_err(|error| error.after(step.number()))?;
        report::step(self.ctx, step.index, News::done(result)).await;
        Ok(())
    }

    async fn between_rows_failed(
        &mut self,
        step: &Step,
        before: &State,
        began: Instant,
        error: &sqlx::Error,
    ) -> SqlError {
        let text = self.session.explained(error);
        report::step(self.ctx, step.index, News::failed(began.elapsed(), text.clone())).await;
        if is_lost(error) {
            return SqlError::ConnectionLost(text);
        }
        let now = match self.state(step).await {
            Ok(now) => now,
            Err(error) => return error,
        };
        let can_be_told = match step.seen.class {
            Class::Definition => now == *before,
            Class::Maintenance | Class::Read | Class::Session => true,
            Class::Data | Class::Unknown => false,
        };
        let never_began = number(error) == Some(PARSE_ERROR) && !is_call(&step.sql);
        if !can_be_told && !never_began {
            return SqlError::NeedsAttention {
                number: step.number(),
                message: format!(
                    "it failed ({text}), and whether a part of it took effect can't be told; {LOOK_AND_DECIDE}"
                ),
            };
        }
        let end = self
            .session
            .ledger_end(self.ctx, self.spec, step.index, End::Failed(&text));
        if let Err(error) = end.await {
            return bookkeeping(&error);
        }
        self.failed(step, error)
    }

    async fn state(&mut self, step: &Step) -> Result<State, SqlError> {
        let patience = self.session.limits.answer();
        answer(patience, self.session.state(&step.seen))
            .await
            .map_err(|error| bookkeeping(&error))
    }

    async fn end(&mut self, step: &Step, result: Option<StepResult>, after: &State) -> Result<(), SqlError> {
        let end = End::Done {
            result,
            after: Some(after),
        };
        self.session
            .ledger_end(self.ctx, self.spec, step.index, end)
            .await
            .map_err(|error| bookkeeping(&error))
    }

    async fn mark_done(&mut self, step: &Step, now: &State) -> Result<(), SqlError> {
        self.end(step, None, now).await?;
        let detail = "it was interrupted, and the database shows that it happened";
        report::step(self.ctx, step.index, News::found_done(None, detail)).await;
        Ok(())
    }

    async fn ask(&mut self, step: &Step, why: &str) -> SqlError {
        let message = format!("it was interrupted, and {why}; {LOOK_AND_DECIDE}");
        report::step(
            self.ctx,
            step.index,
            News::failed(Duration::ZERO, message.clone()),
        )
        .await;
        SqlError::NeedsAttention {
            number: step.number(),
            message,
        }
    }
}

/// What it calls may run SQL that it puts together itself, so its parse errors say nothing.
fn is_call(sql: &str) -> bool {
    let word = sql.get(..4).unwrap_or_default();
    word.eq_ignore_ascii_case("call") || word.eq_ignore_ascii_case("exec")
}
