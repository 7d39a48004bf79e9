//! Executing a release on one of its servers: at once, or when its time has come and a window is open ([`super::waiting`]).

use muster_base::{ExecutionId, GitWishId, OrgId, ReleaseId, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    MaintenanceWindows, Release, SchemaError, Server, ServerSql,
    approval::Yes,
    begin::{self, Asked, LOOK_AGAIN_MS, Start},
    error::field_error,
    order, release, release_seal, store,
};
use crate::{
    access::{Caller, Operation},
    app::App,
    audit::{self, Entry},
    db::{DbError, Tx},
    error::FieldError,
    flaw::Flaw,
    in_tx,
    work::{self, NewOrder},
};

const MOST_REASON: usize = 500;

/// What to execute where.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExecuteRequest {
    /// Id or label of one of the release's servers.
    pub server: String,
    /// Run and roll back (PostgreSQL), or only have the server read it (MySQL). It keeps to the windows too: it takes
    /// the same locks.
    #[serde(default)]
    pub dry_run: bool,
    /// Not before this time; now if left out.
    pub not_before: Option<UnixMs>,
    /// Why it is to begin now, should no maintenance window be open: takes `window:override`, unless the environment's policy
    /// lets everybody. Not with a `notBefore` that is to come.
    #[schema(min_length = 1, max_length = 500)]
    pub override_reason: Option<String>,
}

/// An execution that was begun, or waits.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Executing {
    /// Its id.
    pub execution_id: ExecutionId,
}

/// What is executed where, as things stand.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) release: Release,
    pub(super) approved: ServerSql,
    pub(super) server: Server,
    approvals: Vec<Yes>,
}

/// One run of a task.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attempt<'a> {
    pub(super) org: OrgId,
    pub(super) id: ExecutionId,
    pub(super) dry_run: bool,
    /// Who asked for it.
    pub(super) by: &'a str,
}

impl Task {
    /// The release on the server that `is_it`, if it was approved for that, and still is what was approved.
    pub(super) async fn find(
        app: &App,
        org: OrgId,
        mut release: Release,
        is_it: impl Fn(&ServerSql) -> bool,
    ) -> Result<Self, SchemaError> {
        let approved = store::ticket::list_servers(&app.db, release.ticket_id).await?;
        let mut approved = approved
            .into_iter()
            .find(|server| is_it(server))
            .ok_or_else(|| SchemaError::invalid("server", "the release is not approved for this server"))?;
        let signed = release_seal::require(app, (org, release.id)).await?;
        signed.put(&mut release, &mut approved)?;
        let server = store::server::find(&app.db, org, approved.server)
            .await?
            .ok_or_else(|| SchemaError::invalid("server", "this server was removed"))?;
        Ok(Self {
            release,
            approved,
            server,
            approvals: signed.yeses(),
        })
    }

    /// Keeps the server and the environment's policy as they are until the transaction ends, so that nothing else begins
    /// there meanwhile; the environment's windows.
    pub(super) async fn lock(
        &self,
        app: &App,
        tx: &mut Tx,
        org: OrgId,
    ) -> Result<Option<MaintenanceWindows>, DbError> {
        store::document::one_at_a_time(tx, org).await?;
        store::server::lock(tx, &app.db, self.server.id).await?;
        let policy = store::policy::find_in(tx, org, &self.release.environment).await?;
        Ok(policy.and_then(|policy| policy.windows))
    }

    /// What was published was computed against what last succeeded there. If that is another release by now, running it
    /// would make something that nobody has approved. Judged under [`Task::lock`].
    pub(super) async fn check_base(&self, tx: &mut Tx) -> Result<(), SchemaError> {
        let place = (self.server.id, self.approved.database.as_str());
        let standing = store::state::standing(tx, self.release.ticket_id, place).await?;
        match standing {
            // Executed once more it is answered from the ledger on the host.
            Some(standing) if standing.moved() && standing.now != Some(self.release.id) => Err(standing
                .version
                .map_or(SchemaError::TakenOver, SchemaError::Moved)),
            _ => Ok(()),
        }
    }

    /// Its order, from one time to the other.
    pub(super) fn order(
        &self,
        attempt: Attempt<'_>,
        (from, until): (UnixMs, UnixMs),
    ) -> Result<NewOrder, SchemaError> {
        order::NewSqlOrder {
            org: attempt.org,
            execution: attempt.id,
            release: &self.release,
            server: &self.server,
            approved: &self.approved,
            approvals: &self.approvals,
            dry_run: attempt.dry_run,
            not_before: from,
            expires: until,
            by: attempt.by.to_owned(),
        }
        .order()
    }
}

/// What is wrong with a reason for beginning outside the windows.
pub(super) fn reason_faults(reason: &str) -> Vec<FieldError> {
    let fits = (1..=MOST_REASON).contains(&reason.trim().chars().count());
    let flaw = || FieldError::new("overrideReason", Flaw::Length(1, MOST_REASON));
    if fits { Vec::new() } else { vec![flaw()] }
}

/// Executes a release on one of its servers: records it and, unless it has to wait, gives the order, in one
/// transaction.
pub(super) async fn execute(
    app: &App,
    caller: &Caller,
    id: ReleaseId,
    request: ExecuteRequest,
) -> Result<Executing, SchemaError> {
    execute_for(app, caller, id, request, None).await
}

