//! Numbers that do not keep what was written.

use crate::lint::{Check, Place, Rule, Table};

pub(in crate::lint) const INEXACT_NUMBER: Rule = Rule {
    name: "inexact-number",
    severity: None,
    check: Check::Table(check),
};

fn check(table: &Table<'_>, report: &mut dyn FnMut(Place<'_>, String)) {
    for column in &table.of.columns {
        let of = &column.data_type;
        if matches!(of.name.as_str(), "float" | "double" | "real" | "double precision") {
            report(
                Place::Column(&column.name),
                format!(
                    "{} is {of}: 0.1 + 0.2 isn't 0.3 in it; take an exact number for amounts",
                    column.name
                ),
            );
        }
    }
}
