//! Executions that wait for their time or for a maintenance window, and begin when it has come.
//!
//! Such an execution has no order yet; its row says when to look at it. One task of each control plane looks at the
//! table every second or two, so that a stop or a crash loses nothing; whoever takes a row out of its wait gives the order in
//! the same transaction, so that of several control planes one does. Everything is judged as it is then: the environment's
//! windows, what last succeeded on the server, where the server is reached, and whether whoever asked may still execute it
//! (with the API key that they used, if it was one). Of several that wait for one database the oldest begins, and
//! the next when that has ended: it may be something else by then that it was computed against. An order holds until its
//! window closes. If its host could not be reached by then, the execution waits for the next window, for a month in all. Where
//! windows or freezes change, orders that no host has got yet are taken back, and what they were for waits again; what a person
//! began outside the windows is left alone.

use std::time::Duration;

use muster_base::{ExecutionId, OrgId, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Execution, ExecutionDetail, ExecutionStatus, MaintenanceWindows, SchemaError,
    begin::{self, Asked, LOOK_AGAIN_MS, Start},
    execute::{Attempt, Task, overridden, reason_faults, require_override},
    execution, policy, rolling,
    store::{
        self,
        waiting::{Leaving, Waiting},
    },
    told,
};
use crate::{
    access::{Caller, Object, Operation, key_works, org_people},
    app::App,
    audit::{self, Entry},
    db::{DbError, Tx},
    error::Error,
    in_tx,
    windows::opening,
    work,
};

const LOOK_EVERY: Duration = Duration::from_secs(2);
/// An execution that another is in the way of is looked at again after this.
const BUSY_MS: i64 = 5 * UnixMs::SECOND;
const BATCH: i64 = 256;

/// What an execution waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum WaitsFor {
    /// The time before which it is not to begin.
    Time,
    /// A maintenance window of the environment.
    Window,
}

/// What an execution waits for, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionWait {
    /// What it waits for.
    #[serde(rename = "for")]
    pub waits_for: WaitsFor,
    /// When it begins, as the windows are now; null if none opens.
    #[schema(required)]
    pub until: Option<UnixMs>,
    /// When it is given up.
    pub gives_up_at: UnixMs,
    /// Whether everybody who may execute it may begin it at once; else it takes `window:override`.
    pub anyone_may_override: bool,
}

/// Why a waiting execution is to begin at once.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StartRequest {
    /// Stands on the execution and in the audit log.
    #[schema(min_length = 1, max_length = 500)]
    pub override_reason: String,
}

/// Starts the task that begins what has waited.
pub(super) fn start(app: &App) {
    let task = app.clone();
    app.tasks.keep("schema.waiting", async move {
        let stopping = task.tasks.stopping();
        while !stopping.is_cancelled() {
            if let Err(error) = look_at_all(&task).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "executions that wait could not be looked at; trying again"
                );
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = stopping.cancelled() => {}
            }
        }
    });
}

/// A wave of a rollout that begins makes executions that wait for a look only.
async fn look_at_all(app: &App) -> Result<(), SchemaError> {
    rolling::look(app).await?;
    look(app).await?;
    told::tell(app).await
}

/// Begins or ends what is due.
pub(super) async fn look(app: &App) -> Result<(), DbError> {
    for waiting in store::waiting::list_due(&app.db, app.clock.now(), BATCH).await? {
        let begun = match begin(app, &waiting).await {
            Err(error) if passes(&error) => Err(error),
            Err(error) => give_up(app, &waiting, &for_record(error)).await,
            done => done,
        };
        if let Err(error) = begun {
            tracing::warn!(
                execution.id = %waiting.id,
                error = &error as &dyn std::error::Error,
                "an execution that waits does not begin; trying again"
            );
        }
    }
    Ok(())
}

