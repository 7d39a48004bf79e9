//! What is not as it should be with the tables of readings by time, for `muster doctor`. What the hourly job has not come to yet is
//! no fault.

use muster_base::UnixMs;

use super::{
    keeping::KeptDays,
    partition::{CHUNKS, PACKED, Partition, SAMPLES, Table, passed},
    store,
};
use crate::{app::App, db::DbError};

/// What is not as it should be with a table's partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PartitionFault {
    /// The tables from this time on are missing, by their names.
    Missing {
        /// The table.
        table: &'static str,
        /// Its partitions that there should be by now.
        names: Vec<String>,
    },
    /// The past has no end yet.
    Endless {
        /// The table.
        table: &'static str,
    },
    /// Partitions that nobody keeps any more are still there.
    Overdue {
        /// The table.
        table: &'static str,
        /// The partitions.
        names: Vec<String>,
    },
}

/// What is not as it should be with the partitions, for the doctor. On SQLite there is nothing to be wrong.
pub(crate) async fn faults(app: &App) -> Result<Vec<PartitionFault>, DbError> {
    let (db, now) = (&app.telemetry_db, app.clock.now());
    let longest = KeptDays::from(&app.config.telemetry);
    let mut faults = Vec::new();
    for (table, days) in [
        (&SAMPLES, longest.raw),
        (&CHUNKS, longest.raw),
        (&PACKED, longest.hour),
    ] {
        if let Some(partitions) = store::partition::list_of(db, table).await? {
            // Dropped within the hour; a day is more than a night's backup takes.
            let before = now.plus_ms(-UnixMs::DAY * i64::from(days)).plus_ms(-UnixMs::DAY);
            faults.extend(faults_of(table, &partitions, before, now));
        }
    }
    Ok(faults)
}

fn faults_of(table: &Table, partitions: &[Partition], before: UnixMs, now: UnixMs) -> Vec<PartitionFault> {
    let mut faults = Vec::new();
    let end = partitions.last().map(|last| last.to);
    if end == Some(None) {
        faults.push(PartitionFault::Endless { table: table.name });
    } else {
        // One less than are made ahead: the hourly job has its hour.
        let end = end.flatten().unwrap_or_else(|| table.start_of(now));
        let missing = table.missing(end, now).into_iter();
        let missing = missing.filter(|(from, _)| *from <= now.plus_ms(UnixMs::DAY));
        let names: Vec<_> = missing.map(|(from, _)| table.partition(from)).collect();
        if !names.is_empty() {
            faults.push(PartitionFault::Missing {
                table: table.name,
                names,
            });
        }
    }
    let over = &partitions[..passed(partitions, before)];
    // The past alone stays.
    if over.len() > 1 {
        let names = over.iter().map(|partition| partition.name.clone()).collect();
        faults.push(PartitionFault::Overdue {
            table: table.name,
            names,
        });
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> UnixMs {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_missing_has_no_end_or_is_overdue_is_told() {
        let now = at("2026-11-30T10:00:00Z");
        let day = |n: i64| now.floor_to(UnixMs::DAY).plus_ms(n * UnixMs::DAY);
        let days = |from: i64, to: i64| {
            let past = Partition {
                name: SAMPLES.past(),
                from: None,
                to: Some(day(from)),
            };
            let rest = (from..to).map(|n| Partition {
                name: SAMPLES.partition(day(n)),
                from: Some(day(n)),
                to: Some(day(n + 1)),
            });
            std::iter::once(past).chain(rest).collect::<Vec<_>>()
        };
        let faults = |partitions: &[Partition]| faults_of(&SAMPLES, partitions, day(-8), now);
        assert_eq!(faults(&days(-7, 3)), []);
        assert_eq!(faults(&days(-7, 2)), [], "the hourly job has its hour");
        let table = "samples";
        let names = vec!["samples_20261201".to_owned()];
        assert_eq!(faults(&days(-7, 1)), [PartitionFault::Missing { table, names }]);
        let names = vec!["samples_past".to_owned(), "samples_20261121".to_owned()];
        assert_eq!(faults(&days(-9, 3)), [PartitionFault::Overdue { table, names }]);
        assert_eq!(faults(&days(-8, 3)), [], "the past alone stays");
        let mut endless = days(-7, -7);
        endless[0].to = None;
        assert_eq!(faults(&endless), [PartitionFault::Endless { table }]);
        assert!(matches!(&faults(&[])[..], [PartitionFault::Missing { .. }]));
    }
}
