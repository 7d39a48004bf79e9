//! Files: a tree of folders and files for each org, their bytes, uploads that go on where they broke off, and quotas.
//!
//! # What there is
//! A **file** or **folder** has a name that is unique where it is, and an owner: the org, or a person of it (the top
//! folder says which; what is in a folder has its owner). What is a person's is seen by that person alone, signed in and
//! not by a key; it counts against the org's quota like the rest, and is deleted 30 days after they are a member no more. The
//! files of an org that is deleted go at once. The bytes of a file are a row of **pieces**, each an object of its own in the
//! [`storage`] under `ORG/PIECE`, so that nothing is put together or copied when an upload is complete.
//!
//! | table | holds |
//! |---|---|
//! | `files` | the tree; `path` has the ids from the top down, by which what is below a folder is found |
//! | `file_uploads` | what is not complete: how many bytes are stored, and the SHA-256 as far as that |
//! | `file_sends`, `file_send_files` | what was sent to hosts, as it was: who, when, which hash, where to |
//! | `file_send_targets` | each file for each host, with its order and what became of it |
//! | `file_pieces` | every object that there is or may be in the storage, and what it belongs to |
//!
//! # An upload's way
//! Begun (name, folder, size, SHA-256; the quota is taken) → pieces, each at the offset where the one before ended
//! ([`piece`]) → completed: size and hash are compared, and only now the file is there, with the upload's id. Who asks
//! again, because the answer was lost, is told the same. `GET` of an upload says where to go on. Only who began an upload
//! goes on with it. One that nobody goes on with for a day is forgotten.
//!
//! A piece's row is committed before its bytes are stored and forgotten after they are deleted; the upload moves on when
//! they are stored for certain. So whatever dies in between, nothing that was acknowledged is lost, and every object is
//! known by a row: one that belongs to nothing is swept away ([`sweep`]), counts against the quota until then, and nothing
//! else in the storage is ever touched. A piece that has come is stored although its sender hung up; of an upload there is
//! one at a time.
//!
//! Several control planes on one database need a bucket, or a folder that they share (`files.url`).
//!
//! # Sending to hosts
//! Some files, some hosts and a path ([`send`]) → in one transaction a signed work order for each file and host, with the
//! file's hash and size → the host's agent asks for the bytes ([`arrival`]) on its own connection, its worker writes them
//! beside the place, compares the hash and gives the file its name. The host's own policy file (`files.allow`) says where
//! files may go; nowhere by default. A host that is away gets its order when it is back, until it expires. A host has a few
//! of them at a time; what it has not got can be taken back. A file's bytes never change; one that is deleted first is not sent, and the order says so. It is
//! known for 180 days what was sent.
//!
//! # Who
//! `file:send` sends and sees what was sent, on the file (with `file:read`) and on the host: an operation of its own, because
//! to write on a machine is more than to read here and other than to change what is here. What is a person's is never
//! sent: on a host others see it. Who is narrowed sees of a send the files and hosts that they reach.
//!
//! `file:read` sees and downloads, `file:write` uploads and changes. Both within the object scope: a folder brings what is
//! in it, and what is made at the top needs that no scope narrows. Somebody who is narrowed finds their topmost files and
//! folders at the top. A download ends within a second of its permission, or of its file. A person has some of the seats
//! for pieces and downloads, never all; a reader who takes nothing for a minute gives theirs back, and their download ends.
//!
//! # What fails
//! A taken name, a full quota, a full disk and a wrong offset are 409 with words; a hash that differs is 409 and the upload
//! is over; a storage that does not answer is 502, and the same piece can be sent again. An agent that is too old to take
//! files gets no order, and the send says so; if all are, it is 409. A folder that the configuration
//! names is never made: one that is not mounted is an error, not an empty one.
//!
//! # Backup
//! `muster backup` takes the tree, and the bytes if they are in the data directory; `--without-files` leaves those out. What
//! is in another folder or in a bucket is not taken: it has a backup of its own, and the command says so. A file that is
//! deleted while a backup is made may come back without bytes; its download then fails.
//!
//! # Invariants
//! - Every query carries the org, and what is a person's is found with that person only.
//! - A file that is listed has all of its bytes, and they have its hash.
//! - No row is without its bytes' place, no object without a row.

mod api;
mod arrival;
mod complete;
mod download;
mod error;
mod file;
mod folder;
mod list;
mod name;
mod piece;
mod quota;
mod range;
mod send;
mod sent;
mod storage;
mod store;
mod sweep;
#[cfg(test)]
pub(crate) mod tests;
mod upload;

use muster_base::FileId;
use uuid::Uuid;

use self::file::Sight;
pub use self::{
    api::router,
    arrival::{NoBytes, bytes_for_host, register},
    error::FilesError,
    file::FileItem,
    storage::Files,
};
use crate::{
    access::{Caller, Operation},
    app::App,
    schedule::{Job, Running},
};

/// What this room does by schedule.
pub fn jobs() -> Vec<Job> {
    fn run(app: &App) -> Running<'_> {
        Box::pin(async { Ok(sweep::run(app).await?) })
    }
    fn left(app: &App) -> Running<'_> {
        Box::pin(async { Ok(sweep::left(app).await?) })
    }
    vec![
        Job {
            name: "files.sweep",
            every_ms: muster_base::UnixMs::MINUTE,
            run,
        },
        Job {
            name: "files.left",
            every_ms: muster_base::UnixMs::HOUR,
            run: left,
        },
    ]
}

/// The ids of the folders that a file is in, and its own; none if there is no such file for the caller.
pub async fn path_of(app: &App, caller: &Caller, id: FileId) -> Result<Option<Vec<Uuid>>, FilesError> {
    let found = store::file::find(&app.db, &Sight::of(caller), id).await?;
    Ok(found.map(|item| item.path))
}

/// One that the caller may do this with.
async fn reachable(
    app: &App,
    caller: &Caller,
    operation: Operation,
    id: FileId,
) -> Result<FileItem, FilesError> {
    caller.require(operation)?;
    let item = store::file::find(&app.db, &Sight::of(caller), id)
        .await?
        .ok_or(FilesError::NoFile)?;
    caller.require_on(operation, &item.object())?;
    Ok(item)
}
