//! An index that names a column twice.

use crate::lint::{Check, Place, Rule, Severity, Table};

pub(in crate::lint) const INDEX_COLUMN_TWICE: Rule = Rule {
    name: "index-column-twice",
    severity: Some(Severity::Error),
    check: Check::Table(check),
};

fn check(table: &Table<'_>, report: &mut dyn FnMut(Place<'_>, String)) {
    for (name, index) in table.indexes() {
        let mut seen = Vec::new();
        for column in index.parts.iter().filter_map(|part| part.column_name()) {
            if seen.contains(&column) {
                report(
                    Place::Named(name),
                    format!("the index {name} names {column} twice"),
                );
            }
            seen.push(column);
        }
    }
}
