//! The tick: sleeps until the next sample is due, takes it, has it recorded.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use muster_base::{Clock, UnixMs};
use muster_protocol::latest::AgentConfig;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Collector;
use crate::{
    rollup::{Recorder, Triggers},
    supervise::Pulse,
};

/// Takes a sample every interval, until it is stopped.
pub struct Sampler {
    /// What reads.
    pub collector: Arc<Mutex<Collector>>,
    /// What keeps.
    pub recorder: Arc<Recorder>,
    /// Time of the samples.
    pub clock: Clock,
    /// How often.
    pub config: watch::Receiver<AgentConfig>,
    /// Beats when one is finished, whatever came of it.
    pub pulse: Pulse,
}

enum Wake {
    Sample,
    Close,
    Settings,
    Stop,
}

impl Sampler {
    /// Samples until `stop` is cancelled, then writes what memory knows better than the disk.
    pub async fn run(mut self, mut triggers: Triggers, stop: CancellationToken) {
        // The first reading is what the next one's rates are reckoned from.
        self.sample(UnixMs(i64::MIN)).await;
        let mut last = UnixMs(i64::MIN);
        loop {
            match self.wait(&triggers, &stop).await {
                Wake::Sample => self.sample_once(&mut last).await,
                Wake::Close => {
                    triggers.again();
                    // Both are due at the full hour, and the one must not take the other's place.
                    if last != UnixMs(i64::MIN) {
                        self.sample_once(&mut last).await;
                    }
                    self.record(Recorder::close_ended).await;
                }
                Wake::Settings => {}
                Wake::Stop => break,
            }
        }
        self.record(Recorder::flush).await;
    }

    /// Takes the sample that is due, unless it was taken.
    async fn sample_once(&self, last: &mut UnixMs) {
        // Times are multiples of the interval: charts line up and the times' column takes no room.
        let at = self.clock.now().floor_to(self.interval_ms());
        if at != *last {
            *last = at;
            self.sample(at).await;
        }
    }

    async fn wait(&mut self, triggers: &Triggers, stop: &CancellationToken) -> Wake {
        let interval_ms = self.interval_ms();
        let now = self.clock.now();
        let next = now.floor_to(interval_ms).plus_ms(interval_ms);
        let span = Duration::from_millis(next.ms_since(now).unsigned_abs());
        tokio::select! {
            () = stop.cancelled() => Wake::Stop,
            () = triggers.due() => Wake::Close,
            Ok(()) = self.config.changed() => Wake::Settings,
            () = tokio::time::sleep(self.clock.real_duration(span)) => Wake::Sample,
        }
    }

    fn interval_ms(&self) -> i64 {
        i64::from(self.config.borrow().sample_interval_s.clamp(1, 300)) * UnixMs::SECOND
    }

    /// Reads and records off the event loop: a slow disk must not hold up the network.
    async fn sample(&self, at: UnixMs) {
        let (collector, recorder) = (Arc::clone(&self.collector), Arc::clone(&self.recorder));
        let work = tokio::task::spawn_blocking(move || {
            let sample = collector
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .sample(at);
            if let Some(sample) = sample
                && let Err(error) = recorder.record(&sample)
            {
                tracing::error!(sample.at = %at, "a sample could not be kept: {error}");
            }
        });
        if let Err(error) = work.await {
            tracing::error!("a sample could not be taken: {error}");
        }
        self.pulse.beat();
    }

    async fn record(
        &self,
        work: impl FnOnce(&Recorder, UnixMs) -> Result<(), crate::spool::SpoolError> + Send + 'static,
    ) {
        let (recorder, now) = (Arc::clone(&self.recorder), self.clock.now());
        match tokio::task::spawn_blocking(move || work(&recorder, now)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!("hours and days could not be closed: {error}"),
            Err(error) => tracing::error!("hours and days could not be closed: {error}"),
        }
    }
}
