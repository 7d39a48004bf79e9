//! References that the server enforces.

use crate::lint::{Check, Place, Rule, Table};

pub(in crate::lint) const FOREIGN_KEY: Rule = Rule {
    name: "foreign-key",
    severity: None,
    check: Check::Table(check),
};

fn check(table: &Table<'_>, report: &mut dyn FnMut(Place<'_>, String)) {
    for name in table.of.foreign_keys.keys() {
        report(
            Place::Named(name),
            format!("the foreign key {name} ties two tables together: every change of one locks the other"),
        );
    }
}
