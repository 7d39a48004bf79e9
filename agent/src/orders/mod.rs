//! Work orders: receive, verify, journal, hand to a worker, report.
pub mod journal;
pub mod sequence;
