//! Amounts whose currency is a setting of the server (PostgreSQL).

use super::of_type::report_of_type;
use crate::lint::{Check, Place, Rule, Severity, Table};

pub(in crate::lint) const MONEY_TYPE: Rule = Rule {
    name: "money-type",
    severity: Some(Severity::Warning),
    check: Check::Table(check),
};

fn check(table: &Table<'_>, report: &mut dyn FnMut(Place<'_>, String)) {
    report_of_type(
        table,
        "money",
        "its currency is a setting of the server; take numeric",
        report,
    );
}
