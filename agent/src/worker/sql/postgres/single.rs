//! Statements that PostgreSQL refuses in a transaction: each with a `starting` and a `done` row, and the catalogue
//! decides after a crash.

use std::time::Instant;

use super::{
    super::{
        SqlError,
        check::Step,
        decide::{Decision, Held, State, decide},
        error::{LOOK_AND_DECIDE, bookkeeping, is_lost, what_stays},
        ledger::{Row, Status, StepResult},
        report::{self, News, millis},
        wait::answer,
    },
    Run,
    ledger::End,
};

impl Run<'_> {
    pub(super) async fn single(&mut self, step: &Step, row: Option<&Row>) -> Result<(), SqlError> {
        if let Some(Status::Starting { before }) = row.map(|row| &row.status) {
            let now = self.state(step).await?;
            match decide(&step.seen, before.as_ref(), &now) {
                Decision::Run => {}
                Decision::ClearAndRun => self.clear_away(step).await?,
                Decision::Done => return self.mark_done(step, &now).await,
                Decision::Ask(why) => return Err(self.ask(step, why).await),
            }
        }
        let before = self.state(step).await?;
        if before.effects.contains(&Held::Broken) {
            return Err(self.in_the_way(step).await);
        }
        self.session
            .ledger_start(self.ctx, self.spec, std::slice::from_ref(step), Some(&before))
            .await
            .map_err(|error| bookkeeping(&error))?;
        report::step(self.ctx, step.index, News::running()).await;
        let began = Instant::now();
        let rows = match self.session.statement(&step.sql, self.ctx).await {
            Ok(rows) => rows,
            Err(error) => return Err(self.single_failed(step, &before, began, &error).await),
        };
        let result = StepResult {
            duration_ms: millis(began.elapsed()),
            rows: Some(rows),
        };
        let recorded = async {
            let after = self.state(step).await?;
            if after.effects.contains(&Held::Broken) {
                return Err(self.left_broken(step, "it ended, and").await);
            }
            self.end_done(step, &[result], &after).await
        };
        recorded.await.map_err(|error| error.after(step.number()))?;
        report::step(self.ctx, step.index, News::done(result)).await;
        Ok(())
    }

    async fn state(&mut self, step: &Step) -> Result<State, SqlError> {
        let patience = self.session.limits.answer();
        answer(patience, self.session.state(&step.seen.effects))
            .await
            .map_err(|error| bookkeeping(&error))
    }

    async fn end_done(&mut self, step: &Step, results: &[StepResult], after: &State) -> Result<(), SqlError> {
        let end = End::Done {
            results,
            after: Some(after),
        };
        self.session
            .ledger_end(self.ctx, self.spec, step.index, end)
            .await
            .map_err(|error| bookkeeping(&error))
    }

    async fn mark_done(&mut self, step: &Step, now: &State) -> Result<(), SqlError> {
        self.end_done(step, &[], now).await?;
        let detail = "it was interrupted, and the catalogue shows that it happened";
        report::step(self.ctx, step.index, News::found_done(None, detail)).await;
        Ok(())
    }

    async fn ask(&mut self, step: &Step, why: &str) -> SqlError {
        let message = format!("it was interrupted, and {why}; {LOOK_AND_DECIDE}");
        report::step(
            self.ctx,
            step.index,
            News::failed(std::time::Duration::ZERO, message.clone()),
        )
        .await;
        SqlError::NeedsAttention {
            number: step.number(),
            message,
        }
    }

    /// An index whose building was interrupted: unusable, and in the way.
    async fn clear_away(&mut self, step: &Step) -> Result<(), SqlError> {
        let patience = self.session.limits.answer();
        let broken = answer(patience, self.session.broken_indexes(&step.seen.effects));
        for name in broken.await.map_err(|error| bookkeeping(&error))? {
            report::log(
                self.ctx,
                format!("dropping {name}, an index that was left unfinished"),
            )
            .await;
            let sql = format!("drop index concurrently if exists {name}");
            let dropped = self.session.statement(&sql, self.ctx).await;
            dropped.map_err(|error| bookkeeping(&error))?;
        }
        Ok(())
    }

    /// An index that an earlier build left, before this statement began: it is nobody's to drop but whoever looks.
    async fn in_the_way(&mut self, step: &Step) -> SqlError {
        let message = match self.broken(step).await {
            Ok(names) => format!(
                "{names} is there already and unusable (invalid): an earlier build of it failed. Drop it by a release of \
                 its own (drop index concurrently {names}), then execute this again; nothing of this statement was run"
            ),
            Err(error) => return error,
        };
        let failed = News::failed(std::time::Duration::ZERO, message.clone());
        report::step(self.ctx, step.index, failed).await;
        SqlError::Failed {
            number: step.number(),
            message,
            before: what_stays(self.done),
        }
    }

    /// An index that this statement left unusable and that could not be dropped.
    async fn left_broken(&mut self, step: &Step, what: &str) -> SqlError {
        match self.broken(step).await {
            Ok(names) => SqlError::NeedsAttention {
                number: step.number(),
                message: format!(
                    "{what} {names} is there and unusable (invalid); drop it (drop index concurrently {names}); \
                     {LOOK_AND_DECIDE}"
                ),
            },
            Err(error) => error,
        }
    }

    /// Names of unusable indexes that the statement is to build.
    async fn broken(&mut self, step: &Step) -> Result<String, SqlError> {
        let patience = self.session.limits.answer();
        let names = answer(patience, self.session.broken_indexes(&step.seen.effects)).await;
        names
            .map(|names| names.join(", "))
            .map_err(|error| bookkeeping(&error))
    }

    async fn single_failed(
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
        if let Err(error) = self.clear_away(step).await {
            tracing::debug!("an unfinished index stays until the next attempt: {error}");
        }
        let now = match self.state(step).await {
            Ok(now) => now,
            Err(error) => return error,
        };
        if now.effects.contains(&Held::Broken) {
            return self.left_broken(step, &format!("it failed ({text}), and")).await;
        }
        if now != *before {
            return SqlError::NeedsAttention {
                number: step.number(),
                message: format!("it failed ({text}) and left something behind; {LOOK_AND_DECIDE}"),
            };
        }
        if let Err(error) = self
            .session
            .ledger_end(self.ctx, self.spec, step.index, End::Failed(&text))
            .await
        {
            return bookkeeping(&error);
        }
        self.failed(step, error)
    }
}
