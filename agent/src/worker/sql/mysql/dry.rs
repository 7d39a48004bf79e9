//! A dry run: the server reads each statement (`PREPARE`) and runs none, since it can't take definitions back.

use std::time::Instant;

use muster_schema::Class;
use sqlx::{AssertSqlSafe, Executor as _, SqlSafeStr as _};

use super::{
    super::{
        SqlContext, SqlError,
        check::Plan,
        error::{is_lost, message},
        report::{self, News},
    },
    session::Session,
};

/// `ER_UNSUPPORTED_PS`.
const NOT_PREPARABLE: &str = "1295";

pub(super) async fn run(session: &mut Session, ctx: &SqlContext, plan: &Plan) -> Result<(), SqlError> {
    let mut after_definitions = false;
    for (nth, step) in plan.steps.iter().enumerate() {
        if ctx.cancel.is_cancelled() {
            return Err(SqlError::Cancelled);
        }
        report::step(ctx, step.index, News::running()).await;
        let began = Instant::now();
        let prepared = session
            .conn
            .prepare(AssertSqlSafe(step.sql.clone()).into_sql_str())
            .await;
        match prepared.map(|_| ()) {
            Ok(()) => {
                let news = News::found_done(None, "read by the server, not run");
                report::step(ctx, step.index, news).await;
            }
            Err(error) if is_lost(&error) => return Err(SqlError::ConnectionLost(message(&error))),
            Err(error) if after_definitions || message(&error).contains(NOT_PREPARABLE) => {
                let why = format!(
                    "can't be checked without running what stands before it: {}",
                    message(&error)
                );
                report::step(ctx, step.index, News::skipped(why)).await;
            }
            Err(error) => {
                report::step(ctx, step.index, News::failed(began.elapsed(), message(&error))).await;
                for later in &plan.steps[nth + 1..] {
                    report::step(ctx, later.index, News::skipped("not reached")).await;
                }
                return Err(SqlError::RolledBack {
                    number: step.number(),
                    message: message(&error),
                });
            }
        }
        after_definitions |= matches!(step.seen.class, Class::Definition | Class::Unknown);
    }
    Ok(())
}
