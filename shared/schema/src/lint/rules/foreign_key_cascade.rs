//! Deleting one row that deletes others.

use crate::lint::{Check, Place, Rule, Table};
use crate::model::Action;

pub(in crate::lint) const FOREIGN_KEY_CASCADE: Rule = Rule {
    name: "foreign-key-cascade",
    severity: None,
    check: Check::Table(check),
};

fn check(table: &Table<'_>, report: &mut dyn FnMut(Place<'_>, String)) {
    for (name, key) in &table.of.foreign_keys {
        if key.on_delete == Action::Cascade {
            report(
                Place::Named(name),
                format!(
                    "deleting a row of {} deletes rows here by {name}",
                    key.references.name
                ),
            );
        }
    }
}