/// As [`execute`], because a commit asks for it: each wish once on a server.
pub(super) async fn execute_for(
    app: &App,
    caller: &Caller,
    id: ReleaseId,
    request: ExecuteRequest,
    wish: Option<GitWishId>,
) -> Result<Executing, SchemaError> {
    caller.require(Operation::ReleaseExecute)?;
    let now = app.clock.now();
    let wrong = check(request.override_reason.as_deref(), request.not_before, now);
    if !wrong.is_empty() {
        return Err(SchemaError::Invalid(wrong));
    }
    let release = release::find(app, caller, id).await?;
    let is_it =
        |server: &ServerSql| server.label == request.server || server.server.to_string() == request.server;
    let task = Task::find(app, caller.org(), release, is_it).await?;
    let asking = Asking {
        id: app.clock.new_id(),
        task: &task,
        request: &request,
        wish,
        now,
    };
    let write = async || -> Result<(), SchemaError> {
        in_tx!(app.db, |tx| {
            let windows = task.lock(app, tx, caller.org()).await?;
            begin_or_wait(app, tx, caller, &asking, windows.as_ref()).await?;
        });
        Ok(())
    };
    write().await.map_err(|error| match error {
        SchemaError::Db(db) if is_live(&db) => SchemaError::AlreadyRunning,
        other => other,
    })?;
    app.work.wake();
    Ok(Executing {
        execution_id: asking.id,
    })
}

/// An execution that is asked for.
struct Asking<'a> {
    id: ExecutionId,
    task: &'a Task,
    request: &'a ExecuteRequest,
    wish: Option<GitWishId>,
    now: UnixMs,
}

async fn begin_or_wait(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    &Asking {
        id,
        task,
        request,
        wish,
        now,
    }: &Asking<'_>,
    windows: Option<&MaintenanceWindows>,
) -> Result<(), SchemaError> {
    let asked = Asked {
        now,
        not_before: request.not_before,
        hurries: request.override_reason.is_some(),
    };
    let begins = begin::start(windows, asked)?;
    let hurried = matches!(begins, Start::Now { hurried: true, .. });
    if hurried {
        require_override(caller, windows)?;
    }
    task.check_base(tx).await?;
    let reason = request.override_reason.as_deref().map(str::trim);
    let reason = reason.filter(|_| hurried);
    let by = caller.actor.name();
    let attempt = Attempt {
        org: caller.org(),
        id,
        dry_run: request.dry_run,
        by: &by,
    };
    let (order, opens, wait_until) = match begins {
        Start::Now {
            expires, wait_until, ..
        } => (Some(task.order(attempt, (now, expires))?), None, wait_until),
        Start::Later { opens, wait_until } => (None, Some(opens), Some(wait_until)),
    };
    let row = store::execution::NewExecution {
        id,
        release: task.release.id,
        server: task.server.id,
        host: task.server.host_id,
        dry_run: request.dry_run,
        not_before: request.not_before,
        statements: &task.approved.statements,
        at: now,
        look_at: opens.map(|opens| opens.min(now.plus_ms(LOOK_AGAIN_MS))),
        wait_until,
        override_reason: reason,
        hurry_reason: None,
        wish,
    };
    let asker = store::execution::By {
        org: caller.org(),
        person: &caller.actor.person(),
        name: &by,
        key: caller.actor.key(),
    };
    store::execution::insert(tx, &asker, &row).await?;
    if let Some(order) = order {
        let order = work::submit(app, tx, order).await?;
        store::execution::set_order(tx, id, order).await?;
    }
    let detail = said(task, request.dry_run, opens, reason);
    let entry = Entry::done(Operation::ReleaseExecute, "execution", id).detail(detail);
    audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    if let Some(reason) = reason {
        let entry = overridden(id, reason);
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
    }
    Ok(())
}

/// Beginning outside the windows takes `window:override`, unless the policy lets everybody.
pub(super) fn require_override(
    caller: &Caller,
    windows: Option<&MaintenanceWindows>,
) -> Result<(), SchemaError> {
    if !windows.is_some_and(|windows| windows.anyone_may_override) {
        caller.require(Operation::WindowOverride)?;
    }
    Ok(())
}

/// That somebody begins an execution whatever it waits for, for the audit.
pub(super) fn overridden(id: ExecutionId, reason: &str) -> Entry {
    Entry::done(Operation::WindowOverride, "execution", id).detail(format!("begins at once: {reason}"))
}

/// What is wrong with when something is to begin.
pub(super) fn check(reason: Option<&str>, not_before: Option<UnixMs>, now: UnixMs) -> Vec<FieldError> {
    let mut wrong = reason.map_or_else(Vec::new, reason_faults);
    if reason.is_some() && not_before.is_some_and(|time| time > now) {
        wrong.push(field_error(
            "overrideReason",
            "is for what begins now: leave notBefore out",
        ));
    }
    wrong
}

/// What was asked for, for the audit.
fn said(task: &Task, dry_run: bool, opens: Option<UnixMs>, reason: Option<&str>) -> String {
    let mut detail = format!("release {} on {}", task.release.version, task.server.label);
    if dry_run {
        detail.push_str(", dry run");
    }
    if let Some(time) = opens {
        detail.push_str(", waits until ");
        detail.push_str(&time.to_string());
    }
    if let Some(reason) = reason {
        detail.push_str(", outside the maintenance windows: ");
        detail.push_str(reason);
    }
    detail
}

fn is_live(error: &DbError) -> bool {
    error.violates_index("executions_live", "executions", &["release_id", "server_id"])
        || error.violates_index("executions_wish", "executions", &["wish_id", "server_id"])
}
