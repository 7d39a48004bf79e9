//! Texts that can not hold every letter (MySQL).

use crate::Dialect;
use crate::lint::{Check, Place, Rule, Severity, Table};

pub(in crate::lint) const CHARSET: Rule = Rule {
    name: "charset",
    severity: Some(Severity::Warning),
    check: Check::Table(check),
};

fn check(table: &Table<'_>, report: &mut dyn FnMut(Place<'_>, String)) {
    if table.dialect != Dialect::MySql {
        return;
    }
    let is_narrow = |charset: &&String| !matches!(charset.as_str(), "utf8mb4" | "binary" | "ascii");
    if let Some(charset) = table.of.charset.as_ref().filter(is_narrow) {
        report(
            Place::Table,
            format!(
                "{} is in {charset}, which can't hold every letter; take utf8mb4",
                table.name.name
            ),
        );
    }
    for column in &table.of.columns {
        if let Some(charset) = column.charset.as_ref().filter(is_narrow) {
            report(
                Place::Column(&column.name),
                format!(
                    "{} is in {charset}, which can't hold every letter; take utf8mb4",
                    column.name
                ),
            );
        }
    }
}
