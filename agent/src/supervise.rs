//! What the service manager (systemd, `Type=notify`) is told of the agent.
//!
//! - **ready** once the rooms are started: readings are taken and kept. The control plane need not be reachable.
//! - **status**: how the link stands, as `muster-agent status` says it.
//! - **watchdog**: fed by a task on the agent's own runtime, and only while samples are finished ([`Pulse`]). A runtime
//!   that is stuck or a sampler that hangs lets the watchdog run out, and systemd starts the agent anew.
//!
//! Without a service manager nothing of this happens.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use muster_protocol::latest::AgentConfig;
use sd_notify::NotifyState;
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval},
};
use tracing::{debug, error};

use crate::{
    resident::Resident,
    status::{LinkState, Status},
};

/// Intervals without a finished sample after which the sampler counts as stuck…
const SILENT_INTERVALS: u32 = 3;
/// …and what a slow disk may take on top.
const SLOW_DISK: Duration = Duration::from_secs(30);

/// When the sampler last finished its work. Clones share it.
#[derive(Debug, Clone)]
pub struct Pulse(Arc<Mutex<Instant>>);

impl Default for Pulse {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }
}

impl Pulse {
    /// A sample was finished now.
    pub fn beat(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// How long ago the last one was.
    fn silence(&self) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }
}

/// Whether a sampler that was silent for so long is stuck.
fn is_stuck(silence: Duration, sample_interval: Duration) -> bool {
    silence > sample_interval * SILENT_INTERVALS + SLOW_DISK
}

/// The rooms are started: says so, and feeds the watchdog from now on if there is one.
pub(crate) fn started(resident: &Resident, config: watch::Receiver<AgentConfig>) {
    notify(&[NotifyState::Ready]);
    if let Some(limit) = sd_notify::watchdog_enabled() {
        let feeding = feed(resident.pulse.clone(), config, limit / 4);
        let stop = resident.stop.clone();
        resident
            .tasks
            .spawn(async move { stop.run_until_cancelled(feeding).await });
    }
}

async fn feed(pulse: Pulse, config: watch::Receiver<AgentConfig>, every: Duration) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let sample_interval = Duration::from_secs(config.borrow().sample_interval_s.into());
        if is_stuck(pulse.silence(), sample_interval) {
            error!("no sample is finished any more; the watchdog is left to run out");
        } else {
            notify(&[NotifyState::Watchdog]);
        }
    }
}

/// The link's state changed.
pub(crate) fn say(status: &Status) {
    let line = match (&status.link, &status.last_error) {
        (LinkState::Connected { .. }, _) => format!("connected to {} since {}", status.server, status.since),
        (LinkState::Connecting, None) => format!("connecting to {}", status.server),
        (LinkState::Connecting, Some(why)) => format!("offline since {}: {why}", status.since),
        (LinkState::Removed, _) => "this host was removed from the fleet".to_owned(),
        (LinkState::Stopped, _) => "stopped".to_owned(),
    };
    // A line is what the service manager shows.
    notify(&[NotifyState::Status(&line.replace('\n', " "))]);
}

/// The agent begins to stop.
pub(crate) fn stopping() {
    notify(&[NotifyState::Stopping]);
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        debug!(%error, "the service manager can't be told");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sampler_that_finishes_nothing_is_noticed_however_rarely_it_samples() {
        for interval in [1, 10, 300].map(Duration::from_secs) {
            assert!(!is_stuck(interval * 2, interval), "{interval:?}");
            assert!(
                is_stuck(interval * 3 + SLOW_DISK + interval, interval),
                "{interval:?}"
            );
        }
        assert!(!is_stuck(Pulse::default().silence(), Duration::from_secs(1)));
    }
}
