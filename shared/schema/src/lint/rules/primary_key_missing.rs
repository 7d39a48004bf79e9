//! A table without a primary key: its rows can not be told apart, and replication suffers.

use crate::lint::{Check, Place, Rule, Severity, Table};

pub(in crate::lint) const PRIMARY_KEY_MISSING: Rule = Rule {
    name: "primary-key-missing",
    severity: Some(Severity::Warning),
    check: Check::Table(check),
};

fn check(table: &Table<'_>, report: &mut dyn FnMut(Place<'_>, String)) {
    if table.of.primary_key.is_none() && table.of.partition_of.is_none() {
        report(
            Place::Table,
            format!(
                "{} has no primary key; its rows can't be told apart",
                table.name.name
            ),
        );
    }
}
