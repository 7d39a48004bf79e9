//! A key that runs out of numbers stops every insert.

use crate::lint::{Check, Place, Rule, Severity, Table};

pub(in crate::lint) const PRIMARY_KEY_SMALL: Rule = Rule {
    name: "primary-key-small",
    severity: Some(Severity::Warning),
    check: Check::Table(check),
};

fn check(table: &Table<'_>, report: &mut dyn FnMut(Place<'_>, String)) {
    let key = table.of.primary_key.iter().flat_map(|key| &key.columns);
    for name in key.filter_map(|part| part.column_name()) {
        let Some(column) = table.of.column(name) else {
            continue;
        };
        let counts = column.auto_increment || column.identity.is_some() || column.default.is_some();
        let small = ["smallint", "integer", "tinyint", "mediumint", "int"];
        if counts && small.contains(&column.data_type.name.as_str()) {
            report(
                Place::Column(name),
                format!(
                    "the key {name} counts in {}, which runs out; take bigint",
                    column.data_type
                ),
            );
        }
    }
}
