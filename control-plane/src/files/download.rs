//! A file's bytes, or a part of them, for as long as their reader may have them.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream, stream::BoxStream};
use muster_base::{FileId, OrgId};

use super::{FilesError, file::FileItem, piece::Piece, range::Span, reachable, storage::Storage, store};
use crate::{
    access::{self, Caller, Operation},
    app::App,
    http::feed::feed,
    seats::Seat,
};

/// Bytes that are read, and held in memory, at once.
const STRIDE: u64 = 1 << 20;

/// What a reader has and wants.
#[derive(Debug, Default)]
pub(super) struct Wish {
    /// `Range`.
    pub(super) range: Option<String>,
    /// `If-Range`: the part is wanted if the file still has this tag, else all.
    pub(super) only_if: Option<String>,
    /// `If-None-Match`: nothing is wanted if the file still has one of these.
    pub(super) unless: Option<String>,
}

/// What a reader gets.
pub(super) struct Download {
    pub(super) item: FileItem,
    /// Its entity tag.
    pub(super) tag: String,
    /// The part, with its bytes; none if the reader has the file.
    pub(super) content: Option<(Span, BoxStream<'static, Result<Bytes, FilesError>>)>,
}

pub(super) async fn open(app: &App, caller: &Caller, id: FileId, wish: Wish) -> Result<Download, FilesError> {
    let item = reachable(app, caller, Operation::FileRead, id).await?;
    if item.is_folder() {
        return Err(FilesError::IsFolder);
    }
    let tag = format!("\"{}\"", item.hash.as_deref().unwrap_or_default());
    if wish.unless.is_some_and(|tags| has(&tags, &tag)) {
        let content = None;
        return Ok(Download { item, tag, content });
    }
    let span = match wish.range {
        Some(range) if wish.only_if.is_none_or(|only_if| only_if.trim() == tag) => {
            Span::read(&range, item.size)?
        }
        _ => Span::all(item.size),
    };
    let mut bytes = bytes(app, caller, id, span).await?;
    // A storage that is away is told of in words, as long as nothing else was said.
    let first = bytes.next().await.transpose()?;
    let refused = access::until_refused(app.clone(), caller.clone(), move |app, caller| async move {
        // One that is out of reach is not there; a database that does not answer says nothing of that.
        matches!(
            reachable(&app, &caller, Operation::FileRead, id).await,
            Ok(_) | Err(FilesError::Db(_))
        )
    });
    let content = stream::iter(first.map(Ok)).chain(bytes);
    // Asked beside the reader, who may be slow. One that is cut off must see that it is: the end is an error then.
    let content = feed(app, "download", content, refused, || FilesError::BrokeOff).boxed();
    Ok(Download {
        item,
        tag,
        content: Some((span, content)),
    })
}

/// The bytes of a part of a file, as they are read.
pub(super) async fn bytes(
    app: &App,
    caller: &Caller,
    id: FileId,
    span: Span,
) -> Result<BoxStream<'static, Result<Bytes, FilesError>>, FilesError> {
    let turn = app.files.reading.try_take(caller.actor.person());
    let turn = turn.ok_or(FilesError::Busy)?;
    bytes_for(app, caller.org(), turn, id, span).await
}

/// The same, for whoever has a seat.
pub(super) async fn bytes_for(
    app: &App,
    org: OrgId,
    turn: Seat,
    id: FileId,
    span: Span,
) -> Result<BoxStream<'static, Result<Bytes, FilesError>>, FilesError> {
    let pieces = store::piece::of_file(&app.db, id, span.start, span.end).await?;
    let reading = Reading {
        storage: app.files.storage(app).await?,
        org,
        parts: parts(&pieces, span),
        _turn: turn,
    };
    let bytes = stream::try_unfold(reading, |mut reading| async move {
        let Some(part) = reading.parts.pop_front() else {
            return Ok(None);
        };
        let range = part.start..part.end;
        let bytes = reading.storage.read(reading.org, part.piece.id, range).await?;
        Ok(Some((bytes, reading)))
    });
    Ok(bytes.boxed())
}

/// Whether one of these entity tags is this one.
fn has(tags: &str, tag: &str) -> bool {
    let is_it = |one: &str| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag;
    tags.split(',').map(str::trim).any(is_it)
}

/// A part of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    piece: Piece,
    /// In the piece.
    start: u64,
    end: u64,
}

/// What is to be read, in strides.
fn parts(pieces: &[Piece], span: Span) -> VecDeque<Part> {
    let mut parts = VecDeque::new();
    for piece in pieces {
        let mut start = span.start.max(piece.position) - piece.position;
        let end = span.end.min(piece.position + piece.size) - piece.position;
        while start < end {
            let next = (start + STRIDE).min(end);
            parts.push_back(Part {
                piece: *piece,
                start,
                end: next,
            });
            start = next;
        }
    }
    parts
}

struct Reading {
    storage: Arc<Storage>,
    org: OrgId,
    parts: VecDeque<Part>,
    _turn: Seat,
}

#[cfg(test)]
mod tests {
    use muster_base::PieceId;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn parts_are_exactly_what_was_asked_for() {
        let piece = |position, size| Piece {
            id: PieceId::from_uuid(Uuid::nil()),
            position,
            size,
        };
        let pieces = [piece(0, STRIDE + 10), piece(STRIDE + 10, 5)];
        let shape = |start, end| {
            let span = Span {
                start,
                end,
                partial: true,
            };
            parts(&pieces, span)
                .iter()
                .map(|part| (part.piece.position, part.start, part.end))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            shape(0, STRIDE + 15),
            [(0, 0, STRIDE), (0, STRIDE, STRIDE + 10), (STRIDE + 10, 0, 5)]
        );
        assert_eq!(
            shape(STRIDE + 9, STRIDE + 11),
            [(0, STRIDE + 9, STRIDE + 10), (STRIDE + 10, 0, 1)]
        );
    }

    #[test]
    fn a_tag_is_found_among_others() {
        assert!(has("\"a\", W/\"b\"", "\"b\"") && has("*", "\"b\""));
        assert!(!has("\"a\"", "\"b\""));
    }
}
