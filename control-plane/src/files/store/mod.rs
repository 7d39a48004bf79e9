//! SQL of this room.

pub(super) mod file;
pub(super) mod left;
pub(super) mod piece;
pub(super) mod send;
pub(super) mod upload;
pub(super) mod usage;

use crate::db::DbError;

/// What is never negative.
fn unsigned(number: i64, what: &'static str) -> Result<u64, DbError> {
    u64::try_from(number).map_err(|_| DbError::Corrupt(format!("{what}: {number}")))
}

/// What is always below 2^63, because it was checked.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
