//! Documents that are kept as text (PostgreSQL).

use super::of_type::report_of_type;
use crate::lint::{Check, Place, Rule, Severity, Table};

pub(in crate::lint) const JSON_TEXT: Rule = Rule {
    name: "json-text",
    severity: Some(Severity::Warning),
    check: Check::Table(check),
};

fn check(table: &Table<'_>, report: &mut dyn FnMut(Place<'_>, String)) {
    report_of_type(
        table,
        "json",
        "it has no equality and no index; take jsonb",
        report,
    );
}
