//! What belongs to nothing is swept away: uploads that nobody went on with, files of orgs and people that are gone, and
//! bytes of pieces that are neither a file's nor an upload's.

use std::time::Duration;

use muster_base::UnixMs;
use tokio::time::Instant;
use tracing::info;

use super::{FilesError, store};
use crate::{app::App, in_tx};

/// By then a piece that was being stored is, or never will be.
const STORING_MS: i64 = UnixMs::HOUR;
/// So long the files of somebody who left wait for them to come back.
const LEFT_MS: i64 = 30 * UnixMs::DAY;
/// So long it is known what was sent to hosts.
const SENDS_MS: i64 = 180 * UnixMs::DAY;
/// Sends at a time: each takes up to 2,000 targets along.
const SENDS: i64 = 5;
/// Rows at a time, and how often: a job must not take long.
const BATCH: i64 = 200;
const BATCHES: usize = 10;
/// No longer than this bytes are deleted.
const LONGEST: Duration = Duration::from_secs(30);

pub(super) async fn run(app: &App) -> Result<(), FilesError> {
    let until = Instant::now() + LONGEST;
    let now = app.clock.now();
    let long_ago = now.plus_ms(-SENDS_MS);
    in_tx!(app.db, |tx| store::send::delete_before(tx, long_ago, SENDS)
        .await?);
    let expired = in_tx!(app.db, |tx| store::upload::delete_expired(tx, now).await?);
    if expired > 0 {
        info!(
            files.uploads = expired,
            "uploads that nobody went on with were forgotten"
        );
    }
    for _ in 0..BATCHES {
        let deleted = in_tx!(app.db, |tx| store::left::delete_of_gone_orgs(tx, BATCH).await?);
        if deleted == 0 {
            break;
        }
        info!(files.count = deleted, "files of an org that is gone were deleted");
    }
    let before = now.plus_ms(-STORING_MS);
    // From here on nobody gets these pieces any more, so that their bytes can go first and the rows afterwards.
    in_tx!(app.db, |tx| store::piece::claim(tx, before, BATCH).await?);
    for _ in 0..BATCHES {
        let pieces = store::piece::of_none(&app.db, BATCH).await?;
        if pieces.is_empty() {
            break;
        }
        let storage = app.files.storage(app).await?;
        // Whatever could not be deleted keeps its row and comes again.
        let deleted = storage.delete(&pieces, until).await;
        in_tx!(app.db, |tx| store::piece::delete(tx, &deleted).await?);
        if deleted.len() < pieces.len() {
            break;
        }
    }
    Ok(())
}

/// The files of people who are members no more: noted when that is seen, deleted when it was long ago, and as they were if
/// they came back.
pub(super) async fn left(app: &App) -> Result<(), FilesError> {
    let now = app.clock.now();
    in_tx!(app.db, |tx| store::left::note(tx, now).await?);
    let before = now.plus_ms(-LEFT_MS);
    for _ in 0..BATCHES {
        let deleted = in_tx!(app.db, |tx| store::left::delete(tx, before, BATCH).await?);
        if deleted == 0 {
            break;
        }
        info!(
            files.count = deleted,
            "files of people who left their org were deleted"
        );
    }
    Ok(())
}
