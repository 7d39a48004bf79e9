//! Steps' news for whoever watches.

use std::time::Duration;

use muster_protocol::latest::{StepReport, StepStatus};

use super::{SqlContext, ledger::StepResult};

/// What became of one statement.
pub(super) struct News {
    status: StepStatus,
    result: Option<StepResult>,
    detail: String,
}

impl News {
    pub(super) fn running() -> Self {
        Self::of(StepStatus::Running, "")
    }

    pub(super) fn done(result: StepResult) -> Self {
        Self {
            result: Some(result),
            ..Self::of(StepStatus::Done, "")
        }
    }

    /// Done, but not just now; `detail` says how that is known.
    pub(super) fn found_done(result: Option<StepResult>, detail: impl Into<String>) -> Self {
        Self {
            result,
            ..Self::of(StepStatus::Done, detail)
        }
    }

    pub(super) fn failed(took: Duration, detail: impl Into<String>) -> Self {
        Self {
            result: Some(StepResult {
                duration_ms: millis(took),
                rows: None,
            }),
            ..Self::of(StepStatus::Failed, detail)
        }
    }

    pub(super) fn skipped(detail: impl Into<String>) -> Self {
        Self::of(StepStatus::Skipped, detail)
    }

    fn of(status: StepStatus, detail: impl Into<String>) -> Self {
        Self {
            status,
            result: None,
            detail: detail.into(),
        }
    }
}

/// Tells a step's news. Nobody listening is no reason to stop.
pub(super) async fn step(ctx: &SqlContext, index: usize, news: News) {
    let report = StepReport::Step {
        index: u32::try_from(index).unwrap_or(u32::MAX),
        name: "statement".to_owned(),
        status: news.status,
        duration_ms: news.result.as_ref().map(|result| result.duration_ms),
        rows: news.result.and_then(|result| result.rows),
        detail: news.detail,
    };
    tell(ctx, report).await;
}

/// A line for the log.
pub(super) async fn log(ctx: &SqlContext, line: impl Into<String>) {
    tell(ctx, StepReport::Log(line.into())).await;
}

async fn tell(ctx: &SqlContext, report: StepReport) {
    if ctx.events.send(report).await.is_err() {
        tracing::debug!("nobody listens to the order's events any more");
    }
}

pub(super) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
