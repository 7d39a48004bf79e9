//! How long a release waits on a server before it gives up: for a lock that somebody else holds, and for one statement.
//!
//! A short wait for locks is what keeps a release from stopping an application: whatever queues behind the release's
//! own wait, waits with it.

use std::ops::RangeInclusive;

use super::error::field_error;
use crate::error::FieldError;

/// Waiting for a lock ends after this time unless the server says otherwise.
pub(super) const DEFAULT_LOCK_MS: u64 = 10_000;
/// A statement ends after this time unless the server says otherwise.
pub(super) const DEFAULT_STATEMENT_MS: u64 = 30 * 60 * 1_000;

/// Longer, and the wait stops the applications behind it.
const LOCK_MS: RangeInclusive<u64> = 100..=10 * 60 * 1_000;
/// The agent ends a statement after a day, whatever it is told.
const STATEMENT_MS: RangeInclusive<u64> = 1_000..=24 * 60 * 60 * 1_000;

/// What is wrong with a server's timeouts.
pub(super) fn check(lock_ms: u64, statement_ms: u64) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    if !LOCK_MS.contains(&lock_ms) {
        wrong.push(field_error(
            "lockTimeoutMs",
            "must be 100 to 600,000 (10 minutes)",
        ));
    }
    if !STATEMENT_MS.contains(&statement_ms) {
        wrong.push(field_error(
            "statementTimeoutMs",
            "must be 1,000 to 86,400,000 (a day)",
        ));
    }
    wrong
}
