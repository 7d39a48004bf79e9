//! The run before this one in the same data directory. Only one process serves a directory, so it serves no more: if it was
//! killed, its hosts need not count as connected for the ten seconds that others would wait for a sign of life.

use std::path::Path;

use uuid::Uuid;

use super::store::{plane, session};
use crate::{
    app::App,
    db::{Db, DbError, Tx},
};

/// In the data directory: the id of the last run.
const FILE: &str = "run-id";

/// Takes the place of the run before. Once the directory is ours.
pub async fn succeed(app: &App, data: &Path) -> Result<(), DbError> {
    if !matches!(app.db, Db::Postgres(_)) {
        return Ok(());
    }
    let path = data.join(FILE);
    let before = std::fs::read_to_string(&path).ok();
    if let Some(before) = before.and_then(|text| text.trim().parse::<Uuid>().ok()) {
        forget(app, before).await?;
    }
    // Without the file its hosts count as connected for a while: no reason not to start.
    if let Err(error) = std::fs::write(&path, app.peers.id().to_string()) {
        tracing::debug!(%error, "{} can't be written", path.display());
    }
    Ok(())
}

async fn forget(app: &App, before: Uuid) -> Result<(), DbError> {
    let Tx::Postgres(mut tx) = app.db.begin().await? else {
        return Ok(());
    };
    session::delete_all_but(&mut tx, before, &[]).await?;
    plane::delete(&mut tx, before).await?;
    Ok(tx.commit().await?)
}
