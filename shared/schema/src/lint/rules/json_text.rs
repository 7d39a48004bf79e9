//! Documents that are kept as text (PostgreSQL).

use crate::Dialect;
use crate::lint::{Check, Place, Rule, Severity, Table};

pub(in crate::lint) const JSON_TEXT: Rule = Rule {
    name: "json-text",
    severity: Some(Severity::Warning),
    check: Check::Table(check),
};

fn check(table: &Table<'_>, report: &mut dyn FnMut(Place<'_>, String)) {
    if table.dialect != Dialect::Postgres {
        return;
    }
    for column in &table.of.columns {
        let of = &column.data_type;
        if of.name == "json" {
            report(
                Place::Column(&column.name),
                format!(
                    "{} is {of}: it has no equality and no index; take jsonb",
                    column.name
                ),
            );
        }
    }
}
