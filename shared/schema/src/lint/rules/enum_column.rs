//! Lists of values in a column of MySQL.

use crate::Dialect;
use crate::lint::{Check, Place, Rule, Table};

pub(in crate::lint) const ENUM_COLUMN: Rule = Rule {
    name: "enum-column",
    severity: None,
    check: Check::Table(check),
};

fn check(table: &Table<'_>, report: &mut dyn FnMut(Place<'_>, String)) {
    if table.dialect != Dialect::MySql {
        return;
    }
    for column in &table.of.columns {
        let of = &column.data_type;
        if matches!(of.name.as_str(), "enum" | "set") {
            report(
                Place::Column(&column.name),
                format!(
                    "{} is {of}: another value in the middle writes the whole table anew",
                    column.name
                ),
            );
        }
    }
}
