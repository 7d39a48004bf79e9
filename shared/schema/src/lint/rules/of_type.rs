//! What the rules about a single type of PostgreSQL have in common.

use crate::Dialect;
use crate::lint::{Place, Table};

/// Reports the table's columns of the type, with the reason why not.
pub(super) fn report_of_type(
    table: &Table<'_>,
    name: &str,
    why: &str,
    report: &mut dyn FnMut(Place<'_>, String),
) {
    if table.dialect != Dialect::Postgres {
        return;
    }
    for column in &table.of.columns {
        let of = &column.data_type;
        if of.name == name {
            report(
                Place::Column(&column.name),
                format!("{} is {of}: {why}", column.name),
            );
        }
    }
}
