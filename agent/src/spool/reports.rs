//! The spool as the link sees it: batch after batch, until each is acknowledged.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::future::{BoxFuture, FutureExt as _};
use muster_base::{Clock, UnixMs, point};
use muster_metrics::{Period, Sample, encode_rollups, frame};
use muster_protocol::{
    CONTINUED_REPORTS_SINCE, VERSIONS,
    latest::{AgentConfig, ContainerFacts, Report},
};
use redb::ReadableDatabase as _;
use tokio::sync::watch;

use super::{
    Spool, SpoolError,
    tables::{PENDING, ROLLUPS, SAMPLES},
};
use crate::{collect::ContainerDirectory, link::ReportSource};

/// A batch is complete when it has so many samples or bytes, which keeps it well below a frame's limit.
const MAX_SAMPLES: usize = 500;
const MAX_BYTES: usize = 256 * 1024;
/// …or when its samples would take so many if each were complete, as they are in the control plane's memory.
const MAX_COMPLETE_BYTES: usize = 4 * 1024 * 1024;
/// After a failed read of the spool.
const RETRY: Duration = Duration::from_secs(5);

/// Hands out what the spool keeps, and what the engine says of the containers.
#[derive(Debug)]
pub struct Reports {
    spool: Spool,
    directory: ContainerDirectory,
    config: watch::Receiver<AgentConfig>,
    clock: Clock,
    session: Mutex<Session>,
}

/// How far the present session has come.
#[derive(Debug, Default)]
struct Session {
    next_batch: u64,
    sent_sample: u64,
    /// Whether a report may begin with a difference from the one before it…
    continues: bool,
    /// …which ended with this.
    last: Option<Sample>,
    sent_version: u64,
    sent_facts: Option<Arc<[ContainerFacts]>>,
    on_the_way: BTreeMap<u64, Sent>,
}

#[derive(Debug, Default)]
struct Sent {
    through_sample: u64,
    versions: Vec<u64>,
    stored: bool,
}

/// A batch in the making.
#[derive(Default)]
struct Batch {
    samples: frame::Encoder,
    rollups: Vec<(Period, UnixMs, String, Vec<u8>)>,
    bytes: usize,
    sent: Sent,
}

impl Reports {
    /// Reports from `spool` and `directory`; `config` says how many samples travel together.
    pub fn new(
        spool: Spool,
        directory: ContainerDirectory,
        config: watch::Receiver<AgentConfig>,
        clock: Clock,
    ) -> Self {
        let reports = Self {
            spool,
            directory,
            config,
            clock,
            session: Mutex::default(),
        };
        reports.begin_session(VERSIONS.0);
        reports
    }

    /// The next batch, if there is enough for one.
    pub fn try_next(&self) -> Result<Option<Report>, SpoolError> {
        let mut session = self.session();
        let facts = self.directory.facts();
        let new_facts = facts.is_some() && facts != session.sent_facts;
        let batch = self.gather(&session)?;
        let together = usize::from(self.config.borrow().samples_per_report);
        let samples = batch.sent.through_sample.saturating_sub(session.sent_sample);
        let enough = usize::try_from(samples).unwrap_or(usize::MAX) >= together.max(1);
        if !enough && batch.rollups.is_empty() && !new_facts {
            return Ok(None);
        }
        let number = session.next_batch;
        session.next_batch += 1;
        session.sent_sample = session.sent_sample.max(batch.sent.through_sample);
        session.sent_version = batch
            .sent
            .versions
            .last()
            .copied()
            .unwrap_or(session.sent_version);
        session.on_the_way.insert(number, batch.sent);
        let (samples, last) = batch.samples.finish_with_last();
        if session.continues {
            session.last = last;
        }
        point!("spool.handed-out");
        let rollups = batch
            .rollups
            .iter()
            .map(|(period, start, subject, body)| (*period, *start, subject.as_str(), body.as_slice()));
        let report = Report {
            batch: number,
            samples,
            rollups: encode_rollups(rollups),
            containers: facts.as_deref().filter(|_| new_facts).map(<[_]>::to_vec),
        };
        if new_facts {
            session.sent_facts = facts;
        }
        Ok(Some(report))
    }

