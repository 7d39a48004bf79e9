//! Telling of what is set aside for longer than it was to be: once, and nothing is dropped.
//!
//! That it was told is written in the transaction of the messages, so that of several control planes one tells. Who hears of it
//! are those who hear of drift: who may propose SQL for the database, and see how it compares.

use std::{fmt::Write as _, time::Duration};

use muster_base::ServerId;
use tracing::warn;

use super::{
    SchemaError, Server, SetAsideKind,
    store::{self, set_aside::Expired},
};
use crate::{
    access::{self, DriftNews, DriftTurn},
    app::App,
    error::Error,
    in_tx,
};

/// How often it is looked for what has expired, and how many are told of then.
const LOOK_EVERY: Duration = Duration::from_mins(1);
const BATCH: i64 = 500;
/// Names that a message tells, and their characters.
const NAMED: usize = 5;
const NAME_CHARS: usize = 64;

/// Starts the task that tells of what has expired.
pub(super) fn start(app: &App) {
    let task = app.clone();
    app.tasks.keep("schema.setAside", async move {
        let stopping = task.tasks.stopping();
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = stopping.cancelled() => return,
            }
            if let Some(Err(error)) = stopping.run_until_cancelled(tell(&task)).await {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "it could not be told what is set aside for longer than it was to be; trying again"
                );
            }
        }
    });
}

/// Tells those who may propose SQL there, once, of what has expired in each database.
pub(super) async fn tell(app: &App) -> Result<(), SchemaError> {
    let now = app.clock.now();
    let expired = store::set_aside::expired(&app.db, now, BATCH).await?;
    let servers: Vec<ServerId> = expired.iter().map(|one| one.server_id).collect();
    let servers = store::server::list_of(&app.db, &servers).await?;
    for group in expired.chunk_by(|a, b| (a.server_id, &a.database) == (b.server_id, &b.database)) {
        let Some(first) = group.first() else { continue };
        let Some(server) = servers.iter().find(|server| server.id == first.server_id) else {
            continue;
        };
        // What can't be told of one database keeps nobody from hearing of another.
        if let Err(error) = tell_of(app, first, server, &named(group)).await {
            warn!(
                server.id = %server.id,
                error = &error as &dyn std::error::Error,
                "it could not be told what is set aside in a database for longer than it was to be; trying again"
            );
        }
    }
    app.notify.wake();
    Ok(())
}

async fn tell_of(app: &App, first: &Expired, server: &Server, what: &str) -> Result<(), SchemaError> {
    let at = (server.id, server.environment.as_str());
    let audience = access::drift_audience(app, first.org_id, at, &first.database).await;
    let audience = audience.map_err(Error::from)?;
    let news = DriftNews {
        org: first.org_id,
        server: server.id,
        label: &server.label,
        environment: &server.environment,
        database: &first.database,
        turn: DriftTurn::AsidesExpired,
        what,
    };
    let now = app.clock.now();
    in_tx!(app.db, |tx| {
        // Another control plane may have told of it this moment.
        if store::set_aside::set_told(tx, (server.id, &first.database), now).await? {
            access::tell_of_drift(app, tx, &audience, &news)
                .await
                .map_err(Error::from)?;
        }
    });
    Ok(())
}

/// The first names, and the number of the rest: in no language.
fn named(group: &[Expired]) -> String {
    let name = |one: &Expired| -> String {
        let full = if one.kind == SetAsideKind::Column.as_str() {
            format!("{}.{}", one.table_name, one.name)
        } else {
            one.name.clone()
        };
        full.chars().take(NAME_CHARS).collect()
    };
    let mut text = group.iter().take(NAMED).map(name).collect::<Vec<_>>().join(", ");
    if group.len() > NAMED {
        // A text that is written can't fail.
        write!(text, " + {}", group.len() - NAMED).ok();
    }
    text
}
