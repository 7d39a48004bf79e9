//! The audit log: every change and every refused attempt.
//!
//! Who, from where, on what object, which operation, how it ended, what it was before and after (without secrets).
//! Append-only. The rows of one scope (an org, or `platform` for what is above orgs) are numbered without a gap and
//! each row's hash covers the row and the hash before it: a row that was changed or removed breaks the chain, which
//! [`verify()`] and the export show.
//!
//! A change's row is written in the change's own transaction ([`record`]): neither is there without the other.
//! Refused attempts are written by themselves ([`record_refusal`]); losing one to a crash is accepted.
//!
//! # Retention
//! Nothing is deleted. With `audit.keep_days` set, rows that are older leave the table, once a day, for files in
//! `audit.archive_dir` (by default `audit-archive` in the data directory): some hundred to some thousand rows of one
//! scope each, in order, sealed with a key of the file's own, which the master key seals in `audit_archives`
//! ([`SHELVES`]: it is sealed anew when the master key rotates; the files stay as they are).
//!
//! ```text
//! rows in the table ─→ file written, synced, read back ─→ one transaction: file noted, rows deleted, `audit:archive` logged
//! ```
//! That row has the file's hash, so the files hang in the same chain as the rows: row 1 to the last one, through files
//! and table, is one chain, and a file that was exchanged or lost shows like a row would.
//!
//! - *Who*: the control plane that takes the day's job. Several control planes on one database share the folder.
//! - *Killed, or the disk is full*: before the transaction the rows are in the table still, and the file, if there is
//!   one, belongs to nothing; after it everything is done. It is tried again the next day; the log says why.
//! - *The chain is broken already*: those rows are not archived, so that the evidence stays where it is.
//! - *A file can't be read*: the export stops with 409, [`verify()`] and `muster doctor audit` say which file it is.
//!
//! The list shows what is in the table; the export reads both. `muster backup` takes the files along if they are in
//! the data directory.
//!
//! Tables: `audit_log`, `audit_heads`, `audit_archives`. Reading an org's log needs `audit:read`; whoever is narrowed
//! to some objects sees what is about those and what they did themselves ([`reach`]), in the list and the export. The
//! platform's log is the super administrator's.

mod api;
mod archive;
mod chain;
mod file;
mod log;
mod reach;
mod reader;
mod store;
#[cfg(test)]
mod tests;
mod verify;

use crate::keys::{Purpose, Shelf, ShelfKind};

pub use self::{
    api::router,
    archive::{Archive, jobs},
    log::{
        AuditRow, Entry, Filter, Outcome, Scope, list, list_from, record, record_refusal, verify, verify_all,
    },
    verify::Chain,
};

/// The scope of what is above orgs.
const PLATFORM: &str = "platform";

/// The sealed keys of the archive's files.
pub const SHELVES: &[Shelf] = &[Shelf {
    table: "audit_archives",
    column: "sealed_key",
    purpose: Purpose::AuditArchive,
    org: None,
    kind: ShelfKind::Always(archive::SEALED),
    id: "id",
    version: None,
}];
