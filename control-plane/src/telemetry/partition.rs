//! PostgreSQL's tables of readings by time: which there should be, and which have passed.
//!
//! | table | by | a partition is |
//! |---|---|---|
//! | `samples` | `at` | a UTC day |
//! | `sample_chunks` | `hour` | a UTC day; a chunk never goes beyond it |
//! | `packed_hours` | `day` | a week from Monday on: months of days would be a hundred tables for every question to look into |
//!
//! Each is named after its first day (`samples_20261130`), and the first of all is `samples_past`: everything before
//! the days that have a table of their own. They follow each other without a gap, from the beginning of time to some days
//! ahead, so that **every reading has its place**: a late one, be it of long ago, in its day or in the past; one of a host
//! whose clock is ahead in the days ahead, for ingest takes nothing that is more than a day ahead. There is no default
//! partition: making the table of a day would have to look through it, under a lock that stops everybody, and would
//! fail for ever as soon as one reading of that day is in it.
//!
//! - **Made ahead** at the start, every hour, and by the writer before it stores a reading beyond what there is
//!   (`prepare`). A table is made apart and then attached, which waits for nobody and makes nobody wait. Several
//!   control planes take turns by an advisory lock, and look again when it is theirs.
//! - **After an upgrade or a restore** everything lies in the past, which is then without an end. The next
//!   `prepare` gives it one, some days ahead; nothing is moved, and who reads or writes goes on while the table is read for it
//!   (`store/partition/ending`).
//! - **After a long absence** one table takes the whole gap but its last days.
//! - **Passed** is a partition whose end every org's retention has passed: it is dropped, and the past reaches up to the
//!   first that stays. An org that keeps less has its rows deleted inside of the others'; what comes late into
//!   the past is deleted there.
//! - **Fails how**: dropping, and giving the past its end, need a lock that readers hold while they read, for hours
//!   when somebody makes a backup. It is given up after seconds, because everybody else waits behind it, and
//!   comes again in an hour. Nothing is lost: the readings lie where they were.

use muster_base::UnixMs;
use tracing::warn;

use super::{keeping::KeptDays, store};
use crate::{
    app::App,
    db::{Db, DbError},
};

/// Partitions that there are beyond the present one.
const AHEAD: i64 = 2;
/// Partitions that are made of days that are over; what is before them is one.
const BEHIND: i64 = 31;
const WEEK: i64 = 7 * UnixMs::DAY;
/// A Monday.
const FIRST_MONDAY: UnixMs = UnixMs(4 * UnixMs::DAY);

/// A table of readings that has partitions.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    /// The time that it is divided by.
    pub(super) column: &'static str,
    width_ms: i64,
    /// Parameters of its partitions' storage; why, the step that made the first of them says.
    pub(super) storage: &'static str,
}

/// Samples, as they come.
pub(super) static SAMPLES: Table = Table {
    name: "samples",
    column: "at",
    width_ms: UnixMs::DAY,
    storage: "autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 50000, \
        autovacuum_vacuum_insert_threshold = -1",
};
/// Samples, sealed.
pub(super) static CHUNKS: Table = Table {
    name: "sample_chunks",
    column: "hour",
    width_ms: UnixMs::DAY,
    storage: "autovacuum_vacuum_scale_factor = 0.05, toast.autovacuum_vacuum_scale_factor = 0.05",
};
/// Hours, packed.
pub(super) static PACKED: Table = Table {
    name: "packed_hours",
    column: "day",
    width_ms: WEEK,
    storage: "autovacuum_vacuum_scale_factor = 0.05, toast.autovacuum_vacuum_scale_factor = 0.05",
};

impl Table {
    /// The start of the partition that a time is in.
    pub(super) fn start_of(&self, at: UnixMs) -> UnixMs {
        if self.width_ms == WEEK {
            at.plus_ms(-FIRST_MONDAY.0).floor_to(WEEK).plus_ms(FIRST_MONDAY.0)
        } else {
            at.floor_to(self.width_ms)
        }
    }

    /// The end of the partition that a time is in.
    pub(super) fn end_of(&self, at: UnixMs) -> UnixMs {
        self.start_of(at).plus_ms(self.width_ms)
    }

    /// Up to when there is to be a partition for everything.
    pub(super) fn wanted(&self, now: UnixMs) -> UnixMs {
        self.end_of(now).plus_ms(AHEAD * self.width_ms)
    }

