//! Statements that share one transaction with their ledger row.

use std::time::Instant;

use super::{
    super::{
        SqlError,
        check::Step,
        error::{bookkeeping, is_lost, message},
        ledger::StepResult,
        report::{self, News, millis},
    },
    Run,
    ledger::End,
};

/// Whether its rows are kept before.
fn keeps(step: &Step) -> bool {
    step.guard.as_ref().is_some_and(|guard| guard.keep.is_some())
}

impl Run<'_> {
    pub(super) async fn transaction(&mut self, steps: &[Step]) -> Result<(), SqlError> {
        let result = self.statements(steps).await;
        if let Err(error) = &result
            && !matches!(error, SqlError::ConnectionLost(_))
            && let Err(error) = self.session.control("rollback", self.ctx).await
        {
            tracing::debug!("the rollback was left to the server: {}", message(&error));
        }
        result
    }

    async fn statements(&mut self, steps: &[Step]) -> Result<(), SqlError> {
        self.session
            .control("begin", self.ctx)
            .await
            .map_err(|error| bookkeeping(&error))?;
        if steps.iter().any(keeps) {
            // What is kept and what is changed then are the same rows.
            self.session
                .sees_one_state()
                .await
                .map_err(|error| bookkeeping(&error))?;
        }
        // At the start, so that its key keeps out anybody else who would run the same steps.
        self.session
            .ledger_start(self.ctx, self.spec, steps, None)
            .await
            .map_err(|error| bookkeeping(&error))?;
        let mut results = Vec::with_capacity(steps.len());
        for step in steps {
            if let Err(error) = self.one(step, &mut results).await {
                self.report_rolled_back(steps, step).await;
                return Err(error);
            }
        }
        let first = steps[0].index;
        let end = End::Done {
            results: &results,
            after: None,
        };
        self.session
            .ledger_end(self.ctx, self.spec, first, end)
            .await
            .map_err(|error| bookkeeping(&error))?;
        if let Err(error) = self.session.control("commit", self.ctx).await {
            if is_lost(&error) {
                return Err(SqlError::ConnectionLost(message(&error)));
            }
            for step in steps {
                report::step(self.ctx, step.index, News::skipped("rolled back")).await;
            }
            return Err(SqlError::CommitFailed(message(&error)));
        }
        Ok(())
    }

    async fn one(&mut self, step: &Step, results: &mut Vec<StepResult>) -> Result<(), SqlError> {
        report::step(self.ctx, step.index, News::running()).await;
        let began = Instant::now();
        let (rows, said) = match self.session.held_in(step, self.ctx).await {
            // It may have ended just before it was to be stopped.
            Ok(_) if self.ctx.cancel.is_cancelled() => {
                report::step(self.ctx, step.index, News::skipped("rolled back")).await;
                return Err(self.cancelled());
            }
            Ok(done) => done,
            Err(stopped) => {
                let text = self.session.why_stopped(&stopped);
                report::step(self.ctx, step.index, News::failed(began.elapsed(), text)).await;
                return Err(self.stopped(step, &stopped));
            }
        };
        let result = StepResult {
            duration_ms: millis(began.elapsed()),
            rows: Some(rows),
        };
        results.push(result);
        report::step(self.ctx, step.index, News::found_done(Some(result), said)).await;
        Ok(())
    }

    async fn report_rolled_back(&self, steps: &[Step], failed: &Step) {
        for step in steps.iter().filter(|step| step.index != failed.index) {
            let detail = if step.index < failed.index {
                "rolled back"
            } else {
                "not reached"
            };
            report::step(self.ctx, step.index, News::skipped(detail)).await;
        }
    }
}
