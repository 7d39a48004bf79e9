//! Names that must be quoted for their letters.

use crate::lint::{Check, Place, Rule, Table};

pub(in crate::lint) const NAME_CASE: Rule = Rule {
    name: "name-case",
    severity: None,
    check: Check::Table(check),
};

fn check(table: &Table<'_>, report: &mut dyn FnMut(Place<'_>, String)) {
    let is_plain = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_lowercase())
            && name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    let advice = "is not all of lower-case letters, digits and underscores";
    if !is_plain(&table.name.name) {
        report(Place::Table, format!("the name {} {advice}", table.name.name));
    }
    for column in table.of.columns.iter().filter(|column| !is_plain(&column.name)) {
        report(
            Place::Column(&column.name),
            format!("the name {} {advice}", column.name),
        );
    }
}
