//! Every task of the process, so that a stop waits for it and none is forgotten.

use std::{
    future::Future,
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument, error, info_span, warn};

/// Spawns and stops the process's tasks. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
    lost: Arc<OnceLock<&'static str>>,
}

impl Tasks {
    /// Runs `task` until it ends by itself; it must watch [`Tasks::stopping`].
    pub fn spawn<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tracker
            .spawn(task.instrument(info_span!("task", task.name = name)));
    }

    /// As [`Tasks::spawn`], for a task without which the process is of no use: it ends when the process stops. One
    /// that ends before, for instance because it panicked, is [`Tasks::lost`].
    pub fn keep<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let kept = Kept {
            name,
            tasks: self.clone(),
        };
        self.spawn(name, async move {
            // Dropped with the future, whichever way that goes.
            let _kept = kept;
            task.await;
        });
    }

    /// The first kept task that ended although the process is not to stop.
    pub fn lost(&self) -> Option<&'static str> {
        self.lost.get().copied()
    }

    /// Cancelled when the process is to stop.
    pub fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Tells every task to stop and waits for them, but no longer than `patience`.
    pub async fn stop(&self, patience: Duration) {
        self.stop.cancel();
        self.tracker.close();
        if tokio::time::timeout(patience, self.tracker.wait()).await.is_err() {
            warn!(tasks.left = self.tracker.len(), "tasks did not stop in time");
        }
    }
}

/// Notices the end of a kept task.
struct Kept {
    name: &'static str,
    tasks: Tasks,
}

impl Drop for Kept {
    fn drop(&mut self) {
        if !self.tasks.stop.is_cancelled() {
            error!(
                task.name = self.name,
                "a task ended that the control plane can't do without"
            );
            self.tasks.lost.get_or_init(|| self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_kept_task_that_panics_is_lost_and_one_that_stops_is_not() {
        let tasks = Tasks::default();
        let stopping = tasks.stopping();
        tasks.keep("patient", async move { stopping.cancelled().await });
        assert_eq!(tasks.lost(), None);
        tasks.stop(Duration::from_secs(5)).await;
        assert_eq!(tasks.lost(), None);

        let tasks = Tasks::default();
        tasks.keep("nervous", async { panic!("as a test asks for") });
        tasks.tracker.close();
        tasks.tracker.wait().await;
        assert_eq!(tasks.lost(), Some("nervous"));
    }
}
