//! The tables of the spool's file.

use redb::TableDefinition;

/// Number → (time, complete frame).
pub(super) const SAMPLES: TableDefinition<'_, u64, (i64, &[u8])> = TableDefinition::new("samples");
/// (Period, start, subject) → (version, body).
pub(super) const ROLLUPS: TableDefinition<'_, RollupKey<'_>, (u64, &[u8])> = TableDefinition::new("rollups");
/// Version → (period, start, subject).
pub(super) const PENDING: TableDefinition<'_, u64, RollupKey<'_>> = TableDefinition::new("pending");
/// Start of a day.
pub(super) const OPEN_DAYS: TableDefinition<'_, i64, ()> = TableDefinition::new("open_days");
/// (Hour, subject) → body.
pub(super) const ACCUMULATORS: TableDefinition<'_, (i64, &str), &[u8]> = TableDefinition::new("accumulators");
/// Name → number.
pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

/// Every sample up to this number is acknowledged.
pub(super) const ACKNOWLEDGED: &str = "acknowledged";
/// Every sample up to this number is in the accumulators on disk.
pub(super) const CHECKPOINT: &str = "checkpoint";
/// The last version that a rollup was given.
pub(super) const VERSION: &str = "version";

/// (Period's code, start, subject's name; empty for the host).
pub(super) type RollupKey<'a> = (u8, i64, &'a str);
