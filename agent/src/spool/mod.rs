//! Keeps samples and rollups on disk until the control plane has them.
//!
//! One redb file, a handful of tables:
//!
//! | table | key → value |
//! |---|---|
//! | `samples` | number → (time, complete frame): raw samples, at most 48 hours of them |
//! | `rollups` | (period, start, subject) → (version, body): closed hours and days, at most 90 days of them |
//! | `pending` | version → (period, start, subject): the rollups that are not acknowledged, in the order they were closed |
//! | `open_days` | start: days that have closed hours and are not closed themselves |
//! | `accumulators` | (hour, subject) → body: checkpoint of the open hours |
//! | `meta` | `acknowledged`, `checkpoint`: sample numbers; `version`: the last one given |
//!
//! - **Writing** ([`Spool::write`]) is one durable transaction per sample: the sample, the hours and days that it
//!   closes, the checkpoint, and everything acknowledged since the last one. A kill at any moment leaves the state
//!   before or after it, never between.
//! - **Reading** ([`Reports`]) hands out batches in order; nothing is forgotten before it is acknowledged. After a
//!   lost session or a kill, what was sent and not acknowledged is sent again: the keys make that harmless.
//! - **Forgotten** is a sample that is acknowledged *and* in a checkpoint; an hour that is acknowledged and whose day
//!   is closed; a day that is acknowledged; and whatever has outlived its bound.
//! - **Fails how**: a full disk refuses the write and says so each time; a file that is no spool any more is set
//!   aside under another name and a new one begun, since telemetry must not keep the agent from its other work.

mod error;
mod examine;
mod forget;
mod reports;
mod store;
mod tables;
mod write;

pub use error::SpoolError;
pub use examine::Health;
pub use reports::Reports;
pub use store::Spool;
pub use write::Write;

/// The file's name in the resident's half of the data directory.
pub const FILE_NAME: &str = "spool.redb";
