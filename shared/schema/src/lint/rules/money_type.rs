//! Amounts whose currency is a setting of the server (PostgreSQL).

use crate::Dialect;
use crate::lint::{Check, Place, Rule, Severity, Table};

pub(in crate::lint) const MONEY_TYPE: Rule = Rule {
    name: "money-type",
    severity: Some(Severity::Warning),
    check: Check::Table(check),
};

fn check(table: &Table<'_>, report: &mut dyn FnMut(Place<'_>, String)) {
    if table.dialect != Dialect::Postgres {
        return;
    }
    for column in &table.of.columns {
        let of = &column.data_type;
        if of.name == "money" {
            report(
                Place::Column(&column.name),
                format!(
                    "{} is {of}: its currency is a setting of the server; take numeric",
                    column.name
                ),
            );
        }
    }
}
