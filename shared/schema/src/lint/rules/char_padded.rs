//! Texts that are filled up with blanks (PostgreSQL).

use super::of_type::report_of_type;
use crate::lint::{Check, Place, Rule, Severity, Table};

pub(in crate::lint) const CHAR_PADDED: Rule = Rule {
    name: "char-padded",
    severity: Some(Severity::Warning),
    check: Check::Table(check),
};

fn check(table: &Table<'_>, report: &mut dyn FnMut(Place<'_>, String)) {
    report_of_type(
        table,
        "character",
        "it is padded with blanks and compares in its own way; take text with a check",
        report,
    );
}
