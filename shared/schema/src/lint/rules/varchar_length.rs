//! Texts whose length is part of the type (PostgreSQL).

use crate::Dialect;
use crate::lint::{Check, Place, Rule, Table};

pub(in crate::lint) const VARCHAR_LENGTH: Rule = Rule {
    name: "varchar-length",
    severity: None,
    check: Check::Table(check),
};

fn check(table: &Table<'_>, report: &mut dyn FnMut(Place<'_>, String)) {
    if table.dialect != Dialect::Postgres {
        return;
    }
    for column in &table.of.columns {
        let of = &column.data_type;
        if of.name == "character varying" && !of.arguments.is_empty() {
            report(
                Place::Column(&column.name),
                format!(
                    "{} is {of}: another length is a change of type; take text with a check",
                    column.name
                ),
            );
        }
    }
}
