//! Live samples while somebody looks: each request has a collector of its own, which reads at most once a second and
//! keeps nothing. A request ends when nobody looks any more, or the agent stops. At most [`MAX_TAILS`] at once;
//! another one is refused.

use std::{sync::Arc, time::Duration};

use muster_base::Clock;
use muster_metrics::frame;
use muster_protocol::latest::{TailFrame, TailRequest};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    collect::{Collector, ContainerDirectory, Roots},
    link::IncomingTail,
};

/// Requests served at once.
pub const MAX_TAILS: usize = 4;
const MIN_INTERVAL: Duration = Duration::from_secs(1);
const MAX_INTERVAL: Duration = Duration::from_mins(1);

/// Serves requests for live data.
#[derive(Debug, Clone)]
pub struct Tails {
    /// Where the kernel's files are.
    pub roots: Roots,
    /// What the engine says of the containers.
    pub directory: ContainerDirectory,
    /// Time of the samples; their interval is real time.
    pub clock: Clock,
}

impl Tails {
    /// Serves what comes in until `stop` is cancelled.
    pub async fn run(
        self,
        mut incoming: mpsc::Receiver<IncomingTail>,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) {
        let places = Arc::new(Semaphore::new(MAX_TAILS));
        while let Some(Some(tail)) = stop.run_until_cancelled(incoming.recv()).await {
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                let reason = format!("{MAX_TAILS} live views of this host are open already");
                // If nobody waits for the answer any more, none is needed.
                drop(tail.frames.try_send(TailFrame::Refused(reason)));
                continue;
            };
            let (tails, stop) = (self.clone(), stop.clone());
            tasks.spawn(async move {
                stop.run_until_cancelled(tails.serve(tail)).await;
                drop(place);
            });
        }
    }

    async fn serve(self, tail: IncomingTail) {
        let TailRequest::Samples { interval_ms } = tail.request;
        let interval = Duration::from_millis(interval_ms.into()).clamp(MIN_INTERVAL, MAX_INTERVAL);
        let mut collector = Collector::new(self.roots, self.directory);
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = tail.frames.closed() => return,
            }
            // A look takes microseconds and waits for no disk: not worth another thread.
            let Some(sample) = collector.sample(self.clock.now()) else {
                continue;
            };
            let frame = TailFrame::Sample(frame::encode_one(&sample));
            if tail.frames.send(frame).await.is_err() {
                return;
            }
        }
    }
}
