//! Tells those whom it concerns that a release did not get where it was to be, or waits for a word: each once.
//!
//! What ends an execution otherwise than well, halts a rollout or has it pause marks its row as untold, in the same
//! statement. A task tells and clears the mark in one transaction, so that a process that dies in between tells after its next
//! start, and nobody hears it twice. What an execution of a rollout does to that is told, and by itself only what ends after its rollout was halted
//! or called off. What somebody called off, what only tried, and a rollout that somebody had go on meanwhile, is told to nobody.

use muster_base::ServerId;

use super::{
    ExecutionStatus, SchemaError,
    store::{self, told::UntoldExecution, told::UntoldRollout},
};
use crate::{
    access::{self, ReleaseNews, ReleaseTurn},
    app::App,
    error::Error,
    in_tx,
};

const BATCH: i64 = 64;

/// Tells of everything that nobody was told of.
pub(super) async fn tell(app: &App) -> Result<(), SchemaError> {
    for execution in store::told::list_executions(&app.db, BATCH).await? {
        if let Err(error) = tell_of_execution(app, &execution).await {
            tracing::warn!(
                execution.id = %execution.id,
                error = &error as &dyn std::error::Error,
                "nobody could be told how an execution ended; trying again"
            );
        }
    }
    for rollout in store::told::list_rollouts(&app.db, BATCH).await? {
        if let Err(error) = tell_of_rollout(app, &rollout).await {
            tracing::warn!(
                rollout.id = %rollout.id,
                error = &error as &dyn std::error::Error,
                "nobody could be told where a rollout stands; trying again"
            );
        }
    }
    Ok(())
}

async fn tell_of_execution(app: &App, execution: &UntoldExecution) -> Result<(), SchemaError> {
    let server = (execution.server_id, execution.label.as_str());
    let why = execution.error.as_deref().unwrap_or("the host did not say why");
    let needs_a_look = execution.status == ExecutionStatus::NeedsAttention.as_str();
    let news = ReleaseNews {
        org: execution.org_id,
        version: &execution.version,
        environment: &execution.environment,
        database: &execution.database,
        asked_by: &execution.person,
        turn: if needs_a_look {
            ReleaseTurn::NeedsALook {
                execution: execution.id,
                server,
                why,
            }
        } else {
            ReleaseTurn::Failed {
                execution: execution.id,
                server,
                why,
            }
        },
    };
    let place = (execution.design.as_str(), &[execution.server_id][..]);
    let audience = access::release_audience(app, &news, place).await;
    let audience = audience.map_err(Error::from)?;
    in_tx!(app.db, |tx| {
        if store::told::set_execution(tx, execution.id).await? {
            access::tell_of_release(app, tx, &audience, &news)
                .await
                .map_err(Error::from)?;
        }
    });
    app.notify.wake();
    Ok(())
}

async fn tell_of_rollout(app: &App, rollout: &UntoldRollout) -> Result<(), SchemaError> {
    let servers = store::rollout::list_servers(&app.db, rollout.id).await?;
    let servers: Vec<ServerId> = servers.iter().map(|server| server.server_id).collect();
    let release = rollout.release_id;
    let news = ReleaseNews {
        org: rollout.org_id,
        version: &rollout.version,
        environment: &rollout.environment,
        database: &rollout.database,
        asked_by: &rollout.person,
        turn: match &rollout.reason {
            Some(why) => ReleaseTurn::Halted { release, why },
            None => ReleaseTurn::Paused { release },
        },
    };
    let audience = access::release_audience(app, &news, (&rollout.database, &servers)).await;
    let audience = audience.map_err(Error::from)?;
    in_tx!(app.db, |tx| {
        if store::told::set_rollout(tx, rollout.id).await? {
            access::tell_of_release(app, tx, &audience, &news)
                .await
                .map_err(Error::from)?;
        }
    });
    app.notify.wake();
    Ok(())
}