    /// What a partition that begins then is called.
    pub(super) fn partition(&self, from: UnixMs) -> String {
        let day: String = from
            .to_string()
            .chars()
            .take_while(|c| *c != 'T')
            .filter(char::is_ascii_digit)
            .collect();
        format!("{}_{day}", self.name)
    }

    /// What the first partition is called.
    pub(super) fn past(&self) -> String {
        format!("{}_past", self.name)
    }

    /// The partitions that are missing when those that there are end at `end`.
    pub(super) fn missing(&self, end: UnixMs, now: UnixMs) -> Vec<(UnixMs, UnixMs)> {
        let gap = self.start_of(now).plus_ms(-BEHIND * self.width_ms);
        let mut from = end;
        let mut missing = Vec::new();
        if from < gap {
            missing.push((from, gap));
            from = gap;
        }
        while from < self.wanted(now) {
            let to = self.end_of(from);
            missing.push((from, to));
            from = to;
        }
        missing
    }
}

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Partition {
    pub(super) name: String,
    /// None: from the beginning of time on.
    pub(super) from: Option<UnixMs>,
    /// The first moment after it. None: it has no end.
    pub(super) to: Option<UnixMs>,
}

impl Partition {
    /// From its name and from how PostgreSQL writes what is in it: `FOR VALUES FROM ('1') TO (MAXVALUE)`.
    pub(super) fn read(name: String, bounds: &str) -> Result<Self, DbError> {
        let read = || {
            let (from, to) = bounds.strip_prefix("FOR VALUES FROM (")?.split_once(") TO (")?;
            let to = to.strip_suffix(')')?;
            let bound = |text: &str, end: &str| {
                let number = || text.trim_matches('\'').parse().ok().map(UnixMs);
                if text == end {
                    Some(None)
                } else {
                    number().map(Some)
                }
            };
            Some((bound(from, "MINVALUE")?, bound(to, "MAXVALUE")?))
        };
        let (from, to) = read()
            .ok_or_else(|| DbError::Corrupt(format!("the bounds of the partition {name}: {bounds}")))?;
        Ok(Self { name, from, to })
    }
}

/// How many of a table's partitions, which come in order, have passed before a time.
pub(super) fn passed(partitions: &[Partition], before: UnixMs) -> usize {
    let is_over = |partition: &&Partition| partition.to.is_some_and(|to| to <= before);
    partitions.iter().take_while(is_over).count()
}

/// Makes the partitions that there should be now, and gives the past its end.
pub(super) async fn prepare(db: &Db, now: UnixMs) -> Result<(), DbError> {
    for table in [&SAMPLES, &CHUNKS, &PACKED] {
        if !store::partition::is_prepared(db, table, now).await? {
            store::partition::prepare(db, table, now).await?;
        }
    }
    Ok(())
}

/// Makes what is missing, and leaves to a task what takes longer: the first start after an upgrade reads tables.
pub(super) async fn start(app: &App) {
    let (db, now) = (&app.telemetry_db, app.clock.now());
    let mut is_slow = false;
    for table in [&SAMPLES, &CHUNKS, &PACKED] {
        is_slow |= said(store::partition::is_slow(db, table).await).unwrap_or(false);
    }
    if !is_slow {
        try_to_prepare(db, now).await;
        return;
    }
    try_to_make_room(db, now).await;
    let task = app.clone();
    app.tasks.spawn("partitions of readings", async move {
        let prepare = try_to_prepare(&task.telemetry_db, now);
        // Broken off at any point, it goes on at the next start.
        task.tasks.stopping().run_until_cancelled(prepare).await;
    });
}

/// As [`prepare`], where it must not stop what is more important; what is missing is made later.
pub(super) async fn try_to_prepare(db: &Db, now: UnixMs) {
    said(prepare(db, now).await);
}

/// Makes what is missing for readings of now, and waits for no lock that readers hold. Says up to when there is room, as
/// far as it is known.
pub(super) async fn try_to_make_room(db: &Db, now: UnixMs) -> Option<UnixMs> {
    let make = async || -> Result<UnixMs, DbError> {
        let mut covered = UnixMs(i64::MAX);
        for table in [&SAMPLES, &CHUNKS, &PACKED] {
            let room = if let Some(room) = store::partition::room(db, table, now).await? {
                room
            } else {
                store::partition::make_room(db, table, now).await?;
                table.wanted(now)
            };
            covered = covered.min(room);
        }
        Ok(covered)
    };
    said(make().await)
}