    fn gather(&self, session: &Session) -> Result<Batch, SpoolError> {
        let mut batch = Batch {
            samples: frame::Encoder::after(session.last.clone()),
            ..Batch::default()
        };
        let read = self.spool.0.database.begin_read()?;
        let rollups = read.open_table(ROLLUPS)?;
        for entry in read.open_table(PENDING)?.range(session.sent_version + 1..)? {
            let (version, key) = entry?;
            let (period, start, subject) = key.value();
            let known = !self.spool.state().acknowledged_rollups.contains(&version.value());
            if let (Some(row), Some(period), true) =
                (rollups.get(key.value())?, Period::from_code(period), known)
            {
                let (_, body) = row.value();
                batch.bytes += body.len();
                batch
                    .rollups
                    .push((period, UnixMs(start), subject.to_owned(), body.to_vec()));
                batch.sent.versions.push(version.value());
            }
            if batch.bytes >= MAX_BYTES {
                break;
            }
        }
        let begin = session.sent_sample.max(self.spool.state().acknowledged) + 1;
        let mut complete = 0;
        for (count, entry) in read.open_table(SAMPLES)?.range(begin..)?.enumerate() {
            let full = batch.bytes + batch.samples.len() >= MAX_BYTES || complete >= MAX_COMPLETE_BYTES;
            if count >= MAX_SAMPLES || full {
                break;
            }
            let (number, row) = entry?;
            let (_, bytes) = row.value();
            complete += bytes.len();
            batch.samples.push(frame::decode_one(bytes)?);
            batch.sent.through_sample = number.value();
        }
        Ok(batch)
    }

    async fn wait(&self) -> Report {
        let mut written = self.spool.0.written.subscribe();
        let mut facts = self.directory.subscribe();
        let mut config = self.config.clone();
        loop {
            written.mark_unchanged();
            facts.mark_unchanged();
            match self.try_next() {
                Ok(Some(report)) => return report,
                Ok(None) => {}
                Err(error) => {
                    tracing::error!("no reports can be sent: {error}");
                    tokio::time::sleep(self.clock.real_duration(RETRY)).await;
                    continue;
                }
            }
            // None of the senders is gone before the agent stops; then nobody waits here any more.
            tokio::select! {
                Ok(()) = written.changed() => {}
                Ok(()) = facts.changed() => {}
                Ok(()) = config.changed() => {}
                else => std::future::pending().await,
            }
        }
    }

    /// Reports may be stored, and so acknowledged, out of order; samples are forgotten in order, by number.
    fn acknowledge(&self, batch: u64) {
        let mut session = self.session();
        let Some(sent) = session.on_the_way.get_mut(&batch) else {
            return;
        };
        sent.stored = true;
        let versions = std::mem::take(&mut sent.versions);
        let mut through_sample = 0;
        while let Some(entry) = session
            .on_the_way
            .first_entry()
            .filter(|entry| entry.get().stored)
        {
            through_sample = through_sample.max(entry.remove().through_sample);
        }
        drop(session);
        point!("spool.acknowledged.before");
        let mut state = self.spool.state();
        state.acknowledged = state.acknowledged.max(through_sample);
        state.acknowledged_rollups.extend(versions);
        drop(state);
        point!("spool.acknowledged.after");
    }

    fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ReportSource for Reports {
    fn begin_session(&self, version: u16) {
        *self.session() = Session {
            sent_sample: self.spool.state().acknowledged,
            continues: version >= CONTINUED_REPORTS_SINCE,
            ..Session::default()
        };
    }

    fn next(&self) -> BoxFuture<'_, Report> {
        self.wait().boxed()
    }

    fn acknowledged(&self, batch: u64) -> BoxFuture<'_, ()> {
        self.acknowledge(batch);
        std::future::ready(()).boxed()
    }
}
