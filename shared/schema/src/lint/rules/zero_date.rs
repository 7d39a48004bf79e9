//! Days that are none (MySQL).

use crate::lint::{Check, Place, Rule, Severity, Table};
use crate::model::ColumnDefault;

pub(in crate::lint) const ZERO_DATE: Rule = Rule {
    name: "zero-date",
    severity: Some(Severity::Warning),
    check: Check::Table(check),
};

fn check(table: &Table<'_>, report: &mut dyn FnMut(Place<'_>, String)) {
    for column in &table.of.columns {
        if let Some(ColumnDefault::Expression(value)) = &column.default
            && value.as_str().contains("0000-00-00")
        {
            report(
                Place::Column(&column.name),
                format!(
                    "the default of {} is no day, and refused in strict mode; take NULL",
                    column.name
                ),
            );
        }
    }
}