/// Whether trying again may help: what is wrong is the database's or ours, and not the execution's.
fn passes(error: &SchemaError) -> bool {
    match error {
        SchemaError::Db(error) => !matches!(error, DbError::Corrupt(_)),
        SchemaError::Refused(error) => {
            matches!(&**error, Error::DatabaseUnavailable(_) | Error::Internal(_))
        }
        _ => false,
    }
}

async fn begin(app: &App, waiting: &Waiting) -> Result<(), SchemaError> {
    let now = app.clock.now();
    let org = waiting.org_id;
    let release = store::release::find(&app.db, org, waiting.release_id)
        .await?
        .ok_or(SchemaError::NoRelease)?;
    let windows = policy::of_environment(app, org, &release.environment)
        .await?
        .windows;
    let wait_until = waiting.wait_until.unwrap_or(now);
    let hurries = waiting.hurry_reason.as_deref();
    let asked = Asked {
        now,
        not_before: None,
        hurries: true,
    };
    let judge = |windows: Option<&MaintenanceWindows>| match hurries {
        Some(_) => begin::start(windows, asked).map(Some),
        None => Ok(begin::start_of_waiting(
            windows,
            now,
            (waiting.not_before, wait_until),
        )),
    };
    match judge(windows.as_ref())? {
        None => return give_up(app, waiting, "no maintenance window opened in time").await,
        Some(Start::Later { opens, .. }) => {
            let look_at = opens.min(now.plus_ms(LOOK_AGAIN_MS));
            in_tx!(app.db, |tx| store::waiting::set_look_at(tx, waiting, look_at)
                .await?);
            return Ok(());
        }
        Some(Start::Now { .. }) => {}
    }
    let task = Task::find(app, org, release, |server| server.server == waiting.server_id).await?;
    let takes_permission = |windows: Option<&MaintenanceWindows>| {
        hurries.is_some() && windows.is_some_and(|windows| !windows.anyone_may_override)
    };
    let overrides = takes_permission(windows.as_ref());
    if !may_still(app, waiting, &task, overrides).await? {
        let why = format!("{} may not execute releases here any more", waiting.name);
        return give_up(app, waiting, &why).await;
    }
    let entry = match hurries {
        Some(reason) => overridden(waiting.id, reason),
        None => Entry::done("release:begun", "execution", waiting.id).detail("it had waited"),
    };
    let system = Caller::system("schema.waiting", org);
    let leaving = Leave {
        waiting,
        task: &task,
        by: &waiting.name,
        reason: hurries,
        now,
    };
    let judge_again = |windows: Option<&MaintenanceWindows>| {
        // Windows that were set since take a permission that was not asked for: it is looked at again, and that is asked.
        if takes_permission(windows) && !overrides {
            return Ok(None);
        }
        judge(windows)
    };
    leave(app, &system, &leaving, judge_again, entry).await?;
    Ok(())
}

/// An execution that is to leave its wait.
struct Leave<'a> {
    waiting: &'a Waiting,
    task: &'a Task,
    by: &'a str,
    /// Why somebody begins it at once.
    reason: Option<&'a str>,
    now: UnixMs,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    /// It has its order.
    Begun,
    /// Another execution for the same database has begun: it is looked at again in a moment.
    Busy,
    /// Somebody else was faster, or it may not begin now after all.
    Not,
}

