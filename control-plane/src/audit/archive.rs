//! Old rows move from the table into sealed files, and nowhere else: see the room's page.

use std::{io, path::PathBuf, time::Duration};

use muster_base::{AuditArchiveId, OrgId, UnixMs, random_array};
use serde::Serialize;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{
    AuditRow, Entry, Filter, PLATFORM, chain,
    file::{self, Head},
    log::record,
    store::{self, archive::Archived},
};
use crate::{
    access::{Actor, Identity},
    app::App,
    db::{Db, DbError},
    error::Error,
    in_tx,
    keys::{Keys, Purpose},
    schedule::{Job, Running},
    secrets::seal::{Place, Sealer},
};

/// What a file's key is bound to.
pub(super) const SEALED: &str = "audit-archive";
/// Rows of one file at most.
const LARGEST: usize = 2_000;
/// Fewer rows than this wait for more, but not longer than [`LONGEST_WAIT_MS`].
const SMALLEST: usize = 200;
const LONGEST_WAIT_MS: i64 = 30 * UnixMs::DAY;
/// Texts of a file's rows at most, so that one file fits into memory whatever is in it.
const LARGEST_TEXT: usize = 16 << 20;
/// A write to a disk that hangs is given up, and tried again the next day.
const PATIENCE: Duration = Duration::from_mins(10);

/// Where files are, and what opens them.
#[derive(Debug, Clone)]
pub struct Archive {
    /// Their folder.
    pub folder: PathBuf,
    /// The master keys; without them no file opens.
    pub keys: Option<Keys>,
}

/// Why a file of the archive can't be read.
#[derive(Debug, thiserror::Error)]
#[error("the archive file {} can't be read: bring it back from a copy", path.display())]
pub struct Unreadable {
    pub(super) path: PathBuf,
    #[source]
    pub(super) why: io::Error,
}

/// What the log says of a file, in the same transaction that took its rows out of the table.
#[derive(Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Voucher {
    pub(super) file: String,
    pub(super) first_seq: i64,
    pub(super) last_seq: i64,
    pub(super) sha256: String,
}

/// The operation of a voucher's row.
pub(super) const OPERATION: &str = "audit:archive";

impl Voucher {
    pub(super) fn of(file: &Archived) -> Self {
        Self {
            file: file.file.clone(),
            first_seq: file.first_seq,
            last_seq: file.last_seq,
            sha256: hex::encode(&file.sha256),
        }
    }
}

impl Archive {
    /// The archive of a control plane.
    pub fn of(app: &App) -> Self {
        Self {
            folder: app.config.audit.folder(&app.config.data),
            keys: Some(app.keys.clone()),
        }
    }

    /// The rows of a file.
    pub(super) async fn read(&self, file: &Archived) -> Result<Vec<AuditRow>, Unreadable> {
        let path = self.folder.join(&file.file);
        let unreadable = |why| Unreadable {
            path: path.clone(),
            why,
        };
        let key = self.key(file).map_err(unreadable)?;
        let (from, head, hash) = (path.clone(), head(file), file.sha256.clone());
        let reading = tokio::task::spawn_blocking(move || file::read(&from, &key, &head, &hash));
        reading
            .await
            .map_err(io::Error::other)
            .and_then(|rows| rows)
            .map_err(unreadable)
    }

    fn key(&self, file: &Archived) -> io::Result<Zeroizing<[u8; 32]>> {
        let keys = self.keys.as_ref();
        let keys = keys.ok_or_else(|| io::Error::other("there is no master key"))?;
        let sealer = Sealer::of(keys, Purpose::AuditArchive);
        let opened = sealer
            .open(&place(file.id), &file.sealed_key)
            .map_err(io::Error::other)?;
        let key = opened.as_slice().try_into().map_err(io::Error::other)?;
        Ok(Zeroizing::new(key))
    }
}

fn head(file: &Archived) -> Head {
    Head {
        scope: file.scope.clone(),
        first_seq: file.first_seq,
        last_seq: file.last_seq,
    }
}

fn place(id: AuditArchiveId) -> Place {
    Place {
        org: OrgId::from_uuid(Uuid::nil()),
        kind: SEALED,
        id: *id.as_uuid(),
        version: 0,
    }
}

/// This room's scheduled work.
pub fn jobs() -> Vec<Job> {
    vec![Job {
        name: "audit.archive",
        every_ms: UnixMs::DAY,
        run: |app: &App| -> Running<'_> { Box::pin(archive(app)) },
    }]
}

