//! Texts that are filled up with blanks (PostgreSQL).

use crate::Dialect;
use crate::lint::{Check, Place, Rule, Severity, Table};

pub(in crate::lint) const CHAR_PADDED: Rule = Rule {
    name: "char-padded",
    severity: Some(Severity::Warning),
    check: Check::Table(check),
};

fn check(table: &Table<'_>, report: &mut dyn FnMut(Place<'_>, String)) {
    if table.dialect != Dialect::Postgres {
        return;
    }
    for column in &table.of.columns {
        let of = &column.data_type;
        if of.name == "character" {
            report(
                Place::Column(&column.name),
                format!(
                    "{} is {of}: it is padded with blanks and compares in its own way; take text with a check",
                    column.name
                ),
            );
        }
    }
}
