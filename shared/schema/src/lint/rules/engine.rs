//! Tables that no transaction protects (MySQL).

use crate::lint::{Check, Place, Rule, Severity, Table};

pub(in crate::lint) const ENGINE: Rule = Rule {
    name: "engine",
    severity: Some(Severity::Warning),
    check: Check::Table(check),
};

fn check(table: &Table<'_>, report: &mut dyn FnMut(Place<'_>, String)) {
    if let Some(engine) = &table.of.engine
        && !engine.eq_ignore_ascii_case("innodb")
    {
        report(
            Place::Table,
            format!(
                "{} is kept by {engine}, which has no transactions; take InnoDB",
                table.name.name
            ),
        );
    }
}
