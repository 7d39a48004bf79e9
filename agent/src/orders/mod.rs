//! Work orders: receive, verify, journal, hand to a worker, report.
