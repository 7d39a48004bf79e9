//! Numbers from a sequence that anybody may change (PostgreSQL).

use crate::Dialect;
use crate::lint::{Check, Place, Rule, Severity, Table};
use crate::model::ColumnDefault;

pub(in crate::lint) const SERIAL_COLUMN: Rule = Rule {
    name: "serial-column",
    severity: Some(Severity::Info),
    check: Check::Table(check),
};

fn check(table: &Table<'_>, report: &mut dyn FnMut(Place<'_>, String)) {
    if table.dialect != Dialect::Postgres {
        return;
    }
    for column in &table.of.columns {
        if matches!(column.default, Some(ColumnDefault::Next(_))) {
            report(
                Place::Column(&column.name),
                format!(
                    "{} is a serial; GENERATED ALWAYS AS IDENTITY needs no rights on a sequence",
                    column.name
                ),
            );
        }
    }
}
