//! Columns that nobody says anything of.

use crate::lint::{Check, Place, Rule, Table};

pub(in crate::lint) const COLUMN_COMMENT: Rule = Rule {
    name: "column-comment",
    severity: None,
    check: Check::Table(check),
};

fn check(table: &Table<'_>, report: &mut dyn FnMut(Place<'_>, String)) {
    for column in table.of.columns.iter().filter(|column| column.comment.is_none()) {
        report(
            Place::Column(&column.name),
            format!("{}.{} has no comment", table.name.name, column.name),
        );
    }
}
