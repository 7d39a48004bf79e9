//! A piece of an upload: taken, stored, and only then counted.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use muster_base::{PieceId, UploadId};
use sha2::Digest as _;

use super::{
    FilesError, store,
    upload::{self, Upload},
};
use crate::{
    access::{Caller, Operation},
    app::App,
    flaw::Flaw,
    in_tx,
};

/// Most bytes of a piece: it is in memory until it is stored.
pub(super) const LARGEST: u64 = 4 << 20;
/// Fewest, but for the last one.
const SMALLEST: u64 = 64 << 10;
/// How long a piece waits for others before it is asked to come again.
const PATIENCE: Duration = Duration::from_secs(10);

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
    let mut upload = upload::get(app, caller, id).await?;
    let offset = offset.ok_or_else(|| FilesError::invalid("offset", Flaw::Needed))?;
    if offset != upload.position {
        return Err(FilesError::Offset(upload.position));
    }
    let left = upload.size - upload.position;
    let turn = tokio::time::timeout(PATIENCE, app.files.writing.acquire());
    let Ok(Ok(_turn)) = turn.await else {
        return Err(FilesError::Busy);
    };
    let (bytes, size) = collect(body, left.min(LARGEST)).await?;
    if size < left && size < SMALLEST {
        return Err(FilesError::SmallPiece(SMALLEST));
    }
    let mut hasher = upload.hasher()?;
    for bytes in &bytes {
        hasher.update(bytes);
    }
    let storage = app.files.storage(app).await?;
    app.files.check_room(app, size).await?;
    let piece = Piece {
        id: app.clock.new_id(),
        position: offset,
        size,
    };
    let now = app.clock.now();
    in_tx!(app.db, |tx| {
        store::piece::insert(tx, caller.org(), id, &piece, now).await?;
    });
    storage.put(caller.org(), piece.id, bytes).await?;
    upload.go_on(size, &hasher, app.clock.now());
    let first = in_tx!(app.db, |tx| {
        let first = store::upload::advance(tx, &upload, offset).await?;
        store::piece::set_stored(tx, piece.id, first.then_some(id)).await?;
        first
    });
    if first {
        Ok(upload)
    } else {
        // Somebody sent the same piece twice, or gave the upload up.
        let upload = upload::get(app, caller, id).await?;
        Err(FilesError::Offset(upload.position))
    }
}

/// The body, which must have from one byte to `most`.
async fn collect<S, E>(body: S, most: u64) -> Result<(Vec<Bytes>, u64), FilesError>
where
    S: Stream<Item = Result<Bytes, E>>,
{
    let mut body = std::pin::pin!(body);
    let (mut pieces, mut size) = (Vec::new(), 0);
    while let Some(bytes) = body.next().await {
        let bytes = bytes.map_err(|_| FilesError::BrokeOff)?;
        size += bytes.len() as u64;
        if size > most {
            return Err(FilesError::LargePiece(most));
        }
        if !bytes.is_empty() {
            pieces.push(bytes);
        }
    }
    if size == 0 {
        return Err(FilesError::invalid("", Flaw::Needed));
    }
    Ok((pieces, size))
}
