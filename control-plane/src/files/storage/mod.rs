//! Where bytes are: a folder of this machine, or a bucket of an S3-compatible store. The only place that knows
//! object_store.
//!
//! An object is written whole or not at all, once, and never changed. Names are ids, so that nothing that people type comes
//! near a path. On this machine's disk some room must stay free, because the databases are there.

mod open;

use std::{
    ops::Range,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use muster_base::{OrgId, PieceId};
use object_store::{ObjectStore, ObjectStoreExt as _, PutPayload, path::Path};
use tokio::{sync::OnceCell, time::Instant};
use tracing::warn;

use crate::{app::App, error::chain, seats::Seats};

/// Pieces that are taken at once: each is in memory.
const WRITERS: usize = 32;
/// Of them, a person's.
const WRITERS_EACH: usize = 4;
/// Downloads at once: a part of each is in memory.
const READERS: usize = 64;
/// Of them, a person's.
const READERS_EACH: usize = 8;
/// Files that are on their way to hosts at once.
const SENDERS: usize = 32;
/// Deletions at once.
const DELETERS: usize = 8;
/// How long it is remembered how much of the disk is free.
const FREE_LASTS: Duration = Duration::from_secs(5);
/// Most characters that are logged of a failure.
const LOGGED: usize = 200;

/// What the rooms share of files.
#[derive(Debug)]
pub struct Files {
    storage: OnceCell<Arc<Storage>>,
    free: Mutex<Option<(Instant, u64)>>,
    /// Pieces under way.
    pub(super) writing: Seats,
    /// Uploads that a piece is under way of.
    pub(super) advancing: Seats,
    pub(super) reading: Seats,
    /// Hosts that fetch.
    pub(super) sending: Seats,
}

impl Default for Files {
    fn default() -> Self {
        Self {
            storage: OnceCell::new(),
            free: Mutex::default(),
            writing: Seats::new(WRITERS, WRITERS_EACH),
            advancing: Seats::new(WRITERS, 1),
            reading: Seats::new(READERS, READERS_EACH),
            sending: Seats::new(SENDERS, 1),
        }
    }
}

impl Files {
    /// The storage, opened when it is first needed.
    pub(super) async fn storage(&self, app: &App) -> Result<Arc<Storage>, StorageError> {
        let open = async || {
            let (config, data) = (app.config.files.clone(), app.config.data.clone());
            let opened = tokio::task::spawn_blocking(move || Storage::open(&config, &data)).await;
            opened
                .map_err(|cause| StorageError::Config(cause.into()))?
                .map(Arc::new)
        };
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
        let Some(free) = self.free(folder).await? else {
            return Ok(());
        };
        if free < bytes.saturating_add(app.config.files.keep_free_bytes) {
            return Err(StorageError::Full);
        }
        Ok(())
    }

    /// How much of the disk was free a moment ago; none if that can't be told.
    async fn free(&self, folder: &Folder) -> Result<Option<u64>, StorageError> {
        let remembered = *self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((since, free)) = remembered
            && since.elapsed() < FREE_LASTS
        {
            return Ok(Some(free));
        }
        let path = folder.path.clone();
        let asked = tokio::task::spawn_blocking(move || nix::sys::statvfs::statvfs(&path)).await;
        let Ok(Ok(stat)) = asked else {
            // One that was mounted is not made anew on the disk below it.
            if folder.is_configured {
                warn!("the folder of files is gone, or can't be looked at: is it mounted?");
                return Err(StorageError::Away);
            }
            return Ok(None);
        };
        let free = stat.blocks_available().saturating_mul(stat.fragment_size());
        *self.free.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), free));
        Ok(Some(free))
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
    folder: Option<Folder>,
}

#[derive(Debug)]
struct Folder {
    path: PathBuf,
    /// Whether somebody named it, who has made it, too.
    is_configured: bool,
}

impl Storage {
    /// Stores a piece, for certain.
    pub(super) async fn put(&self, org: OrgId, id: PieceId, bytes: Bytes) -> Result<(), StorageError> {
        let put = self.store.put(&self.name(org, id), PutPayload::from(bytes)).await;
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

    /// Deletes pieces; those that are gone. Stops at the first that can't be deleted, and when it is time.
    pub(super) async fn delete(&self, pieces: &[(OrgId, PieceId)], until: Instant) -> Vec<PieceId> {
        let deletions = stream::iter(pieces.to_vec()).map(|(org, id)| async move {
            match self.store.delete(&self.name(org, id)).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(id),
                Err(error) => Err(error),
            }
        });
        let mut deletions = std::pin::pin!(
            deletions
                .buffer_unordered(DELETERS)
                .take_until(tokio::time::sleep_until(until))
        );
        let mut deleted = Vec::new();
        while let Some(deletion) = deletions.next().await {
            match deletion {
                Ok(id) => deleted.push(id),
                Err(error) => {
                    failed("delete", &error);
                    break;
                }
            }
        }
        deleted
    }

    fn name(&self, org: OrgId, id: PieceId) -> Path {
        Path::from(format!("{}/{org}/{id}", self.prefix))
    }
}

/// What it means, after it was logged.
fn failed(what: &'static str, error: &object_store::Error) -> StorageError {
    warn!(
        storage.call = what,
        error = loggable(error),
        "the storage of files failed"
    );
    meaning(error)
}

/// Of a bucket's answer no more than its status and code: the rest is whatever a server wants to say. Of what never became
/// an answer, the cause.
fn loggable(error: &object_store::Error) -> String {
    let all = chain(error);
    let text = match all.split_once("status code: ") {
        Some((_, answer)) => {
            let status: String = answer.chars().take(3).filter(char::is_ascii_digit).collect();
            let code = answer.split_once("<Code>").map_or("", |(_, rest)| rest);
            let code = code.chars().take_while(char::is_ascii_alphanumeric);
            format!("status {status} {}", code.collect::<String>())
        }
        None if all.contains("error response: ") => "an error for an answer".to_owned(),
        None => {
            let mut cause: &dyn std::error::Error = error;
            while let Some(next) = cause.source() {
                cause = next;
            }
            cause.to_string()
        }
    };
    let plain = text.trim().chars().filter(|c| !c.is_control());
    plain.take(LOGGED).collect()
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

    #[test]
    fn of_a_bucket_s_answer_only_status_and_code_are_logged() {
        let error = |text: &str| object_store::Error::Generic {
            store: "S3",
            source: text.into(),
        };
        let body = format!(
            "<Error><Code>SlowDown</Code><Message>{}</Message>",
            "private ".repeat(99)
        );
        let answer = format!("Server returned non-2xx status code: 503 Service Unavailable: {body}");
        assert_eq!(loggable(&error(&answer)), "status 503 SlowDown");
        let answer = "Server returned non-2xx status code: 403 Forbidden: private";
        assert_eq!(loggable(&error(answer)), "status 403");
        let answer = "Server returned error response: <Error>private</Error>";
        assert_eq!(loggable(&error(answer)), "an error for an answer");
        assert_eq!(loggable(&error("connection\nrefused")), "connectionrefused");
        assert_eq!(loggable(&error(&"x".repeat(1_000))).len(), LOGGED);
    }
}
