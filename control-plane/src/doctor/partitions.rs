//! PostgreSQL's tables of readings by time. The hourly job makes them some days ahead and drops what nobody keeps; one that
//! can't for days is only told by what it leaves.

use muster_base::doctor::Finding;

use super::unreadable;
use crate::{
    app::App,
    telemetry::{self, PartitionFault},
};

const CHECK: &str = "database.partitions";
/// Names in a finding.
const MOST_NAMES: usize = 5;

pub(super) async fn look(app: &App) -> Vec<Finding> {
    if !app.telemetry_db.has_partitions() {
        return Vec::new();
    }
    match telemetry::partition_faults(app).await {
        Ok(faults) if faults.is_empty() => vec![Finding::ok(CHECK, "each day of readings has its table")],
        Ok(faults) => faults.iter().map(said_of).collect(),
        Err(error) => vec![unreadable(CHECK, &error)],
    }
}

fn said_of(fault: &PartitionFault) -> Finding {
    match fault {
        PartitionFault::Missing { table, names } => Finding::problem(
            CHECK,
            format!(
                "{table} has no table for what comes now: {} missing",
                named(names)
            ),
            "readings of these days have no place: agents keep them until there is one",
            "start `muster serve`, which makes them, and look in its log for why it could not: rights to create tables, room, or \
             somebody who holds a lock on the table for hours",
        ),
        PartitionFault::Endless { table } => Finding::warning(
            CHECK,
            format!("{table}_past has no end yet"),
            "new readings go to the one table of all the old ones, and nothing is dropped by days; after an upgrade or a restore \
             that is so until it was read once",
            "leave `muster serve` running; if this stays for hours, look in its log for who holds a lock on the table",
        ),
        PartitionFault::Overdue { table, names } => Finding::warning(
            CHECK,
            format!("{table} still has what nobody keeps any more: {}", named(names)),
            "it takes room, and questions about readings look into it",
            "leave `muster serve` running; if this stays, end whatever reads the table for hours, as a backup or a forgotten \
             transaction does (pg_stat_activity)",
        ),
    }
}

fn named(names: &[String]) -> String {
    let some = names.iter().take(MOST_NAMES).map(String::as_str);
    let mut text = some.collect::<Vec<_>>().join(", ");
    if names.len() > MOST_NAMES {
        text = format!("{text} and {} more", names.len() - MOST_NAMES);
    }
    text
}
