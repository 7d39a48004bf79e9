//! The hourly and daily cron triggers. They only wake: what is due is the recorder's to decide.
//!
//! The jobs are asked when they are next due, and slept until then in one go. The scheduler that would run them looks
//! at its jobs twice a second, which is most of what would ever wake an agent that has nothing to do.

use std::time::Duration;

use muster_base::{Clock, UnixMs};
use tokio::time::{Instant, sleep_until};
use tokio_cron_scheduler::{Job, JobSchedulerError};

const EVERY_HOUR: &str = "0 0 * * * *";
const EVERY_DAY: &str = "0 0 0 * * *";

/// Wakes whoever waits at the end of each hour and day.
#[derive(Debug)]
pub struct Triggers {
    clock: Clock,
    next: Instant,
}

impl Triggers {
    /// The first trigger is set for the end of this hour or day. On a fast clock the triggers come that much sooner.
    pub fn start(clock: &Clock) -> Self {
        let mut triggers = Self {
            clock: clock.clone(),
            next: Instant::now(),
        };
        triggers.again();
        triggers
    }

    /// Resolves when an hour or a day has probably ended, and goes on doing so until [`Triggers::again`].
    pub async fn due(&self) {
        sleep_until(self.next).await;
    }

    /// Sets the next trigger. A clock that was set meanwhile makes one come early or late, which costs nothing.
    pub fn again(&mut self) {
        let hour = Duration::from_millis(UnixMs::HOUR.unsigned_abs());
        let real = self.clock.real_duration(hour);
        let wait = if real == hour {
            let ends = [EVERY_HOUR, EVERY_DAY].map(|schedule| self.until(schedule));
            let next = ends.into_iter().filter_map(Result::ok).min();
            next.unwrap_or(hour)
        } else {
            real
        };
        self.next = Instant::now() + wait.max(Duration::from_secs(1));
    }

    fn until(&self, schedule: &str) -> Result<Duration, JobSchedulerError> {
        let next_s = Job::new(schedule, |_, _| {})?.job_data()?.next_tick;
        let next = UnixMs(
            i64::try_from(next_s)
                .unwrap_or(i64::MAX)
                .saturating_mul(UnixMs::SECOND),
        );
        let wait_ms = next.ms_since(self.clock.now()).max(0);
        Ok(Duration::from_millis(wait_ms.unsigned_abs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_next_hour_and_day_are_waited_for() {
        let clock = Clock::system();
        let triggers = Triggers::start(&clock);
        for (schedule, width) in [(EVERY_HOUR, UnixMs::HOUR), (EVERY_DAY, UnixMs::DAY)] {
            let now = clock.now();
            let expected = now.floor_to(width).plus_ms(width).ms_since(now);
            let wait = i64::try_from(triggers.until(schedule).unwrap().as_millis()).unwrap();
            // Should the hour end between the two looks, the next one is an hour away.
            let off = (wait - expected).abs();
            assert!(
                off < 2_000 || (off - width).abs() < 2_000,
                "{schedule}: {wait} {expected}"
            );
        }
        assert!(triggers.next <= Instant::now() + Duration::from_hours(1));
    }
}
