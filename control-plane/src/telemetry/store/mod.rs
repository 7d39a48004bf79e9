//! SQL of this room.

pub(super) mod chunk;
pub(super) mod container;
pub(super) mod keeping;
pub(super) mod packed;
pub(super) mod remote;
pub(super) mod rollup;
pub(super) mod sample;
pub(super) mod space;
pub(super) mod usage;

/// Rows that go into one statement: below SQLite's and PostgreSQL's limits of parameters by far.
pub(super) const PAGE: usize = 256;
