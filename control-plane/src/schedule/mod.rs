//! Scheduled work: when it is due and who does it. What is run lives in the rooms, as [`Job`]s.
//!
//! A job is due once in each interval of its width (aligned to UTC). The table `scheduled_jobs` holds the interval
//! that each job last ran for, and whoever moves it forward runs the job: several control planes on one database do
//! it once. A job that fails is logged and comes again in its next interval; jobs are idempotent and never so long
//! that they must not be cut off by a stop.
//!
//! tokio-cron-scheduler only wakes the loop, every minute. What is due is decided from stored times, so a wake-up
//! that is missed costs nothing; one that stays away is noticed and replaced by a timer.

mod store;

use std::{future::Future, pin::Pin, time::Duration};

use tokio::sync::mpsc;
use tokio_cron_scheduler::{Job as CronJob, JobScheduler};
use tracing::{debug, error, warn};

use crate::{app::App, db::DbError, error::Error};

/// Every minute.
const CRON: &str = "0 * * * * *";
/// A wake-up that is so late will not come.
const PATIENCE: Duration = Duration::from_secs(90);

/// The future of a running job.
pub type Running<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>;

/// Something that is done once in each interval.
#[derive(Clone, Copy)]
pub struct Job {
    /// Stable name, `room.what`.
    pub name: &'static str,
    /// Width of the interval in milliseconds, a minute at least.
    pub every_ms: i64,
    /// What is done.
    pub run: for<'a> fn(&'a App) -> Running<'a>,
}

/// Starts the loop that runs `jobs`.
pub fn start(app: &App, jobs: Vec<Job>) {
    let task = app.clone();
    app.tasks.keep("schedule", async move {
        let (wake, mut woken) = mpsc::channel(1);
        let cron = match cron(wake).await {
            Ok(cron) => Some(cron),
            Err(cause) => {
                error!(
                    error = &cause as &dyn std::error::Error,
                    "no cron scheduler; a timer takes its place"
                );
                None
            }
        };
        let stopping = task.tasks.stopping();
        loop {
            tokio::select! {
                () = run_due(&task, &jobs) => {}
                () = stopping.cancelled() => break,
            }
            let tick = tokio::time::timeout(PATIENCE, woken.recv());
            tokio::select! {
                tick = tick => if !matches!(tick, Ok(Some(()))) {
                    warn!("the cron scheduler is silent; going on without it");
                },
                () = stopping.cancelled() => break,
            }
        }
        if let Some(mut cron) = cron
            && let Err(cause) = cron.shutdown().await
        {
            debug!(
                error = &cause as &dyn std::error::Error,
                "the cron scheduler did not stop"
            );
        }
    });
}

async fn cron(wake: mpsc::Sender<()>) -> Result<JobScheduler, tokio_cron_scheduler::JobSchedulerError> {
    let scheduler = JobScheduler::new().await?;
    let tick = CronJob::new(CRON, move |_, _| {
        // A full channel holds a wake-up that has not been taken yet: enough.
        wake.try_send(()).ok();
    })?;
    scheduler.add(tick).await?;
    scheduler.start().await?;
    Ok(scheduler)
}

/// Runs every job whose interval has come and that nobody else has taken.
pub async fn run_due(app: &App, jobs: &[Job]) {
    for job in jobs {
        match claim(app, job).await {
            Ok(true) => {
                if let Err(cause) = (job.run)(app).await {
                    error!(
                        job.name = job.name,
                        error = &cause as &dyn std::error::Error,
                        "a scheduled job failed"
                    );
                }
            }
            Ok(false) => {}
            Err(cause) => {
                warn!(
                    job.name = job.name,
                    error = &cause as &dyn std::error::Error,
                    "can't tell whether a job is due"
                );
            }
        }
    }
}

async fn claim(app: &App, job: &Job) -> Result<bool, DbError> {
    take(app, job.name, job.every_ms).await
}

/// Whether this process takes the present interval, for what is done more often than jobs are.
pub async fn take(app: &App, name: &'static str, every_ms: i64) -> Result<bool, DbError> {
    let slot = app.clock.now().floor_to(every_ms);
    if store::last_slot(&app.db, name)
        .await?
        .is_some_and(|last| last >= slot)
    {
        return Ok(false);
    }
    store::claim(&app.db, name, slot).await
}

#[cfg(test)]
mod tests {
    use muster_base::UnixMs;

    use super::*;
    use crate::testing::both_databases;

    fn noop(_: &App) -> Running<'_> {
        Box::pin(async { Ok(()) })
    }

    both_databases!(a_job_is_taken_once_in_each_interval, |test| {
        let job = Job {
            name: "test.hourly",
            every_ms: UnixMs::HOUR,
            run: noop,
        };
        let (first, second) = tokio::join!(claim(&test.app, &job), claim(&test.app, &job));
        assert!(first.unwrap() ^ second.unwrap(), "exactly one of two takes it");
        test.app.clock.advance(UnixMs::HOUR);
        assert!(claim(&test.app, &job).await.unwrap());
        assert!(!claim(&test.app, &job).await.unwrap());
    });
}
