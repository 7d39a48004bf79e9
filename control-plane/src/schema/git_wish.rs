//! Deciding what a commit asks for: the one release that it means, executed on each of its servers as if the hook's person
//! had asked for it by the API, or refused with a reason.
//!
//! Everything is asked now, not when the hook was made: whether the person is a member and holds `release:execute`, whether
//! environment, database and servers are in their reach, whether the version is approved. Windows, locks and what the
//! release was computed against are judged by [`super::execute`], in the transaction that records the execution. That has the
//! wish's id, once for a server: whoever decides a wish twice, after a crash or at the same time, executes it once.
//!
//! Servers on which the release succeeded before are left out; where it did on all, that is the refusal. What waits for a
//! window has been asked for. A fault that passes leaves the wish open, and it is decided a minute later; after a day it is
//! given up. Where the hook was turned off meanwhile, or acts for somebody else, it is refused.

use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use muster_base::{ReleaseId, ServerId, UnixMs};

use super::{
    ExecuteRequest, GitRefusal, GitRefusalReason, GitWishState, Release, SchemaError, TicketStatus, execute,
    git_hear, reach,
    store::{
        self,
        git_wish::{Decided, OpenWish},
    },
};
use crate::{
    access::{Caller, Object, Operation, git_hook_caller},
    app::App,
    db::DbError,
    error::Error,
    fleet, in_tx,
};

const LOOK_EVERY: Duration = Duration::from_secs(10);
const GIVEN_UP_MS: i64 = UnixMs::DAY;

/// Starts the task that decides what was left open.
pub(super) fn start(app: &App) {
    let task = app.clone();
    app.tasks.keep("schema.hooks", async move {
        let stopping = task.tasks.stopping();
        while !stopping.is_cancelled() {
            if let Err(error) = decide_left_open(&task).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "what commits ask for could not be looked at; trying again"
                );
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = stopping.cancelled() => {}
            }
        }
    });
}

/// Decides what was left open by a control plane that died, or by a database that did not answer.
pub(super) async fn decide_left_open(app: &App) -> Result<(), SchemaError> {
    let open = git_hear::left_open(app).await?;
    decide_all(app, &open, None).await;
    Ok(())
}

/// Decides wishes that are open, one after the other. One that can't be decided is left open, and keeps no other waiting.
pub(super) async fn decide_all(app: &App, open: &[OpenWish], ip: Option<IpAddr>) {
    for wish in open {
        if let Err(error) = decide(app, wish, ip).await {
            tracing::warn!(
                wish.id = %wish.id,
                error = &error as &dyn std::error::Error,
                "what became of a commit's wish could not be written down; trying again"
            );
        }
    }
}

/// What is to become of a wish: the release that it means, if there is one, and what was refused.
struct Verdict(Option<ReleaseId>, Vec<GitRefusal>);

/// Why a wish is not asked for any more, whatever it says.
fn outdated(open: &OpenWish, now: UnixMs) -> Option<&'static str> {
    if now.ms_since(open.at) >= GIVEN_UP_MS {
        Some("it could not be decided for a day")
    } else if !open.enabled {
        Some("the hook was turned off before it was decided")
    } else if open.person_id.is_some_and(|person| person != open.user_id) {
        Some("the hook acts for somebody else since before it was decided")
    } else {
        None
    }
}

/// Decides a wish that is open.
async fn decide(app: &App, open: &OpenWish, ip: Option<IpAddr>) -> Result<(), SchemaError> {
    let verdict = if let Some(why) = outdated(open, app.clock.now()) {
        let given_up = GitRefusal {
            detail: Some(why.to_owned()),
            ..GitRefusal::all(GitRefusalReason::Failed)
        };
        Verdict(None, vec![given_up])
    } else {
        match judge(app, open, ip).await {
            Ok(verdict) => verdict,
            Err(error) if passes(&error) => {
                tracing::warn!(
                    wish.id = %open.id,
                    error = &error as &dyn std::error::Error,
                    "what a commit asks for could not be decided; trying again"
                );
                return Ok(());
            }
            Err(error) => Verdict(None, vec![refusal(None, error)]),
        }
    };
    let Verdict(release, mut refusals) = verdict;
    let made = store::git_wish::executions(&app.db, open.org_id, &[open.id]).await?;
    let servers: BTreeSet<&str> = made
        .iter()
        .map(|(_, execution)| execution.server.as_str())
        .collect();
    // Another who decided it at the same time may have been faster.
    refusals.retain(|refusal| {
        refusal
            .server
            .as_deref()
            .is_none_or(|server| !servers.contains(server))
    });
    let state = if made.is_empty() {
        GitWishState::Refused
    } else {
        GitWishState::Executed
    };
    let decided = Decided {
        state,
        release,
        refusals: &refusals,
    };
    in_tx!(app.db, |tx| store::git_wish::close(tx, open.id, &decided).await?);
    Ok(())
}

