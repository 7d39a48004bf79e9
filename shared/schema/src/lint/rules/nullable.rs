//! Columns that may be null.

use crate::lint::{Check, Place, Rule, Table};

pub(in crate::lint) const NULLABLE: Rule = Rule {
    name: "nullable",
    severity: None,
    check: Check::Table(check),
};

fn check(table: &Table<'_>, report: &mut dyn FnMut(Place<'_>, String)) {
    for column in table.of.columns.iter().filter(|column| column.nullable) {
        report(
            Place::Column(&column.name),
            format!(
                "{} may be null; say NOT NULL with a default if there is always a value",
                column.name
            ),
        );
    }
}