fn said<T>(made: Result<T, DbError>) -> Option<T> {
    made.inspect_err(|cause| {
        warn!(
            error = cause as &dyn std::error::Error,
            "the tables of the next days' readings are not made yet; it is tried again"
        );
    })
    .ok()
}

/// Drops the partitions that hold only what nobody keeps any more.
pub(super) async fn drop_passed(db: &Db, longest: KeptDays, now: UnixMs) {
    let before = |days: u32| now.plus_ms(-UnixMs::DAY * i64::from(days));
    for (table, days) in [
        (&SAMPLES, longest.raw),
        (&CHUNKS, longest.raw),
        (&PACKED, longest.hour),
    ] {
        if let Err(cause) = store::partition::drop_passed(db, table, before(days), now).await {
            warn!(
                table = table.name,
                error = &cause as &dyn std::error::Error,
                "old readings are not dropped while somebody reads the table; it is tried again in an hour"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> UnixMs {
        text.parse().unwrap()
    }

    #[test]
    fn partitions_are_days_and_weeks_from_monday_on() {
        let monday = at("2026-11-30T00:00:00Z");
        for time in ["2026-11-30T00:00:00Z", "2026-12-06T23:59:59.999Z"] {
            assert_eq!(PACKED.start_of(at(time)), monday, "{time}");
        }
        assert_eq!(PACKED.end_of(monday), at("2026-12-07T00:00:00Z"));
        assert_eq!(SAMPLES.start_of(at("2026-11-30T23:59:59.999Z")), monday);
        assert_eq!(SAMPLES.partition(monday), "samples_20261130");
        assert_eq!(CHUNKS.past(), "sample_chunks_past");
    }

    #[test]
    fn what_is_missing_follows_what_there_is_without_a_gap() {
        let now = at("2026-11-30T10:00:00Z");
        let day = |text: &str| at(&format!("{text}T00:00:00Z"));
        assert_eq!(
            SAMPLES.missing(day("2026-12-01"), now),
            [
                (day("2026-12-01"), day("2026-12-02")),
                (day("2026-12-02"), day("2026-12-03"))
            ]
        );
        assert_eq!(SAMPLES.missing(day("2026-12-03"), now), []);
        assert_eq!(SAMPLES.missing(day("2050-01-01"), now), []);
        // Away for years: one for the gap, then a month of days.
        let many = SAMPLES.missing(day("2020-01-01"), now);
        assert_eq!(many.len(), 1 + 31 + 3);
        assert_eq!(many[0], (day("2020-01-01"), day("2026-10-30")));
        assert!(many.windows(2).all(|two| two[0].1 == two[1].0));
        // A gap that ends in the middle of a week goes on by whole ones.
        let weeks = PACKED.missing(day("2026-12-03"), now);
        assert_eq!(weeks[0], (day("2026-12-03"), day("2026-12-07")));
        assert_eq!(weeks.last().unwrap().1, day("2026-12-21"));
    }

    #[test]
    fn bounds_are_read_as_postgres_writes_them() {
        let read = |bounds: &str| Partition::read("p".into(), bounds);
        let past = read("FOR VALUES FROM (MINVALUE) TO ('1780012800000')").unwrap();
        assert_eq!((past.from, past.to), (None, Some(UnixMs(1_780_012_800_000))));
        let old = read("FOR VALUES FROM ('-5') TO (MAXVALUE)").unwrap();
        assert_eq!((old.from, old.to), (Some(UnixMs(-5)), None));
        for strange in ["DEFAULT", "FOR VALUES IN ('1')", "FOR VALUES FROM ('x') TO ('1')"] {
            assert!(read(strange).is_err(), "{strange}");
        }
    }

    #[test]
    fn only_what_ends_in_time_has_passed() {
        let bounds = [(None, Some(10)), (Some(10), Some(20)), (Some(20), None)];
        let partitions = bounds.map(|(from, to)| Partition {
            name: String::new(),
            from: from.map(UnixMs),
            to: to.map(UnixMs),
        });
        for (before, count) in [(9, 0), (10, 1), (19, 1), (20, 2), (i64::MAX, 2)] {
            assert_eq!(passed(&partitions, UnixMs(before)), count, "{before}");
        }
    }
}
