//! Tables in partitions.

use crate::lint::{Check, Place, Rule, Table};

pub(in crate::lint) const PARTITIONED: Rule = Rule {
    name: "partitioned",
    severity: None,
    check: Check::Table(check),
};

fn check(table: &Table<'_>, report: &mut dyn FnMut(Place<'_>, String)) {
    if table.of.partition_by.is_some() {
        report(
            Place::Table,
            format!("{} is cut into partitions", table.name.name),
        );
    }
}
