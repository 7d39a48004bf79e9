//! Moments without a time zone (PostgreSQL).

use crate::Dialect;
use crate::lint::{Check, Place, Rule, Severity, Table};

pub(in crate::lint) const TIMESTAMP_WITHOUT_ZONE: Rule = Rule {
    name: "timestamp-without-zone",
    severity: Some(Severity::Warning),
    check: Check::Table(check),
};

fn check(table: &Table<'_>, report: &mut dyn FnMut(Place<'_>, String)) {
    if table.dialect != Dialect::Postgres {
        return;
    }
    for column in &table.of.columns {
        let of = &column.data_type;
        if of.name == "timestamp without time zone" {
            report(
                Place::Column(&column.name),
                format!(
                    "{} is {of}: what moment that is depends on who reads it; take timestamptz",
                    column.name
                ),
            );
        }
    }
}
