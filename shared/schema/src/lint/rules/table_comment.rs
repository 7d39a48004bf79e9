//! Tables that nobody says anything of.

use crate::lint::{Check, Place, Rule, Table};

pub(in crate::lint) const TABLE_COMMENT: Rule = Rule {
    name: "table-comment",
    severity: None,
    check: Check::Table(check),
};

fn check(table: &Table<'_>, report: &mut dyn FnMut(Place<'_>, String)) {
    if table.of.comment.is_none() {
        report(Place::Table, format!("{} has no comment", table.name.name));
    }
}