async fn judge(app: &App, open: &OpenWish, ip: Option<IpAddr>) -> Result<Verdict, SchemaError> {
    let org = open.org_id;
    let refused = |reason| Ok(Verdict(None, vec![GitRefusal::all(reason)]));
    let whose = (open.hook_id, open.user_id);
    let Some(caller) = git_hook_caller(app, org, whose, ip).await.map_err(Error::from)? else {
        return refused(GitRefusalReason::PersonGone);
    };
    if caller.require(Operation::ReleaseExecute).is_err() {
        return refused(GitRefusalReason::NotAllowed);
    }
    let environment = fleet::find_environment(app, org, &open.environment)
        .await
        .map_err(Error::from)?;
    if environment.is_none() || !caller.reaches(&Object::Environment(&open.environment)) {
        return refused(GitRefusalReason::NoEnvironment);
    }
    let release = match found(app, &caller, open).await? {
        Ok(release) => release,
        Err(reason) => return refused(reason),
    };
    on_its_servers(app, &caller, open, &release).await
}

/// The release that is meant, or why there is none.
async fn found(
    app: &App,
    caller: &Caller,
    open: &OpenWish,
) -> Result<Result<Release, GitRefusalReason>, SchemaError> {
    let named = (
        open.project.as_str(),
        open.environment.as_str(),
        open.version.as_str(),
    );
    if let Some(release) = store::release::find_named(&app.db, caller.org(), named).await? {
        let what = (release.environment.as_str(), release.database.as_str());
        let reached = reach::reaches(app, caller, release.ticket_id, what).await?;
        return Ok(if reached {
            Ok(release)
        } else {
            Err(GitRefusalReason::NoRelease)
        });
    }
    let Some((ticket, database, status)) =
        store::ticket::find_latest_named(&app.db, caller.org(), named).await?
    else {
        return Ok(Err(GitRefusalReason::NoRelease));
    };
    if !reach::reaches(app, caller, ticket, (&open.environment, &database)).await? {
        return Ok(Err(GitRefusalReason::NoRelease));
    }
    Ok(Err(match status {
        TicketStatus::Pending => GitRefusalReason::Pending,
        TicketStatus::Rejected => GitRefusalReason::Rejected,
        TicketStatus::Withdrawn => GitRefusalReason::Withdrawn,
        // It was approved this moment: the release is a commit away.
        TicketStatus::Approved => GitRefusalReason::NoRelease,
    }))
}

/// Asks for the release on each of its servers that it has not succeeded on.
async fn on_its_servers(
    app: &App,
    caller: &Caller,
    open: &OpenWish,
    release: &Release,
) -> Result<Verdict, SchemaError> {
    let approved = store::ticket::list_servers(&app.db, release.ticket_id).await?;
    let done: Vec<ServerId> = store::execution::list_succeeded(&app.db, release.id).await?;
    let asked: Vec<ServerId> = store::git_wish::asked_on(&app.db, open.id).await?;
    let left = approved
        .iter()
        .filter(|server| !done.contains(&server.server) && !asked.contains(&server.server));
    let mut refusals = Vec::new();
    let mut tried = false;
    for server in left {
        tried = true;
        let request = ExecuteRequest {
            server: server.server.to_string(),
            dry_run: false,
            not_before: None,
            override_reason: None,
        };
        match execute::execute_for(app, caller, release.id, request, Some(open.id)).await {
            Ok(_) => {}
            Err(error) if passes(&error) => return Err(error),
            Err(error) => refusals.push(refusal(Some(server.label.clone()), error)),
        }
    }
    if !tried && asked.is_empty() {
        refusals.push(GitRefusal::all(GitRefusalReason::AlreadyExecuted));
    }
    Ok(Verdict(Some(release.id), refusals))
}

/// Whether trying again may help: what is wrong is the database's or ours, and not the wish's.
fn passes(error: &SchemaError) -> bool {
    match error {
        SchemaError::Db(error) => !matches!(error, DbError::Corrupt(_)),
        SchemaError::Refused(error) => {
            matches!(&**error, Error::DatabaseUnavailable(_) | Error::Internal(_))
        }
        _ => false,
    }
}

fn refusal(server: Option<String>, error: SchemaError) -> GitRefusal {
    use GitRefusalReason as Reason;
    let (reason, detail) = match error {
        SchemaError::AlreadyRunning => (Reason::AlreadyRunning, None),
        SchemaError::DatabaseBusy => (Reason::DatabaseBusy, None),
        SchemaError::OutsideWindows(opens) => (Reason::OutsideWindows, Some(opens.to_string())),
        SchemaError::NoWindow => (Reason::NoWindow, None),
        SchemaError::Moved(version) => (Reason::Moved, Some(version)),
        SchemaError::NoRelease => (Reason::NoRelease, None),
        // Nothing else can be wrong with what is asked for here.
        SchemaError::Invalid(_) | SchemaError::NoServer => (Reason::ServerGone, None),
        SchemaError::Refused(error) => match *error {
            Error::Forbidden(_) => (Reason::NotAllowed, None),
            other => (Reason::Failed, Some(other.to_string())),
        },
        SchemaError::Db(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "what a commit asks for can't be decided by our own fault"
            );
            (
                Reason::Failed,
                Some("internal error; the log of the control plane says more".to_owned()),
            )
        }
        other => (Reason::Failed, Some(other.to_string())),
    };
    GitRefusal {
        server,
        reason,
        detail,
    }
}
