//! The hourly and daily cron triggers. They only wake: what is due is the recorder's to decide.

use std::{sync::Arc, time::Duration};

use muster_base::{Clock, UnixMs};
use tokio::sync::Notify;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

const EVERY_HOUR: &str = "0 0 * * * *";
const EVERY_DAY: &str = "0 0 0 * * *";

/// Wakes whoever waits at the end of each hour and day.
pub struct Triggers {
    scheduler: JobScheduler,
    due: Arc<Notify>,
}

impl Triggers {
    /// Starts the scheduler. On a fast clock the triggers come that much sooner.
    pub async fn start(clock: &Clock) -> Result<Self, JobSchedulerError> {
        let scheduler = JobScheduler::new().await?;
        let due = Arc::new(Notify::new());
        let hour = Duration::from_millis(UnixMs::HOUR.unsigned_abs());
        let jobs = if clock.real_duration(hour) == hour {
            vec![cron(EVERY_HOUR, &due)?, cron(EVERY_DAY, &due)?]
        } else {
            let period = clock.real_duration(hour).max(Duration::from_secs(1));
            let due = Arc::clone(&due);
            vec![Job::new_repeated(period, move |_, _| due.notify_one())?]
        };
        for job in jobs {
            scheduler.add(job).await?;
        }
        scheduler.start().await?;
        Ok(Self { scheduler, due })
    }

    /// Resolves when an hour or a day has probably ended.
    pub async fn due(&self) {
        self.due.notified().await;
    }

    /// Stops the scheduler's tasks.
    pub async fn stop(mut self) -> Result<(), JobSchedulerError> {
        self.scheduler.shutdown().await
    }
}

fn cron(schedule: &str, due: &Arc<Notify>) -> Result<Job, JobSchedulerError> {
    let due = Arc::clone(due);
    Job::new(schedule, move |_, _| due.notify_one())
}