/// Moves what is older than the configuration says into files, log by log. Without such a setting it does nothing.
pub(super) async fn archive(app: &App) -> Result<(), Error> {
    let Some(days) = app.config.audit.keep_days else {
        return Ok(());
    };
    let due = app.clock.now().plus_ms(-UnixMs::DAY * i64::from(days));
    let mut failed = None;
    for scope in store::scopes(&app.db).await? {
        // What is wrong with one log is no reason to leave the others.
        if let Err(error) = archive_scope(app, &scope, due).await {
            tracing::error!(
                audit.scope = scope,
                error = &error as &dyn std::error::Error,
                "old audit rows stay in the table: they could not be archived"
            );
            failed = Some(error);
        }
    }
    failed.map_or(Ok(()), Err)
}

async fn archive_scope(app: &App, scope: &str, due: UnixMs) -> Result<(), Error> {
    while let Some(rows) = next(&app.db, scope, due).await? {
        move_out(app, scope, &rows).await?;
    }
    Ok(())
}

/// The oldest rows of the table that are due, if they are worth a file.
async fn next(db: &Db, scope: &str, due: UnixMs) -> Result<Option<Vec<AuditRow>>, Error> {
    let (end, mut previous) = store::archive::end(db, scope).await?;
    let limit = i64::try_from(LARGEST).unwrap_or(i64::MAX);
    let filter = Filter {
        to: Some(due),
        ..Filter::default()
    };
    let found = store::list_from(db, scope, &filter, end, limit).await?;
    let (mut rows, mut text) = (Vec::new(), 0);
    for row in found {
        // A clock that was set back makes rows that are due later than the ones after them.
        if row.seq != end + 1 + i64::try_from(rows.len()).unwrap_or(i64::MAX) || text > LARGEST_TEXT {
            break;
        }
        let hash = chain::hash(&previous, &row);
        if row.hash != hex::encode(hash) {
            return Err(Error::internal(anyhow::anyhow!(
                "row {} was changed: a broken chain is not archived; see `muster doctor audit`",
                row.seq
            )));
        }
        previous = hash.to_vec();
        text += row.detail.len()
            + row.before.as_ref().map_or(0, String::len)
            + row.after.as_ref().map_or(0, String::len);
        rows.push(row);
    }
    let waited = rows
        .first()
        .is_some_and(|row| row.at.plus_ms(LONGEST_WAIT_MS) < due);
    Ok((rows.len() >= SMALLEST || waited).then_some(rows))
}

/// Writes the rows to a file, and takes them out of the table once it is on the disk.
async fn move_out(app: &App, scope: &str, rows: &[AuditRow]) -> Result<(), Error> {
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
        return Ok(());
    };
    let key = Zeroizing::new(random_array::<32>());
    let id: AuditArchiveId = app.clock.new_id();
    let sealer = Sealer::of(&app.keys, Purpose::AuditArchive);
    let mut file = Archived {
        id,
        scope: scope.to_owned(),
        first_seq: first.seq,
        last_seq: last.seq,
        // No two attempts write to the same file, whatever became of the one before.
        file: format!("{scope}/{:012}-{id}.audit", first.seq),
        bytes: 0,
        sha256: Vec::new(),
        last_hash: hex::decode(&last.hash).map_err(Error::internal)?,
        sealed_key: sealer.seal(&place(id), key.as_slice()).map_err(Error::internal)?,
    };
    let path = Archive::of(app).folder.join(&file.file);
    let (head, copy) = (head(&file), rows.to_vec());
    let writing = tokio::task::spawn_blocking(move || file::write(&path, &key, &head, &copy));
    let written = tokio::time::timeout(PATIENCE, writing)
        .await
        .map_err(Error::internal)?;
    let written = written.map_err(Error::internal)?.map_err(Error::internal)?;
    file.bytes = written.bytes;
    file.sha256 = written.sha256.to_vec();
    note(app, &file, rows.len()).await.map_err(Error::from)
}

async fn note(app: &App, file: &Archived, rows: usize) -> Result<(), DbError> {
    let who = Identity {
        actor: Actor::System { part: "audit" },
        ip: None,
        platform: None,
    };
    let org = match file.scope.as_str() {
        PLATFORM => None,
        org => org.parse().ok(),
    };
    let entry = Entry::done(OPERATION, "auditArchive", file.id).after(&Voucher::of(file));
    in_tx!(app.db, |tx| {
        let deleted = store::archive::replace(tx, file, app.clock.now()).await?;
        if deleted != i64::try_from(rows).unwrap_or(i64::MAX) {
            return Err(DbError::Corrupt(format!(
                "{deleted} of {rows} audit rows were there to be archived"
            )));
        }
        record(app, tx, &who, org, entry).await?;
    });
    Ok(())
}
