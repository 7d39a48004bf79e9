//! What somebody looks at live. Samples: each request has a collector of its own, which reads at most once a second and
//! keeps nothing. A container's log or a database's catalogue: a worker reads it, since the resident talks to neither. A request ends when
//! nobody looks any more, or the agent stops. At most [`MAX_TAILS`] of each kind at once; another one is refused.

mod log;

use std::{sync::Arc, time::Duration};

use muster_base::Clock;
use muster_metrics::frame;
use muster_protocol::latest::{SigningKeyNotice, TailFrame, TailRequest};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    collect::{Collector, ContainerDirectory, Roots},
    link::IncomingTail,
    orders::workers::Workers,
};

/// Requests of a kind served at once.
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
    /// Who reads logs.
    pub workers: Workers,
    /// The signing keys that the control plane named last.
    pub keys: watch::Receiver<Vec<SigningKeyNotice>>,
}

impl Tails {
    /// Serves what comes in until `stop` is cancelled.
    pub async fn run(
        self,
        mut incoming: mpsc::Receiver<IncomingTail>,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) {
        let samples = Arc::new(Semaphore::new(MAX_TAILS));
        let logs = Arc::new(Semaphore::new(MAX_TAILS));
        let schemas = Arc::new(Semaphore::new(MAX_TAILS));
        while let Some(Some(tail)) = stop.run_until_cancelled(incoming.recv()).await {
            let (places, what) = match tail.request {
                TailRequest::Samples { .. } => (&samples, "live views"),
                TailRequest::Log(_) => (&logs, "logs"),
                TailRequest::Schema(_) | TailRequest::Count(_) | TailRequest::Prove(_) => {
                    (&schemas, "databases")
                }
            };
            let Ok(place) = Arc::clone(places).try_acquire_owned() else {
                let reason =
                    format!("{MAX_TAILS} {what} of this host are open already; close one and look again");
                // If nobody waits for the answer any more, none is needed.
                drop(tail.frames.try_send(TailFrame::Refused(reason)));
                continue;
            };
            let (tails, stop) = (self.clone(), stop.clone());
            tasks.spawn(async move {
                let IncomingTail { request, frames } = tail;
                let serve = async {
                    match request {
                        TailRequest::Samples { interval_ms } => {
                            tails.serve_samples(interval_ms, frames).await;
                        }
                        TailRequest::Log(look) => tails.serve_log(look, frames).await,
                        TailRequest::Schema(look) => tails.serve_schema(look, frames).await,
                        TailRequest::Count(look) => tails.serve_count(look, frames).await,
                        TailRequest::Prove(look) => tails.serve_proof(look, frames).await,
                    }
                };
                stop.run_until_cancelled(serve).await;
                drop(place);
            });
        }
    }

    async fn serve_samples(self, interval_ms: u32, frames: mpsc::Sender<TailFrame>) {
        let interval = Duration::from_millis(interval_ms.into()).clamp(MIN_INTERVAL, MAX_INTERVAL);
        let mut collector = Collector::new(self.roots, self.directory);
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = frames.closed() => return,
            }
            // A look takes microseconds and waits for no disk: not worth another thread.
            let Some(sample) = collector.sample(self.clock.now()) else {
                continue;
            };
            let frame = TailFrame::Sample(frame::encode_one(&sample));
            if frames.send(frame).await.is_err() {
                return;
            }
        }
    }
}
