//! Moments without a time zone (PostgreSQL).

use super::of_type::report_of_type;
use crate::lint::{Check, Place, Rule, Severity, Table};

pub(in crate::lint) const TIMESTAMP_WITHOUT_ZONE: Rule = Rule {
    name: "timestamp-without-zone",
    severity: Some(Severity::Warning),
    check: Check::Table(check),
};

fn check(table: &Table<'_>, report: &mut dyn FnMut(Place<'_>, String)) {
    report_of_type(
        table,
        "timestamp without time zone",
        "what moment that is depends on who reads it; take timestamptz",
        report,
    );
}
