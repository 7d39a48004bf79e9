//! A piece of an upload: taken, stored, and only then counted.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use muster_base::{PieceId, UploadId, point};
use sha2::Digest as _;
use tokio::{sync::oneshot, time::Instant};

use super::{
    FilesError, quota, store,
    upload::{self, Upload},
};
use crate::{
    access::{Caller, Operation},
    app::App,
    error::Error,
    flaw::Flaw,
    in_tx,
};

/// Most bytes of a piece: it is in memory until it is stored.
pub(super) const LARGEST: u64 = 4 << 20;
/// Fewest, but for the last one.
const SMALLEST: u64 = 64 << 10;
/// How long a piece waits for others before it is asked to come again.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a piece may keep others waiting before its next bytes come.
const IDLE: Duration = Duration::from_secs(10);

/// Bytes of a file that are one object of the storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) id: PieceId,
    /// Where in the file.
    pub(super) position: u64,
    /// How many.
    pub(super) size: u64,
}

/// Stores what comes next. The answer says where to go on.
pub(super) async fn put<S, E>(
    app: &App,
    caller: &Caller,
    id: UploadId,
    offset: Option<u64>,
    body: S,
) -> Result<Upload, FilesError>
where
    S: Stream<Item = Result<Bytes, E>> + Send,
{
    caller.require(Operation::FileWrite)?;
    let upload = upload::get(app, caller, id).await?;
    let offset = offset.ok_or_else(|| FilesError::invalid("offset", Flaw::Needed))?;
    if offset != upload.position {
        return Err(FilesError::Offset(upload.position));
    }
    let left = upload.size - upload.position;
    let turn = app.files.writing.take(caller.actor.person(), PATIENCE).await;
    let turn = turn.ok_or(FilesError::Busy)?;
    // One after the other: of two only the first would count.
    let one = app.files.advancing.try_take(id.to_string());
    let one = one.ok_or(FilesError::Offset(upload.position))?;
    let bytes = collect(body, left.min(LARGEST), IDLE).await?;
    let size = bytes.len() as u64;
    if size < left && size < SMALLEST {
        return Err(FilesError::SmallPiece(SMALLEST));
    }
    // What has come is stored, whether or not somebody waits for the answer. It takes as long as the storage may.
    let (tell, told) = oneshot::channel();
    let (task, caller) = (app.clone(), caller.clone());
    app.tasks.spawn("piece", async move {
        let stored = store(&task, &caller, upload, bytes).await;
        // Free before the answer comes, so that the next piece is not refused.
        drop((turn, one));
        tell.send(stored).ok();
    });
    told.await.map_err(|_| FilesError::BrokeOff)?
}

/// Stores what comes next of an upload, and moves it on.
async fn store(app: &App, caller: &Caller, mut upload: Upload, bytes: Bytes) -> Result<Upload, FilesError> {
    let (id, offset, size) = (upload.id, upload.position, bytes.len() as u64);
    let (mut hasher, hashed) = (upload.hasher()?, bytes.clone());
    let hashing = tokio::task::spawn_blocking(move || {
        hasher.update(&hashed);
        hasher
    });
    let hasher = hashing.await.map_err(Error::internal)?;
    let storage = app.files.storage(app).await?;
    app.files.check_room(app, size).await?;
    let piece = Piece {
        id: app.clock.new_id(),
        position: offset,
        size,
    };
    let now = app.clock.now();
    in_tx!(app.db, |tx| {
        // One that failed before may have its bytes all the same: with each more there must be room for this one.
        if store::piece::is_unsure(tx, id).await? {
            store::file::lock(tx, caller.org()).await?;
            quota::take(app, tx, caller.org(), size, 0).await?;
        }
        store::piece::insert(tx, caller.org(), id, &piece, now).await?;
    });
    storage.put(caller.org(), piece.id, bytes).await?;
    point!("file-piece.stored");
    upload.go_on(size, &hasher, app.clock.now());
    let Some(first) = note(app, &upload, &piece).await? else {
        // It took so long that it was swept away: what is stored belongs to no row.
        let stored = [(caller.org(), piece.id)];
        storage.delete(&stored, Instant::now() + PATIENCE).await;
        return Err(FilesError::BrokeOff);
    };
    if first {
        Ok(upload)
    } else {
        // Somebody sent the same piece twice, or gave the upload up.
        let upload = upload::get(app, caller, id).await?;
        Err(FilesError::Offset(upload.position))
    }
}

/// Moves an upload on over a piece that is stored: whether it was still where the piece begins. None, and nothing is done,
/// if the piece is not known any more.
async fn note(app: &App, upload: &Upload, piece: &Piece) -> Result<Option<bool>, FilesError> {
    let first = in_tx!(app.db, |tx| {
        let first = store::upload::advance(tx, upload, piece.position).await?;
        if !store::piece::set_stored(tx, piece.id, first.then_some(upload.id)).await? {
            return Ok(None);
        }
        first
    });
    Ok(Some(first))
}

/// The body, which must have from one byte to `most`, in memory of its own: a chunk of one byte may hold much more.
async fn collect<S, E>(body: S, most: u64, idle: Duration) -> Result<Bytes, FilesError>
where
    S: Stream<Item = Result<Bytes, E>>,
{
    let mut body = std::pin::pin!(body);
    let mut all = BytesMut::new();
    while let Some(bytes) = tokio::time::timeout(idle, body.next())
        .await
        .map_err(|_| FilesError::BrokeOff)?
    {
        let bytes = bytes.map_err(|_| FilesError::BrokeOff)?;
        if (all.len() + bytes.len()) as u64 > most {
            return Err(FilesError::LargePiece(most));
        }
        all.extend_from_slice(&bytes);
    }
    if all.is_empty() {
        return Err(FilesError::invalid("", Flaw::Needed));
    }
    Ok(all.freeze())
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    async fn collected(
        chunks: impl Stream<Item = Result<Bytes, ()>>,
        most: u64,
    ) -> Result<Bytes, FilesError> {
        collect(chunks, most, Duration::from_millis(20)).await
    }

    fn ones(count: usize) -> impl Stream<Item = Result<Bytes, ()>> {
        stream::iter((0..count).map(|_| Ok(Bytes::from_static(b"1"))))
    }

    #[tokio::test]
    async fn many_small_chunks_are_one_and_no_more_than_is_allowed() {
        assert_eq!(collected(ones(9), 9).await.unwrap().as_ref(), b"1".repeat(9));
        let large = collected(ones(10), 9).await;
        assert!(matches!(large, Err(FilesError::LargePiece(9))));
        let none = collected(ones(0), 9).await;
        assert!(matches!(none, Err(FilesError::Invalid { .. })));
    }

    #[tokio::test]
    async fn a_sender_who_sends_no_more_is_not_waited_for() {
        let silent = ones(1).chain(stream::pending());
        assert!(matches!(collected(silent, 9).await, Err(FilesError::BrokeOff)));
    }
}