/// Gives its order, unless somebody else was faster or another execution for its database is under way. Whether it may begin
/// is judged by the windows as they are then.
async fn leave(
    app: &App,
    caller: &Caller,
    &Leave {
        waiting,
        task,
        by,
        reason,
        now,
    }: &Leave<'_>,
    judge: impl Fn(Option<&MaintenanceWindows>) -> Result<Option<Start>, SchemaError>,
    entry: Entry,
) -> Result<Left, SchemaError> {
    let attempt = Attempt {
        org: waiting.org_id,
        id: waiting.id,
        dry_run: waiting.dry_run,
        by,
    };
    let left = in_tx!(app.db, |tx| {
        let windows = task.lock(app, tx, waiting.org_id).await?;
        let Some(Start::Now {
            expires,
            wait_until,
            hurried,
        }) = judge(windows.as_ref())?
        else {
            return Ok(Left::Not);
        };
        let place = (task.server.id, task.approved.database.as_str());
        if store::waiting::is_busy(tx, waiting.id, place).await? {
            store::waiting::set_look_at(tx, waiting, now.plus_ms(BUSY_MS)).await?;
            Left::Busy
        } else {
            // What was under way has ended, and is what this must have been computed against.
            task.check_base(tx).await?;
            let by_hand = reason.is_some();
            let leaving = Leaving {
                host: task.server.host_id,
                wait_until: if by_hand { waiting.wait_until } else { wait_until },
                override_reason: reason.filter(|_| hurried),
                by_hand,
            };
            if store::waiting::leave(tx, waiting.id, &leaving).await? {
                let order = work::submit(app, tx, task.order(attempt, (now, expires))?).await?;
                store::execution::set_order(tx, waiting.id, order).await?;
                audit::record(app, tx, caller, Some(waiting.org_id), entry).await?;
                Left::Begun
            } else {
                Left::Not
            }
        }
    });
    if left == Left::Begun {
        app.work.wake();
    }
    Ok(left)
}

/// Whether a member who asked may still execute this, and outside the windows if `overrides`, with the key that they asked
/// with. Others than members keep what they asked for.
async fn may_still(app: &App, waiting: &Waiting, task: &Task, overrides: bool) -> Result<bool, SchemaError> {
    if waiting.person.contains(':') {
        return Ok(true);
    }
    if let Some(key) = waiting.key_id
        && !key_works(app, key).await.map_err(Error::from)?
    {
        return Ok(false);
    }
    let people = org_people(app, waiting.org_id).await.map_err(Error::from)?;
    let object = Object::Database {
        name: &task.release.database,
        environment: &task.release.environment,
        servers: &[task.server.id],
    };
    let mut members = people.members.iter();
    Ok(members.any(|person| {
        person.user.to_string() == waiting.person
            && person.may(Operation::ReleaseExecute, &object)
            && (!overrides || person.may(Operation::WindowOverride, &object))
    }))
}

/// Ends what can't begin any more.
async fn give_up(app: &App, waiting: &Waiting, why: &str) -> Result<(), SchemaError> {
    let why = format!("{why}; nothing was changed");
    in_tx!(app.db, |tx| {
        if end(app, tx, waiting.id, (ExecutionStatus::Failure, &why)).await? {
            let entry = Entry::failed("release:ended", "execution", waiting.id).detail(why.clone());
            let system = Caller::system("schema.waiting", waiting.org_id);
            audit::record(app, tx, &system, Some(waiting.org_id), entry).await?;
        }
    });
    Ok(())
}

fn for_record(error: SchemaError) -> String {
    match error {
        SchemaError::Invalid(fields) => {
            let said = fields.into_iter().map(|field| field.message);
            said.collect::<Vec<_>>().join("; ")
        }
        other => other.to_string(),
    }
}

/// Ends it if it waits; false if it doesn't any more.
pub(super) async fn end(
    app: &App,
    tx: &mut Tx,
    id: ExecutionId,
    outcome: (ExecutionStatus, &str),
) -> Result<bool, DbError> {
    let ended = store::waiting::end(tx, id, outcome, app.clock.now()).await?;
    if ended {
        store::execution::close_steps(tx, id).await?;
    }
    Ok(ended)
}

