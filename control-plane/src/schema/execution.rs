//! Executions: one run of a release on one server, kept for ever.

use muster_base::{ExecutionId, HostId, OrderId, ReleaseId, ServerId, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Release, SchemaError, ServerSql, order, release, store};
use crate::{
    access::{Caller, Operation},
    app::App,
    audit::{self, Entry},
    db::DbError,
    http::page::{Cursor, Page, PageQuery},
    in_tx, work,
};

/// An order for a host that is away waits this long.
const PATIENCE_MS: i64 = UnixMs::DAY;

/// Where an execution stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum ExecutionStatus {
    /// Waits for its time or its host.
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

    /// Whether nothing comes after it.
    pub const fn is_end(self) -> bool {
        !matches!(self, Self::Pending | Self::Running)
    }
}

/// What to execute where.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExecuteRequest {
    /// Id or label of one of the release's servers.
    pub server: String,
    /// Run and roll back (PostgreSQL), or only have the server read it (MySQL).
    #[serde(default)]
    pub dry_run: bool,
    /// Not before this time; now if left out.
    pub not_before: Option<UnixMs>,
}

/// An execution that was begun.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Executing {
    /// Its id.
    pub execution_id: ExecutionId,
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
    /// Its database.
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

/// Executes a release on one of its servers: records it and gives the order, in one transaction.
pub(super) async fn execute(
    app: &App,
    caller: &Caller,
    id: ReleaseId,
    request: ExecuteRequest,
) -> Result<Executing, SchemaError> {
    caller.require(Operation::ReleaseExecute)?;
    let release = release::find(app, caller, id).await?;
    let approved = store::ticket::list_servers(&app.db, release.ticket_id).await?;
    let chosen = approved
        .into_iter()
        .find(|server| server.label == request.server || server.server.to_string() == request.server)
        .ok_or_else(|| SchemaError::invalid("server", "the release is not approved for this server"))?;
    let server = store::server::find(&app.db, caller.org(), chosen.server)
        .await?
        .ok_or_else(|| SchemaError::invalid("server", "this server was removed"))?;
    check_base(app, &release, &chosen).await?;
    let approvals = store::approval::list_counted(&app.db, release.ticket_id).await?;
    let now = app.clock.now();
    let execution: ExecutionId = app.clock.new_id();
    let not_before = request.not_before.unwrap_or(now).max(now);
    let order = order::NewSqlOrder {
        org: caller.org(),
        execution,
        release: &release,
        server: &server,
        approved: &chosen,
        approvals: &approvals,
        dry_run: request.dry_run,
        not_before,
        expires: not_before.plus_ms(PATIENCE_MS),
        by: caller.actor.name(),
    }
    .order()?;
    let row = store::execution::NewExecution {
        id: execution,
        release: release.id,
        server: &server,
        dry_run: request.dry_run,
        not_before: request.not_before,
        statements: &chosen.statements,
        at: now,
    };
    let write = async || -> Result<(), SchemaError> {
        in_tx!(app.db, |tx| {
            store::execution::insert(tx, caller, &row).await?;
            let order = work::submit(app, tx, order.clone()).await?;
            store::execution::set_order(tx, execution, order).await?;
            let entry = Entry::done(Operation::ReleaseExecute, "execution", execution).detail(format!(
                "release {} on {}{}",
                release.version,
                server.label,
                if request.dry_run { ", dry run" } else { "" }
            ));
            audit::record(app, tx, caller, Some(caller.org()), entry).await?;
        });
        Ok(())
    };
    write().await.map_err(|error| match error {
        SchemaError::Db(db) if is_live(&db) => SchemaError::AlreadyRunning,
        other => other,
    })?;
    app.work.wake();
    Ok(Executing {
        execution_id: execution,
    })
}

/// What was published was computed against what last succeeded there. If that is another release by now, running it
/// would make something that nobody has approved.
async fn check_base(app: &App, release: &Release, chosen: &ServerSql) -> Result<(), SchemaError> {
    let Some(base) = store::state::base_of(&app.db, release.ticket_id, chosen.server).await? else {
        return Ok(());
    };
    let now = store::state::find(&app.db, chosen.server, &chosen.database).await?;
    let now = now.map(|state| state.release);
    // Executed once more it is answered from the ledger on the host.
    if now == base || now == Some(release.id) {
        return Ok(());
    }
    let name = match now {
        Some(id) => store::release::find_version(&app.db, id).await?,
        None => None,
    };
    Err(SchemaError::Moved(name.unwrap_or_default()))
}

fn is_live(error: &DbError) -> bool {
    error.violates_index("executions_live", "executions", &["release_id", "server_id"])
}

pub(super) async fn list(
    app: &App,
    caller: &Caller,
    query: ExecutionQuery,
) -> Result<Page<Execution>, SchemaError> {
    caller.require(Operation::ReleaseRead)?;
    let page = PageQuery::new(query.limit, query.cursor);
    let before = page.cursor::<ExecutionId>()?;
    let rows = store::execution::list(
        &app.db,
        (caller.org(), caller.scope()),
        query.release,
        before,
        page.fetch(),
    )
    .await?;
    Ok(page.page(rows, |execution| Cursor::of(&execution.id)))
}

pub(super) async fn get(app: &App, caller: &Caller, id: ExecutionId) -> Result<ExecutionDetail, SchemaError> {
    caller.require(Operation::ReleaseRead)?;
    Ok(ExecutionDetail {
        execution: find(app, caller, id).await?,
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
    let execution = find(app, caller, id).await?;
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

async fn find(app: &App, caller: &Caller, id: ExecutionId) -> Result<Execution, SchemaError> {
    let execution = store::execution::find(&app.db, caller.org(), id)
        .await?
        .ok_or(SchemaError::NoExecution)?;
    match release::find(app, caller, execution.release_id).await {
        Ok(_) => Ok(execution),
        Err(SchemaError::NoRelease) => Err(SchemaError::NoExecution),
        Err(error) => Err(error),
    }
}
