//! Executions: one run of a release on one server, kept for ever.

use muster_base::{ExecutionId, HostId, OrderId, ReleaseId, ServerId, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{BaseCheck, ExecutionWait, Release, SchemaError, release, store, waiting};
use crate::{
    access::{Caller, Operation},
    app::App,
    audit::{self, Entry},
    db::DbError,
    http::page::{Cursor, Page, PageQuery},
    in_tx, work,
};

/// Where an execution stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum ExecutionStatus {
    /// Waits for its time, a maintenance window or its host.
    Pending,
    /// The host works on it.
    Running,
    /// Everything was done (or had been done before).
    Success,
    /// Failed; the error says what state things are in.
    Failure,
    /// Failed, and nothing of it is in the database.
    RolledBack,
    /// Stopped by a person; nothing of it is in the database.
    Cancelled,
    /// Half done; the error says what a person has to look at.
    NeedsAttention,
}

impl ExecutionStatus {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::RolledBack => "rolledBack",
            Self::Cancelled => "cancelled",
            Self::NeedsAttention => "needsAttention",
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self, DbError> {
        [
            Self::Pending,
            Self::Running,
            Self::Success,
            Self::Failure,
            Self::RolledBack,
            Self::Cancelled,
            Self::NeedsAttention,
        ]
        .into_iter()
        .find(|status| status.as_str() == text)
        .ok_or_else(|| DbError::Corrupt(format!("executions.status: {text}")))
    }

    /// Whether it ended otherwise than people wanted.
    pub(super) const fn is_failure(self) -> bool {
        matches!(self, Self::Failure | Self::RolledBack | Self::NeedsAttention)
    }

    /// Whether nothing comes after it.
    pub const fn is_end(self) -> bool {
        !matches!(self, Self::Pending | Self::Running)
    }
}

/// An execution.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Execution {
    /// Id.
    pub id: ExecutionId,
    /// The release.
    pub release_id: ReleaseId,
    /// Its version.
    pub version: String,
    /// Its environment.
    pub environment: String,
    /// Its database, as the server calls it.
    pub database: String,
    /// The server.
    pub server: ServerId,
    /// The server's label.
    pub server_label: String,
    /// The host whose agent does it.
    pub host_id: HostId,
    /// The work order.
    #[schema(required)]
    pub order_id: Option<OrderId>,
    /// Whether it only tries.
    pub dry_run: bool,
    /// Not before this time.
    #[schema(required)]
    pub not_before: Option<UnixMs>,
    /// Where it stands.
    pub status: ExecutionStatus,
    /// What it waits for before its host is asked; null if it doesn't.
    #[schema(required)]
    pub waits: Option<ExecutionWait>,
    /// Why it began although no maintenance window was open; null if one was, or there are none.
    #[schema(required)]
    pub override_reason: Option<String>,
    /// When a wait is given up; none without a wait.
    #[serde(skip)]
    pub(super) gives_up_at: Option<UnixMs>,
    /// What went wrong, what state things are in, and what to do.
    #[schema(required)]
    pub error: Option<String>,
    /// What the server said of itself.
    #[schema(required)]
    pub server_version: Option<String>,
    /// Who asked for it.
    pub by: String,
    /// When.
    pub created_at: UnixMs,
    /// When the host began.
    #[schema(required)]
    pub started_at: Option<UnixMs>,
    /// When it ended.
    #[schema(required)]
    pub ended_at: Option<UnixMs>,
    /// From its start to its end.
    #[schema(required)]
    pub duration_ms: Option<i64>,
}

/// An execution with its statements.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionDetail {
    #[serde(flatten)]
    #[schema(inline)]
    execution: Execution,
    /// How the database compared, right before it was to begin, with what its release was computed against; null if it was
    /// not compared (yet): SQL as text is computed against nothing.
    #[schema(required)]
    pub base_check: Option<BaseCheck>,
    /// Statement by statement.
    pub steps: Vec<ExecutionStep>,
}

