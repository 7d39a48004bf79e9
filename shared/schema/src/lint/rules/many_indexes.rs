//! So many indexes that every write pays for them.

use crate::lint::{Check, Place, Rule, Severity, Table};

pub(in crate::lint) const MANY_INDEXES: Rule = Rule {
    name: "many-indexes",
    severity: Some(Severity::Warning),
    check: Check::Table(check),
};

fn check(table: &Table<'_>, report: &mut dyn FnMut(Place<'_>, String)) {
    const MANY: usize = 12;
    let count = table.indexes().count() + table.of.uniques.len();
    if count > MANY {
        report(
            Place::Table,
            format!(
                "{} has {count} indexes; each write changes all of them",
                table.name.name
            ),
        );
    }
}
