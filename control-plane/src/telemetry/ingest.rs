//! The way in: one bounded channel, one writer.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use muster_base::{HostId, OrgId, UnixMs, effect, point};
use muster_metrics::Period;
use muster_protocol::latest::Report;
use tokio::{
    sync::{Notify, mpsc, oneshot},
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::{
    IngestError,
    latest::Newest,
    partition,
    report::{HostReport, LastSample, RollupRow, SampleRow},
    store::{container, rollup, sample},
};
use crate::{
    app::{App, Figure},
    db::{Db, DbError},
    in_tx,
};

/// Reports that wait for the writer, over all agents.
const QUEUE: usize = 256;
/// A transaction takes what comes in so long a time…
const BATCH_TIME: Duration = Duration::from_millis(250);
/// …or so many samples.
const BATCH_SAMPLES: usize = 4_096;
const RETRY_MIN: Duration = Duration::from_millis(250);
const RETRY_MAX: Duration = Duration::from_secs(10);

/// A report that was read, and waits to be stored.
#[derive(Debug)]
pub struct ReadReport(HostReport);

impl ReadReport {
    /// Reads a host's next report on a stream; `last` is what the stream's reports before it ended with.
    pub fn new(org: OrgId, host: HostId, report: Report, last: &mut LastSample) -> Result<Self, IngestError> {
        Ok(Self(HostReport::read(org, host, report, last)?))
    }
}

/// Takes reports in. Cheap to clone; clones share the channel.
#[derive(Debug, Clone)]
pub struct Ingest(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    queue: mpsc::Sender<Job>,
    /// Taken by the writer when it starts.
    queued: Mutex<Option<mpsc::Receiver<Job>>>,
    latest: Newest,
    /// Hosts that may have an hour to seal.
    to_seal: Mutex<BTreeSet<HostId>>,
    seal: Notify,
    samples: AtomicU64,
    rollups: AtomicU64,
    batches: AtomicU64,
    left_out: AtomicU64,
    /// Up to when every reading has its place in the database, as far as is known.
    covered: AtomicI64,
}

#[derive(Debug)]
struct Job {
    report: HostReport,
    stored: oneshot::Sender<Result<(), IngestError>>,
}

impl Default for Ingest {
    fn default() -> Self {
        let (queue, queued) = mpsc::channel(QUEUE);
        Self(Arc::new(Inner {
            queue,
            queued: Mutex::new(Some(queued)),
            latest: Newest::default(),
            to_seal: Mutex::default(),
            seal: Notify::new(),
            samples: AtomicU64::new(0),
            rollups: AtomicU64::new(0),
            batches: AtomicU64::new(0),
            left_out: AtomicU64::new(0),
            covered: AtomicI64::new(i64::MIN),
        }))
    }
}

impl Ingest {
    /// Stores a report that is complete in itself.
    #[cfg(test)]
    pub async fn submit(&self, org: OrgId, host: HostId, report: Report) -> Result<(), IngestError> {
        let report = ReadReport::new(org, host, report, &mut LastSample::default())?;
        self.store(report).await
    }

    /// Stores a host's report; answers when it is committed. Waits while the database is slow or away, so whoever
    /// calls this for a session must not read on before it has answered. Dropping the future does not lose a report
    /// that is queued already; its agent sends it again, which is harmless.
    pub async fn store(&self, ReadReport(report): ReadReport) -> Result<(), IngestError> {
        let (stored, committed) = oneshot::channel();
        let job = Job { report, stored };
        self.0.queue.send(job).await.map_err(|_| IngestError::Stopping)?;
        committed.await.unwrap_or(Err(IngestError::Stopping))
    }

    /// What is known of each host's present state.
    pub(super) fn latest(&self) -> &Newest {
        &self.0.latest
    }

    /// The hosts that may have something to seal or pack, each once; waits until there are some.
    pub(super) async fn hosts_to_seal(&self) -> BTreeSet<HostId> {
        loop {
            let hosts = std::mem::take(&mut *self.0.to_seal.lock().unwrap_or_else(PoisonError::into_inner));
            if !hosts.is_empty() {
                return hosts;
            }
            self.0.seal.notified().await;
        }
    }

    /// Has these hosts looked at by the sealing task.
    pub(super) fn want_seal(&self, hosts: impl IntoIterator<Item = HostId>) {
        let mut to_seal = self.0.to_seal.lock().unwrap_or_else(PoisonError::into_inner);
        to_seal.extend(hosts);
        drop(to_seal);
        self.0.seal.notify_one();
    }

    /// This room's own figures.
    pub fn figures(&self) -> Vec<Figure> {
        let figure = |name, help, value: u64| Figure {
            name,
            help,
            value: value as f64,
        };
        let waiting = self.0.queue.max_capacity() - self.0.queue.capacity();
        vec![
            figure(
                "muster_ingest_samples_total",
                "Samples received and committed, repeats included",
                self.0.samples.load(Ordering::Relaxed),
            ),
            figure(
                "muster_ingest_rollups_total",
                "Rollups received and committed, repeats included",
                self.0.rollups.load(Ordering::Relaxed),
            ),
            figure(
                "muster_ingest_transactions_total",
                "Transactions that stored reports",
                self.0.batches.load(Ordering::Relaxed),
            ),
            figure(
                "muster_ingest_left_out_total",
                "Samples and rollups of an impossible time, which are not stored",
                self.0.left_out.load(Ordering::Relaxed),
            ),
            figure(
                "muster_ingest_waiting",
                "Reports that wait for the database",
                waiting as u64,
            ),
        ]
    }

    /// Readings that can't be true are not stored, and acknowledged all the same: they would not become truer.
    fn leave_out_impossible(&self, jobs: &mut [Job], now: UnixMs) {
        for report in jobs.iter_mut().map(|job| &mut job.report) {
            let count = report.leave_out_impossible(now);
            if count > 0 {
                self.0.left_out.fetch_add(count as u64, Ordering::Relaxed);
                warn!(host.id = %report.host, count, "readings of an impossible time are left out: set the host's clock");
            }
        }
    }

    /// Sees to it that the newest reading of a batch has its place. It has, but after days in which the hourly job failed.
    async fn make_room(&self, db: &Db, jobs: &[Job], now: UnixMs) {
        let samples = jobs.iter().flat_map(|job| &job.report.samples);
        let newest = samples.map(|row| row.at.0).max();
        if newest.is_some_and(|newest| newest >= self.0.covered.load(Ordering::Relaxed))
            && let Some(covered) = partition::try_to_make_room(db, now).await
        {
            self.0.covered.store(covered.0, Ordering::Relaxed);
        }
    }

    fn stored(&self, jobs: &[Job], now: UnixMs) {
        self.0.batches.fetch_add(1, Ordering::Relaxed);
        let mut to_seal = Vec::new();
        for HostReport {
            org,
            host,
            samples,
            newest,
            rollups,
            ..
        } in jobs.iter().map(|job| &job.report)
        {
            self.0.samples.fetch_add(samples.len() as u64, Ordering::Relaxed);
            self.0.rollups.fetch_add(rollups.len() as u64, Ordering::Relaxed);
            if !rollups.is_empty() {
                to_seal.push(*host);
            }
            let Some(newest) = newest else { continue };
            let latest = self.0.latest.update(*org, *host, newest, now);
            let oldest = samples.iter().map(|row| row.at).min();
            if oldest.is_some_and(|oldest| hour(oldest) < hour(latest.newest))
                || latest
                    .before
                    .is_some_and(|before| hour(before) < hour(latest.newest))
            {
                to_seal.push(*host);
            }
        }
        if !to_seal.is_empty() {
            self.want_seal(to_seal);
        }
    }
}

fn hour(at: UnixMs) -> UnixMs {
    Period::Hour.start_of(at)
}

/// Starts the writer.
pub(super) fn start(app: &App) {
    let queued = app
        .ingest
        .0
        .queued
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    let Some(mut queued) = queued else { return };
    let (task, stop) = (app.clone(), app.tasks.stopping());
    app.tasks.keep("ingest", async move {
        while let Some(Some(first)) = stop.run_until_cancelled(queued.recv()).await {
            let mut jobs = gather(first, &mut queued).await;
            task.ingest.leave_out_impossible(&mut jobs, task.clock.now());
            store(&task, jobs, &stop).await;
        }
        // Whoever waits hears that nothing more is stored.
        queued.close();
    });
}

async fn gather(first: Job, queued: &mut mpsc::Receiver<Job>) -> Vec<Job> {
    let end = Instant::now() + BATCH_TIME;
    let mut samples = first.report.samples.len();
    let mut jobs = vec![first];
    while samples < BATCH_SAMPLES {
        let Ok(Some(job)) = timeout_at(end, queued.recv()).await else {
            break;
        };
        samples += job.report.samples.len();
        jobs.push(job);
    }
    jobs
}

/// Stores a batch and answers everyone in it. While the database is away it is tried again; what the database
/// refuses is tried report by report, so that one can't keep the others out.
async fn store(app: &App, jobs: Vec<Job>, stop: &CancellationToken) {
    let mut wait = RETRY_MIN;
    loop {
        let written = if effect!("ingest.write") {
            app.ingest
                .make_room(&app.telemetry_db, &jobs, app.clock.now())
                .await;
            write(&app.telemetry_db, &jobs, app.clock.now()).await
        } else {
            Ok(())
        };
        if written.is_err() {
            // Whatever it is, look anew whether there is a place for what is to be stored.
            app.ingest.0.covered.store(i64::MIN, Ordering::Relaxed);
        }
        match written {
            Ok(()) => {
                app.ingest.stored(&jobs, app.clock.now());
                for job in jobs {
                    // Nobody waits any more if the session has ended: its agent will send again.
                    job.stored.send(Ok(())).ok();
                }
                point!("ingest.answered");
                return;
            }
            Err(DbError::Unavailable(cause)) => {
                warn!(
                    error = &cause as &dyn std::error::Error,
                    "reports wait for the database"
                );
                if stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_none() {
                    return;
                }
                wait = (wait * 2).min(RETRY_MAX);
            }
            Err(cause) if jobs.len() == 1 => {
                for job in jobs {
                    error!(
                        host.id = %job.report.host,
                        error = &cause as &dyn std::error::Error,
                        "a report can't be stored"
                    );
                    job.stored.send(Err(IngestError::Refused)).ok();
                }
                return;
            }
            Err(_) => {
                for job in jobs {
                    Box::pin(store(app, vec![job], stop)).await;
                }
                return;
            }
        }
    }
}

async fn write(db: &Db, jobs: &[Job], now: UnixMs) -> Result<(), DbError> {
    let (samples, rollups) = (sample_rows(jobs), rollup_rows(jobs));
    in_tx!(db, |tx| {
        sample::insert(tx, &samples).await?;
        rollup::upsert(tx, &rollups).await?;
        for report in jobs.iter().map(|job| &job.report) {
            if let Some(facts) = &report.containers {
                container::replace(tx, report.org, report.host, facts, now).await?;
            }
        }
    });
    Ok(())
}

fn sample_rows(jobs: &[Job]) -> Vec<(OrgId, HostId, &SampleRow)> {
    let reports = jobs.iter().map(|job| &job.report);
    reports
        .flat_map(|report| report.samples.iter().map(|row| (report.org, report.host, row)))
        .collect()
}

/// Each once, also when a host sent it twice in a batch: of two versions the fuller.
fn rollup_rows(jobs: &[Job]) -> BTreeMap<rollup::Key<'_>, (OrgId, &RollupRow)> {
    let mut rows: BTreeMap<rollup::Key<'_>, (OrgId, &RollupRow)> = BTreeMap::new();
    for report in jobs.iter().map(|job| &job.report) {
        for ((period, start, subject), row) in &report.rollups {
            let key = (report.host, *period, *start, subject.as_str());
            if rows.get(&key).is_none_or(|(_, known)| known.values < row.values) {
                rows.insert(key, (report.org, row));
            }
        }
    }
    rows
}