/// Has what is pending in an environment wait again whose order no host has got yet: other windows are set. What somebody
/// began outside of them goes on. Hand what is returned to [`work::told`] after the commit.
pub(super) async fn take_back(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    environment: &str,
) -> Result<Vec<work::Order>, DbError> {
    const WHY: &str =
        "the environment's maintenance windows were changed; it waits again, and nothing was changed";
    let now = app.clock.now();
    let mut taken = Vec::new();
    for (id, order) in store::waiting::list_ordered(tx, (caller.org(), environment)).await? {
        let Some(order) = work::take_back(app, tx, order, WHY).await? else {
            continue;
        };
        store::waiting::put_back(tx, (id, order.id), (now, now.plus_ms(begin::WAIT_MS))).await?;
        let entry = Entry::done("release:waits", "execution", id)
            .detail("the environment's maintenance windows were changed before its host had it");
        audit::record(app, tx, caller, Some(caller.org()), entry).await?;
        taken.push(order);
    }
    Ok(taken)
}

/// Begins a waiting execution at once, whether or not a window is open.
pub(super) async fn start_now(
    app: &App,
    caller: &Caller,
    id: ExecutionId,
    request: StartRequest,
) -> Result<ExecutionDetail, SchemaError> {
    caller.require(Operation::ReleaseExecute)?;
    let (_, release) = execution::find(app, caller, id).await?;
    let windows = policy::of_environment(app, caller.org(), &release.environment)
        .await?
        .windows;
    require_override(caller, windows.as_ref())?;
    let wrong = reason_faults(&request.override_reason);
    if !wrong.is_empty() {
        return Err(SchemaError::Invalid(wrong));
    }
    let waiting = store::waiting::find(&app.db, caller.org(), id)
        .await?
        .ok_or(SchemaError::NotWaiting)?;
    let task = Task::find(app, caller.org(), release, |server| {
        server.server == waiting.server_id
    })
    .await?;
    let now = app.clock.now();
    let asked = Asked {
        now,
        not_before: None,
        hurries: true,
    };
    let judge = |windows: Option<&MaintenanceWindows>| {
        require_override(caller, windows)?;
        begin::start(windows, asked).map(Some)
    };
    let reason = request.override_reason.trim();
    let leaving = Leave {
        waiting: &waiting,
        task: &task,
        by: &caller.actor.name(),
        reason: Some(reason),
        now,
    };
    match leave(app, caller, &leaving, judge, overridden(id, reason)).await? {
        Left::Begun => execution::get(app, caller, id).await,
        Left::Busy => Err(SchemaError::DatabaseBusy),
        Left::Not => Err(SchemaError::NotWaiting),
    }
}

/// Says of each that waits what for, as the windows are now.
pub(super) async fn tell(app: &App, org: OrgId, executions: &mut [Execution]) -> Result<(), SchemaError> {
    if !executions.iter().any(|execution| execution.gives_up_at.is_some()) {
        return Ok(());
    }
    let policies = store::policy::list(&app.db, org).await?;
    let now = app.clock.now();
    for execution in executions {
        let Some(gives_up_at) = execution.gives_up_at else {
            continue;
        };
        let policy = policies
            .iter()
            .find(|policy| policy.environment == execution.environment);
        let windows = policy.and_then(|policy| policy.windows.as_ref());
        let from = execution.not_before.unwrap_or(now).max(now);
        let until = windows.map_or(Some(from), |windows| opening::next(windows, from));
        let on_time = until == Some(from) && from > now;
        execution.waits = Some(ExecutionWait {
            waits_for: if on_time { WaitsFor::Time } else { WaitsFor::Window },
            until: until.filter(|until| *until < gives_up_at),
            gives_up_at,
            anyone_may_override: windows.is_some_and(|windows| windows.anyone_may_override),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_tried_again_and_what_stays_is_given_up() {
        let lost = || DbError::Unavailable(sqlx::Error::PoolTimedOut);
        assert!(passes(&lost().into()));
        assert!(passes(&Error::from(lost()).into()));
        assert!(passes(&Error::internal(std::fmt::Error).into()));
        assert!(!passes(&DbError::Corrupt("executions.status".to_owned()).into()));
        assert!(!passes(&Error::NotFound("host").into()));
        assert!(!passes(&SchemaError::Moved("1.0".to_owned())));
    }
}
