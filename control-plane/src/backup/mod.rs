//! Backup of a serving control plane into one sealed file, and its restore into a fresh directory.
//!
//! # The file
//! A header (magic, version, how the key is had), then an archive sealed in chunks ([`crate::secrets::seal::stream`]).
//! The key comes from a passphrase (argon2id, 64 MiB, 3 passes) or a recovery key of 32 bytes in a file (HKDF with the
//! file's salt). The archive is a row of entries, each a name and its bytes:
//!
//! | entry | holds |
//! |---|---|
//! | `manifest.json` | versions, time, which database; always first |
//! | `master.key` | the master keys, wherever they came from |
//! | `muster.db`, `telemetry.db` | SQLite: consistent copies of the files (`VACUUM INTO`), taken while others write |
//! | `table/NAME` | PostgreSQL: the table's columns in a line, then its rows as `COPY` writes them |
//! | `audit/SCOPE/FILE` | files of the audit log's archive, unless they are outside of the data directory |
//! | `files/ORG/PIECE` | bytes of files, if they are in the data directory and nobody left them out |
//! | `muster.toml` | the configuration; always last, so that a restore that broke off leaves nothing that serves |
//!
//! PostgreSQL is read in one `REPEATABLE READ` transaction with our own `COPY`s rather than by `pg_dump`: no program
//! of the server's version need be there, nothing lies on a disk unsealed, and rows are all that is wanted, because a
//! restore makes the tables by migrations. Such a backup is restored by the version that made it.
//!
//! # Restore
//! Into a directory that is not there or is empty, and for PostgreSQL into an empty database. Then, in one transaction:
//! - every host's orders get numbers after the time of the restore (numbers count milliseconds from there): a host
//!   refuses a number twice, and may have seen some that the backup does not know. An order that the backup holds open
//!   is sent again under its own id, and answered from the host's journal if it was done.
//! - everybody is signed out, because a sign-in that was ended after the backup would count again;
//! - the platform's audit log says that it was restored, and from when.
//!
//! # What a restore can't bring back
//! Whatever was stored after the backup: readings that hosts sent and forgot in that time (they keep only what was not
//! acknowledged; the hour and day rollups of that time are gone with them), changes by people, hosts that joined (they
//! must join anew), key rotations. Removed hosts, withdrawn join tokens and API keys from after the backup count
//! again: withdraw them again.
//!
//! # What fails
//! Wrong key, truncation, change, another order of chunks: the restore stops, and what it wrote is no control plane. A
//! backup is written beside its name and renamed at the end: a file of that name is whole.

mod archive;
mod files;
mod key;
mod make;
mod restore;
mod store;
#[cfg(test)]
mod tests;

use std::{io, path::PathBuf};

pub use self::{
    files::FilesTaken,
    key::{RecoveryKey, Unlock},
    make::{Made, Parts, backup},
    restore::{Restored, restore},
};
use crate::{db::DbError, keys::KeyError};

/// Why there is no backup, or nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file.
    #[error("{0}")]
    File(PathBuf, #[source] io::Error),
    /// There is something already.
    #[error("{0} is there already: nothing is overwritten")]
    Exists(PathBuf),
    /// Not a backup, or one of a later format.
    #[error("{0} is not a backup that this version reads")]
    NotABackup(PathBuf),
    /// The sealed part.
    #[error("the backup can't be read")]
    Damaged(#[source] io::Error),
    /// The key can't be derived.
    #[error("the key can't be derived: {0}")]
    Derive(String),
    /// The recovery key is not one.
    #[error(
        "{0} is not a recovery key: 64 hexadecimal digits in a file that only you can read (`openssl rand -hex 32`)"
    )]
    RecoveryKey(PathBuf),
    /// The passphrase.
    #[error("a passphrase needs 12 characters or more")]
    Passphrase,
    /// The master keys.
    #[error("the master key can't be had")]
    Key(#[from] KeyError),
    /// The configuration.
    #[error("the configuration can't be read")]
    Config(#[source] Box<figment::Error>),
    /// Another version's.
    #[error("the backup was made by muster {0}; restore a PostgreSQL backup with that version, then upgrade")]
    OtherVersion(String),
    /// The database is not empty.
    #[error("the PostgreSQL database is not empty: give an empty one with --database")]
    NotEmpty,
    /// The database.
    #[error("the database can't be used")]
    Db(#[from] DbError),
}

/// What stands before the names of the audit archive's files.
const AUDIT: &str = "audit/";

/// What stands first in the archive.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Manifest {
    /// Version of the program.
    pub version: String,
    /// When the copy of the database was begun.
    pub created_at: muster_base::UnixMs,
    /// `sqlite` or `postgres`.
    pub database: String,
    /// Whether readings are in it.
    pub telemetry: bool,
}
