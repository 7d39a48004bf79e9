//! Opening the file, and what is read from it.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use muster_base::{UnixMs, point};
use muster_metrics::{Period, RollupBody, Sample, Subject, frame};
use redb::{Database, DatabaseError, ReadableDatabase as _, ReadableTable as _};
use tokio::sync::watch;

use super::{
    SpoolError,
    tables::{ACCUMULATORS, ACKNOWLEDGED, CHECKPOINT, META, OPEN_DAYS, PENDING, ROLLUPS, SAMPLES, VERSION},
};
use crate::rollup::Accumulators;

/// The file's pages are cached by the kernel already.
const CACHE_BYTES: usize = 128 * 1024;

/// The spool. Cheap to clone; clones share the file.
#[derive(Debug, Clone)]
pub struct Spool(pub(super) Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) database: Database,
    pub(super) state: Mutex<State>,
    /// Counts writes that put something in which may be sent.
    pub(super) written: watch::Sender<u64>,
}

/// What memory knows better than the file until the next write.
#[derive(Debug, Default)]
pub(super) struct State {
    /// The number of the newest sample.
    pub(super) last_sample: u64,
    /// Every sample up to this number is acknowledged.
    pub(super) acknowledged: u64,
    /// Acknowledged versions of rollups that the file still has as pending.
    pub(super) acknowledged_rollups: BTreeSet<u64>,
}

impl Spool {
    /// Opens or creates the file. One that is damaged is set aside and a new one begun.
    pub fn open(path: &Path) -> Result<Self, SpoolError> {
        match Self::open_sound(path) {
            Err(SpoolError::Open { path, source }) if is_damage(&source) => {
                let aside = path.with_extension("redb.damaged");
                tracing::error!(
                    spool.set_aside = %aside.display(),
                    "the spool is damaged, begins anew: {source}"
                );
                std::fs::rename(&path, aside).map_err(|source| SpoolError::SetAside {
                    path: path.clone(),
                    source,
                })?;
                Self::open_sound(&path)
            }
            opened => opened,
        }
    }

    fn open_sound(path: &Path) -> Result<Self, SpoolError> {
        let open = |error: DatabaseError| SpoolError::Open {
            path: PathBuf::from(path),
            source: Box::new(error.into()),
        };
        let database = Database::builder()
            .set_cache_size(CACHE_BYTES)
            .create(path)
            .map_err(open)?;
        let create = database.begin_write()?;
        create.open_table(SAMPLES)?;
        create.open_table(ROLLUPS)?;
        create.open_table(PENDING)?;
        create.open_table(OPEN_DAYS)?;
        create.open_table(ACCUMULATORS)?;
        let meta = create.open_table(META)?;
        let number = |name| Ok::<_, SpoolError>(meta.get(name)?.map_or(0, |number| number.value()));
        let acknowledged = number(ACKNOWLEDGED)?;
        let checkpoint = number(CHECKPOINT)?;
        number(VERSION)?;
        drop(meta);
        let newest = create
            .open_table(SAMPLES)?
            .last()?
            .map_or(0, |(number, _)| number.value());
        point!("spool.open.before-commit");
        create.commit()?;
        point!("spool.open.after-commit");
        Ok(Self(Arc::new(Inner {
            database,
            state: Mutex::new(State {
                last_sample: newest.max(acknowledged).max(checkpoint),
                acknowledged,
                acknowledged_rollups: BTreeSet::new(),
            }),
            written: watch::Sender::new(0),
        })))
    }

    /// The number of the newest sample that was ever kept; 0 before the first.
    pub fn last_sample(&self) -> u64 {
        self.state().last_sample
    }

    /// The open hours as of the last checkpoint, and the number of the last sample in them.
    pub fn checkpoint(&self) -> Result<(Accumulators, u64), SpoolError> {
        let read = self.0.database.begin_read()?;
        let mut accumulators = Accumulators::default();
        for entry in read.open_table(ACCUMULATORS)?.iter()? {
            let (key, body) = entry?;
            let (hour, subject) = key.value();
            let body = RollupBody::decode(body.value(), UnixMs(hour))?;
            accumulators.restore(UnixMs(hour), Subject::from_name(subject), body);
        }
        let checkpoint = read.open_table(META)?.get(CHECKPOINT)?;
        Ok((accumulators, checkpoint.map_or(0, |number| number.value())))
    }

    /// Calls `each` with every sample that is numbered higher, in order.
    pub fn for_each_sample_after(&self, number: u64, mut each: impl FnMut(Sample)) -> Result<(), SpoolError> {
        let read = self.0.database.begin_read()?;
        for entry in read.open_table(SAMPLES)?.range(number + 1..)? {
            let (_, kept) = entry?;
            let (_, bytes) = kept.value();
            each(frame::decode_one(bytes)?);
        }
        Ok(())
    }

    /// Whether a day has ended by `now` and is not closed.
    pub fn has_ended_day(&self, now: UnixMs) -> Result<bool, SpoolError> {
        let read = self.0.database.begin_read()?;
        let days = read.open_table(OPEN_DAYS)?;
        let first = days.first()?;
        Ok(first.is_some_and(|(start, _)| start.value() < Period::Day.start_of(now).0))
    }

    /// The newest sample's time, if any is kept.
    pub fn newest_time(&self) -> Result<Option<UnixMs>, SpoolError> {
        let read = self.0.database.begin_read()?;
        let samples = read.open_table(SAMPLES)?;
        let newest = samples.last()?;
        Ok(newest.map(|(_, kept)| UnixMs(kept.value().0)))
    }

    /// How many samples and rollups are kept that are not acknowledged.
    pub fn backlog(&self) -> Result<(u64, u64), SpoolError> {
        use redb::ReadableTableMetadata as _;
        let read = self.0.database.begin_read()?;
        let state = self.state();
        let samples = state.last_sample - state.acknowledged;
        let rollups = read.open_table(PENDING)?.len()?;
        Ok((
            samples,
            rollups.saturating_sub(state.acknowledged_rollups.len() as u64),
        ))
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the file's contents are at fault, rather than the disk or its permissions.
fn is_damage(error: &redb::Error) -> bool {
    match error {
        redb::Error::Corrupted(_) | redb::Error::RepairAborted => true,
        // A file that is not a redb file at all.
        redb::Error::Io(error) => error.kind() == std::io::ErrorKind::InvalidData,
        _ => false,
    }
}
