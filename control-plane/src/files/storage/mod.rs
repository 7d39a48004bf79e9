//! Where bytes are: a folder of this machine, or a bucket of an S3-compatible store. The only place that knows
//! object_store.
//!
//! An object is written whole or not at all, once, and never changed. Names are ids, so that nothing that people type comes
//! near a path. On this machine's disk some room must stay free, because the databases are there.

mod open;

use std::{ops::Range, path::PathBuf, sync::Arc};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use muster_base::{OrgId, PieceId};
use object_store::{ObjectStore, ObjectStoreExt as _, PutPayload, path::Path};
use tokio::sync::{OnceCell, Semaphore};
use tracing::warn;

use crate::{app::App, error::chain};

/// Pieces that are taken at once: each is in memory.
const WRITERS: usize = 32;
/// Downloads at once: a part of each is in memory.
const READERS: usize = 64;
/// Deletions at once.
const DELETERS: usize = 8;

/// What the rooms share of files.
#[derive(Debug)]
pub struct Files {
    storage: OnceCell<Arc<Storage>>,
    pub(super) writing: Semaphore,
    pub(super) reading: Arc<Semaphore>,
}

impl Default for Files {
    fn default() -> Self {
        Self {
            storage: OnceCell::new(),
            writing: Semaphore::new(WRITERS),
            reading: Arc::new(Semaphore::new(READERS)),
        }
    }
}

impl Files {
    /// The storage, opened when it is first needed.
    pub(super) async fn storage(&self, app: &App) -> Result<Arc<Storage>, StorageError> {
        let open = async || Storage::open(&app.config.files, &app.config.data).map(Arc::new);
        let storage = self.storage.get_or_try_init(open).await;
        storage.map(Arc::clone).inspect_err(|error| {
            warn!(
                error = error as &dyn std::error::Error,
                "the storage of files can't be opened"
            );
        })
    }

    /// Passes if so much more goes onto the disk, if it is this machine's.
    pub(super) async fn check_room(&self, app: &App, bytes: u64) -> Result<(), StorageError> {
        let storage = self.storage(app).await?;
        let Some(folder) = &storage.folder else {
            return Ok(());
        };
        let Ok(stat) = nix::sys::statvfs::statvfs(folder) else {
            return Ok(());
        };
        let free = stat.blocks_available().saturating_mul(stat.fragment_size());
        if free < bytes.saturating_add(app.config.files.keep_free_bytes) {
            return Err(StorageError::Full);
        }
        Ok(())
    }
}

/// Why bytes could not be stored, read or deleted.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// No room.
    #[error("there is no room left where files are kept: free some, then send this again")]
    Full,
    /// Bytes that must be there are not.
    #[error("the bytes of this file are gone from where they were kept")]
    Gone,
    /// It can't be opened.
    #[error("the storage of files can't be used: look at the control plane's log")]
    Config(#[source] anyhow::Error),
    /// It does not answer, or refuses.
    #[error(
        "the storage of files does not answer, or refuses: try again, or look at the control plane's log"
    )]
    Away,
}

/// Where bytes are.
#[derive(Debug)]
pub(super) struct Storage {
    store: Arc<dyn ObjectStore>,
    prefix: String,
    /// The folder, if it is one.
    folder: Option<PathBuf>,
}

impl Storage {
    /// Stores a piece, for certain.
    pub(super) async fn put(&self, org: OrgId, id: PieceId, bytes: Vec<Bytes>) -> Result<(), StorageError> {
        let payload: PutPayload = bytes.into_iter().collect();
        let put = self.store.put(&self.name(org, id), payload).await;
        put.map(|_| ()).map_err(|error| failed("put", &error))
    }

    /// A part of a piece.
    pub(super) async fn read(
        &self,
        org: OrgId,
        id: PieceId,
        range: Range<u64>,
    ) -> Result<Bytes, StorageError> {
        let wanted = range.end - range.start;
        let read = self.store.get_range(&self.name(org, id), range).await;
        let bytes = read.map_err(|error| failed("read", &error))?;
        if bytes.len() as u64 != wanted {
            warn!(piece.id = %id, "a piece of a file is shorter than it was");
            return Err(StorageError::Gone);
        }
        Ok(bytes)
    }

    /// Deletes pieces; those that are gone.
    pub(super) async fn delete(&self, pieces: &[(OrgId, PieceId)]) -> Vec<PieceId> {
        let deleted = stream::iter(pieces.to_vec()).map(|(org, id)| async move {
            match self.store.delete(&self.name(org, id)).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => Some(id),
                Err(error) => {
                    failed("delete", &error);
                    None
                }
            }
        });
        deleted
            .buffer_unordered(DELETERS)
            .filter_map(std::future::ready)
            .collect()
            .await
    }

    fn name(&self, org: OrgId, id: PieceId) -> Path {
        Path::from(format!("{}/{org}/{id}", self.prefix))
    }
}

/// What it means, after it was logged.
fn failed(what: &'static str, error: &object_store::Error) -> StorageError {
    let meaning = meaning(error);
    warn!(
        storage.call = what,
        error = chain(error),
        "the storage of files failed"
    );
    meaning
}

fn meaning(error: &object_store::Error) -> StorageError {
    if matches!(error, object_store::Error::NotFound { .. }) {
        return StorageError::Gone;
    }
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let full = error.downcast_ref::<std::io::Error>().is_some_and(|error| {
            use std::io::ErrorKind::{QuotaExceeded, StorageFull};
            matches!(error.kind(), StorageFull | QuotaExceeded)
        });
        // What MinIO says.
        if full || error.to_string().contains("XMinioStorageFull") {
            return StorageError::Full;
        }
        cause = error.source();
    }
    StorageError::Away
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_one_that_is_away() {
        let generic = |kind: std::io::ErrorKind| object_store::Error::Generic {
            store: "x",
            source: std::io::Error::from(kind).into(),
        };
        let full = generic(std::io::ErrorKind::StorageFull);
        assert!(matches!(meaning(&full), StorageError::Full));
        let away = generic(std::io::ErrorKind::TimedOut);
        assert!(matches!(meaning(&away), StorageError::Away));
        let gone = object_store::Error::NotFound {
            path: String::new(),
            source: "x".into(),
        };
        assert!(matches!(meaning(&gone), StorageError::Gone));
    }
}
