//! A dry run: everything in one transaction that is rolled back.

use std::time::Instant;

use super::{
    super::{
        SqlContext, SqlError,
        check::Plan,
        error::bookkeeping,
        ledger::{Status, StepResult},
        report::{self, News, millis},
    },
    SqlSpec,
    session::Session,
};

pub(super) async fn run(
    session: &mut Session,
    ctx: &SqlContext,
    spec: &SqlSpec,
    plan: &Plan,
) -> Result<(), SqlError> {
    if session.has_ledger().await? {
        let rows = session.ledger_rows(spec).await?;
        let done = rows
            .iter()
            .filter(|row| matches!(row.status, Status::Done { .. }));
        if done.count() > 0 {
            report::log(ctx, "this release, or a part of it, ran on this database before").await;
        }
    }
    session
        .control("begin", ctx)
        .await
        .map_err(|error| bookkeeping(&error))?;
    let result = statements(session, ctx, plan).await;
    let rolled_back = session
        .control("rollback", ctx)
        .await
        .map_err(|error| bookkeeping(&error));
    result.and(rolled_back)
}

async fn statements(session: &mut Session, ctx: &SqlContext, plan: &Plan) -> Result<(), SqlError> {
    for (nth, step) in plan.steps.iter().enumerate() {
        if !step.transactional {
            report::step(ctx, step.index, News::skipped("can't be tried without doing it")).await;
            continue;
        }
        report::step(ctx, step.index, News::running()).await;
        let began = Instant::now();
        match session.held_in(step, ctx).await {
            Ok((rows, _)) => {
                let result = StepResult {
                    duration_ms: millis(began.elapsed()),
                    rows: Some(rows),
                };
                report::step(ctx, step.index, News::done(result)).await;
            }
            Err(stopped) => {
                let text = session.why_stopped(&stopped);
                report::step(ctx, step.index, News::failed(began.elapsed(), text.clone())).await;
                for later in &plan.steps[nth + 1..] {
                    report::step(ctx, later.index, News::skipped("not reached")).await;
                }
                if ctx.cancel.is_cancelled() {
                    return Err(SqlError::Cancelled);
                }
                return Err(SqlError::RolledBack {
                    number: step.number(),
                    message: text,
                });
            }
        }
    }
    Ok(())
}
