//! One simulated agent: takes samples at round times, and keeps a session up.

use crate::books::Books;
use crate::gate::Gate;
use crate::join::Host;
use crate::memory::Memory;
use crate::orders::{Deed, Journal, Started};
use crate::readings::Readings;
use crate::release::Release;
use crate::session;
use muster_base::{Clock, HostId, UnixMs, random_array};
use muster_protocol::latest::AgentConfig;
use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, mpsc};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// As the agent's back-off.
const BACKOFF_FIRST: Duration = Duration::from_secs(1);
const BACKOFF_LIMIT: Duration = Duration::from_secs(30);

pub(crate) struct Agent {
    pub(crate) host: Host,
    pub(crate) gate: Gate,
    pub(crate) clock: Clock,
    pub(crate) memory: Memory,
    pub(crate) books: Books,
    pub(crate) journal: Journal,
    /// What it is an agent of.
    pub(crate) release: Release,
    pub(crate) config: watch::Sender<AgentConfig>,
    pub(crate) shared: Arc<Shared>,
}

/// What all agents have in common.
#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) connected: AtomicUsize,
    /// Ends the sampling.
    pub(crate) enough: CancellationToken,
    pub(crate) stop: CancellationToken,
    waits: Mutex<Vec<Duration>>,
    started: Mutex<Vec<Started>>,
    broken: Mutex<HashSet<HostId>>,
    /// How long a deploy takes at most, in milliseconds.
    takes_ms: AtomicU64,
    /// Who hears of deeds.
    deeds: OnceLock<mpsc::Sender<Deed>>,
    refused: AtomicUsize,
    lost_sessions: Mutex<BTreeMap<String, usize>>,
}

impl Agent {
    pub(crate) async fn run(self: Arc<Self>, seed: u64) {
        tokio::select! {
            () = self.take_samples(seed) => {}
            () = self.keep_connected() => {}
            () = self.shared.stop.cancelled() => {}
        }
    }

    async fn take_samples(&self, seed: u64) {
        let mut readings = Readings::new(seed);
        let mut config = self.config.subscribe();
        while !self.shared.enough.is_cancelled() {
            let interval_ms = i64::from(config.borrow_and_update().sample_interval_s.max(1)) * UnixMs::SECOND;
            let now = self.clock.now();
            let next = now.floor_to(interval_ms).plus_ms(interval_ms);
            tokio::select! {
                () = self.shared.enough.cancelled() => {}
                _ = config.changed() => {}
                () = sleep(Duration::from_millis(next.ms_since(now).unsigned_abs())) => {
                    let sample = readings.sample(next);
                    self.books.take(&sample);
                    self.memory.take(sample);
                }
            }
        }
        // What was taken is still to be delivered.
        std::future::pending::<()>().await;
    }

    async fn keep_connected(&self) {
        let mut failures = 0;
        loop {
            if let Ok(ended) = session::run(self).await {
                failures = 0;
                self.shared.lost(&ended);
            }
            let bound = BACKOFF_FIRST
                .saturating_mul(1 << failures.min(8))
                .min(BACKOFF_LIMIT);
            failures += 1;
            sleep(bound.mul_f64(fraction())).await;
        }
    }
}

/// Anything between 0 and 1.
fn fraction() -> f64 {
    f64::from(u32::from_le_bytes(random_array())) / f64::from(u32::MAX)
}

impl Shared {
    pub(crate) fn set_takes(&self, most: Duration) {
        let ms = u64::try_from(most.as_millis()).unwrap_or(u64::MAX);
        self.takes_ms.store(ms, Ordering::Relaxed);
    }

    /// How long the next deploy takes: at least half of what it may.
    pub(crate) fn takes(&self) -> Duration {
        let most = Duration::from_millis(self.takes_ms.load(Ordering::Relaxed));
        most.mul_f64(f64::midpoint(1.0, fraction()))
    }

    pub(crate) fn deeds(&self) -> mpsc::Receiver<Deed> {
        let (told, heard) = mpsc::channel();
        // Whoever comes second hears nothing.
        drop(self.deeds.set(told));
        heard
    }

    pub(crate) fn tell(&self, deed: Deed) {
        if let Some(deeds) = self.deeds.get() {
            // Nobody may be listening any more.
            drop(deeds.send(deed));
        }
    }

    pub(crate) fn waited(&self, time: Duration) {
        lock(&self.waits).push(time);
    }

    pub(crate) fn started(&self, started: Started) {
        lock(&self.started).push(started);
    }

    pub(crate) fn break_deploys(&self, hosts: impl IntoIterator<Item = HostId>) {
        lock(&self.broken).extend(hosts);
    }

    pub(crate) fn mend_deploys(&self) {
        lock(&self.broken).clear();
    }

    /// Whether nothing new becomes healthy on the host.
    pub(crate) fn is_broken(&self, host: HostId) -> bool {
        lock(&self.broken).contains(&host)
    }

    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn take_waits(&self) -> Vec<Duration> {
        std::mem::take(&mut *lock(&self.waits))
    }

    pub(crate) fn orders(&self) -> Vec<Started> {
        lock(&self.started).clone()
    }

    pub(crate) fn refusals(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }

    fn lost(&self, why: &anyhow::Error) {
        *lock(&self.lost_sessions).entry(format!("{why:#}")).or_default() += 1;
    }

    /// How often sessions ended, by reason.
    pub(crate) fn losses(&self) -> BTreeMap<String, usize> {
        lock(&self.lost_sessions).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