/// One statement of an execution.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionStep {
    /// The statement.
    pub sql: String,
    /// `pending`, `running`, `success`, `failure` or `skipped`.
    pub status: String,
    /// How long it took.
    #[schema(required)]
    pub duration_ms: Option<i64>,
    /// Rows affected.
    #[schema(required)]
    pub rows: Option<i64>,
    /// Why it failed.
    #[schema(required)]
    pub error: Option<String>,
    /// Anything else to know, for instance that it was rolled back.
    #[schema(required)]
    pub detail: Option<String>,
}

/// Which executions.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExecutionQuery {
    /// Only those of this release.
    #[param(value_type = Option<ReleaseId>)]
    pub release: Option<ReleaseId>,
    /// How many items, 1–500; 50 by default.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u16>,
    /// `nextCursor` of the page before.
    pub cursor: Option<String>,
}

pub(super) async fn list(
    app: &App,
    caller: &Caller,
    query: ExecutionQuery,
) -> Result<Page<Execution>, SchemaError> {
    caller.require(Operation::ReleaseRead)?;
    let page = PageQuery::new(query.limit, query.cursor);
    let before = page.cursor::<ExecutionId>()?;
    let mut rows = store::execution::list(
        &app.db,
        (caller.org(), caller.scope()),
        query.release,
        before,
        page.fetch(),
    )
    .await?;
    waiting::tell(app, caller.org(), &mut rows).await?;
    Ok(page.page(rows, |execution| Cursor::of(&execution.id)))
}

pub(super) async fn get(app: &App, caller: &Caller, id: ExecutionId) -> Result<ExecutionDetail, SchemaError> {
    caller.require(Operation::ReleaseRead)?;
    let (mut execution, _) = find(app, caller, id).await?;
    waiting::tell(app, caller.org(), std::slice::from_mut(&mut execution)).await?;
    Ok(ExecutionDetail {
        execution,
        base_check: store::base_check::shown(&app.db, id).await?,
        steps: store::execution::list_steps(&app.db, id).await?,
    })
}

/// Stops an execution: at once if its host has not got it, else by asking the host.
pub(super) async fn cancel(
    app: &App,
    caller: &Caller,
    id: ExecutionId,
) -> Result<ExecutionDetail, SchemaError> {
    caller.require(Operation::ReleaseExecute)?;
    let (execution, _) = find(app, caller, id).await?;
    if execution.gives_up_at.is_some() && cancel_waiting(app, caller, id).await? {
        return get(app, caller, id).await;
    }
    // What waited a moment ago may have got its order since.
    let (execution, _) = find(app, caller, id).await?;
    let order = execution.order_id.filter(|_| !execution.status.is_end());
    let order = order.ok_or(SchemaError::Ended)?;
    in_tx!(app.db, |tx| {
        work::cancel(app, tx, order, &caller.actor.name())
            .await
            .map_err(|error| match error {
                work::WorkError::Ended => SchemaError::Ended,
                other => other.into(),
            })?;
        let entry = Entry::done(Operation::ReleaseExecute, "execution", id).detail("cancel");
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    });
    app.work.wake();
    get(app, caller, id).await
}

async fn cancel_waiting(app: &App, caller: &Caller, id: ExecutionId) -> Result<bool, SchemaError> {
    let outcome = (
        ExecutionStatus::Cancelled,
        "cancelled before it began; nothing was changed",
    );
    Ok(in_tx!(app.db, |tx| {
        let ended = waiting::end(app, tx, id, outcome).await?;
        if ended {
            let entry = Entry::done(Operation::ReleaseExecute, "execution", id).detail("cancel");
            audit::record(app, tx, caller, Some(caller.org()), entry).await?;
        }
        ended
    }))
}

/// The execution and its release, if they are in the caller's reach.
pub(super) async fn find(
    app: &App,
    caller: &Caller,
    id: ExecutionId,
) -> Result<(Execution, Release), SchemaError> {
    let execution = store::execution::find(&app.db, caller.org(), id)
        .await?
        .ok_or(SchemaError::NoExecution)?;
    match release::find(app, caller, execution.release_id).await {
        Ok(release) => Ok((execution, release)),
        Err(SchemaError::NoRelease) => Err(SchemaError::NoExecution),
        Err(error) => Err(error),
    }
}
