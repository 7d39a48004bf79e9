//! References without an index: each delete on the other side reads this whole table (PostgreSQL).

use crate::Dialect;
use crate::lint::{Check, Place, Rule, Severity, Table};

pub(in crate::lint) const FOREIGN_KEY_INDEX: Rule = Rule {
    name: "foreign-key-index",
    severity: Some(Severity::Warning),
    check: Check::Table(check),
};

fn check(table: &Table<'_>, report: &mut dyn FnMut(Place<'_>, String)) {
    if table.dialect != Dialect::Postgres {
        return;
    }
    let keys = table.of.primary_key.iter().chain(table.of.uniques.values());
    let lists: Vec<Vec<&str>> = keys
        .map(|key| &key.columns)
        .chain(table.indexes().map(|(_, index)| &index.parts))
        .map(|parts| parts.iter().filter_map(|part| part.column_name()).collect())
        .collect();
    for (name, key) in &table.of.foreign_keys {
        let leads = |list: &Vec<&str>| {
            list.len() >= key.columns.len()
                && key
                    .columns
                    .iter()
                    .all(|column| list[..key.columns.len()].contains(&column.as_str()))
        };
        if !lists.iter().any(leads) {
            // One that stands beside a column has a name that nobody wrote.
            let place = key
                .columns
                .first()
                .map_or(Place::Named(name), |column| Place::Column(column));
            report(
                place,
                format!(
                    "no index begins with {}: deleting a row of {} reads this whole table",
                    key.columns.join(", "),
                    key.references.name
                ),
            );
        }
    }
}
