//! What belongs to nothing is swept away: uploads that nobody went on with, and bytes of pieces that are neither a file's
//! nor an upload's.

use muster_base::UnixMs;
use tracing::info;

use super::{FilesError, store};
use crate::{app::App, in_tx};

/// By then a piece that was being stored is, or never will be.
const STORING_MS: i64 = UnixMs::HOUR;
/// Pieces at a time, and how often: a job must not take long.
const BATCH: i64 = 200;
const BATCHES: usize = 10;

pub(super) async fn run(app: &App) -> Result<(), FilesError> {
    let now = app.clock.now();
    let expired = in_tx!(app.db, |tx| store::upload::delete_expired(tx, now).await?);
    if expired > 0 {
        info!(
            files.uploads = expired,
            "uploads that nobody went on with were forgotten"
        );
    }
    let before = now.plus_ms(-STORING_MS);
    for _ in 0..BATCHES {
        let pieces = store::piece::of_none(&app.db, before, BATCH).await?;
        if pieces.is_empty() {
            break;
        }
        let storage = app.files.storage(app).await?;
        // Whatever could not be deleted keeps its row and comes again.
        let deleted = storage.delete(&pieces).await;
        in_tx!(app.db, |tx| store::piece::delete(tx, &deleted).await?);
        if deleted.len() < pieces.len() {
            break;
        }
    }
    Ok(())
}
