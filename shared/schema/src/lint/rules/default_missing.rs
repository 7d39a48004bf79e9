//! Columns that are not null and have no default.

use crate::lint::{Check, Place, Rule, Table};

pub(in crate::lint) const DEFAULT_MISSING: Rule = Rule {
    name: "default-missing",
    severity: None,
    check: Check::Table(check),
};

fn check(table: &Table<'_>, report: &mut dyn FnMut(Place<'_>, String)) {
    let key: Vec<&str> = table
        .of
        .primary_key
        .iter()
        .flat_map(|key| &key.columns)
        .filter_map(|part| part.column_name())
        .collect();
    for column in &table.of.columns {
        let is_filled = column.default.is_some()
            || column.identity.is_some()
            || column.generated.is_some()
            || column.auto_increment
            || key.contains(&column.name.as_str());
        if !column.nullable && !is_filled {
            report(
                Place::Column(&column.name),
                format!(
                    "{} is NOT NULL without a default: programs that don't know it can't insert",
                    column.name
                ),
            );
        }
    }
}
