//! Work orders in the resident: receive → verify → journal → hand to a worker → report.
//!
//! The order's id decides, whatever dies: an order that ended is answered from the journal; one that is under way is
//! listened to; one that was interrupted is handed to a worker again at the next start, which finishes or undoes it.
//! None is done twice.
//!
//! | module | what |
//! |---|---|
//! | [`verify`] | is it from whom it should be, for us, for now? |
//! | [`journal`], [`sequence`], `store` | what is kept over a crash |
//! | `carry`, [`workers`] | handing it to a worker, which verifies it again |
//! | `bytes` | passing on what a worker asks for and the control plane has |
//! | `running` | passing on what the worker says, to whoever listens |
//!
//! # Refused
//! Bad signature or digest, another host's, expired, seen before, unreadable: answered and logged, not journalled. What
//! the worker refuses (the policy, a seal for an old key) is journalled; the same order may come again under a new
//! sequence number.
//!
//! # Invariants
//! - `started` is on the disk before a worker hears of the order; the outcome is before it is sent.
//! - Time is the system's, even where the agent's clock runs fast for a demo: an order's expiry is the control
//!   plane's time.

mod bytes;
mod carry;
pub mod journal;
mod running;
pub mod sequence;
mod store;
pub mod verify;
pub mod workers;

use std::{
    collections::HashMap,
    io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use muster_base::{Clock, OrderId};
use muster_protocol::latest::{OrderRefusal, OrderReply, OrderStatus, SignedOrder, SigningKeyNotice};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    collect::ContainerDirectory,
    identity::offer_keys,
    link::{Downloads, IncomingOrder, OrderRequest},
    worker::{events::reply_of, lane::Lane},
};
use carry::Carried;
use journal::{End, History};
use running::Running;
use store::{Store, Taken, Unfinished};
use verify::{Trust, check_time, verify_counts, verify_origin};
use workers::Workers;

/// What the room is given.
pub struct OrdersConfig {
    /// Where orders are journalled; this user's own.
    pub dir: PathBuf,
    /// Who we are and whom we believe.
    pub trust: Trust,
    /// How workers are started.
    pub workers: Workers,
    /// The system's clock in production.
    pub clock: Clock,
    /// The signing keys that the control plane named last.
    pub keys: watch::Receiver<Vec<SigningKeyNotice>>,
    /// Told when an order may have changed a container.
    pub containers: ContainerDirectory,
    /// Where the bytes of files come from.
    pub downloads: Downloads,
}

struct Shared {
    store: Store,
    trust: Trust,
    workers: Workers,
    clock: Clock,
    keys: watch::Receiver<Vec<SigningKeyNotice>>,
    containers: ContainerDirectory,
    downloads: Downloads,
    docker: Semaphore,
    sql: Semaphore,
    files: Semaphore,
}

impl Shared {
    const fn lane(&self, lane: Lane) -> &Semaphore {
        match lane {
            Lane::Docker => &self.docker,
            Lane::Sql => &self.sql,
            Lane::Files => &self.files,
        }
    }
}

/// The room. Cheap to clone.
#[derive(Clone)]
pub struct Orders {
    shared: Arc<Shared>,
    running: Arc<Mutex<HashMap<OrderId, Arc<Running>>>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// What an order's stream is answered with.
enum Reply {
    /// These, and that is all.
    All(Vec<OrderReply>),
    /// What is known and what comes.
    Follow(Arc<Running>),
}

impl Orders {
    /// Opens the journal and takes up what was interrupted.
    pub fn start(config: OrdersConfig, tasks: TaskTracker, stop: CancellationToken) -> io::Result<Self> {
        let store = Store::open(&config.dir)?;
        store.prune(config.clock.now())?;
        store.sweep()?;
        let orders = Self {
            shared: Arc::new(Shared {
                store,
                trust: config.trust,
                workers: config.workers,
                clock: config.clock,
                keys: config.keys,
                containers: config.containers,
                downloads: config.downloads,
                docker: Semaphore::new(1),
                sql: Semaphore::new(1),
                files: Semaphore::new(1),
            }),
            running: Arc::default(),
            tasks,
            stop,
        };
        orders.take_up()?;
        Ok(orders)
    }

    /// Serves the link until the agent stops.
    pub async fn serve(self, mut incoming: mpsc::Receiver<IncomingOrder>) {
        while let Some(Some(order)) = self.stop.run_until_cancelled(incoming.recv()).await {
            let orders = self.clone();
            let stop = self.stop.clone();
            self.tasks
                .spawn(async move { stop.run_until_cancelled(orders.answer(order)).await });
        }
    }

    async fn answer(&self, incoming: IncomingOrder) {
        let IncomingOrder { request, replies, .. } = incoming;
        match request {
            OrderRequest::Run(order) => match self.receive(*order) {
                Reply::All(all) => send_all(all, &replies).await,
                Reply::Follow(running) => running.feed(&replies).await,
            },
            OrderRequest::Cancel(order) => match self.cancel(order) {
                Reply::All(all) => send_all(all, &replies).await,
                Reply::Follow(running) => running.feed(&replies).await,
            },
        }
    }

    fn receive(&self, order: SignedOrder) -> Reply {
        match self.try_receive(order) {
            Ok(reply) => reply,
            Err(Refused::Order(refusal)) => {
                tracing::warn!(?refusal, "an order was refused");
                Reply::All(vec![OrderReply::Refused(refusal)])
            }
            // Without an answer the control plane asks again.
            Err(Refused::Journal(e)) => {
                tracing::error!(error = %e, "the journal of orders can't be used");
                Reply::All(Vec::new())
            }
        }
    }

    fn try_receive(&self, order: SignedOrder) -> Result<Reply, Refused> {
        let shared = &self.shared;
        let mut trust = shared.trust.clone();
        offer_keys(&mut trust.keys, &shared.keys.borrow());
        let verified = verify_origin(&trust, &order)?;
        let (id, sequence) = (verified.head.order, verified.head.sequence);
        let mut running = self.lock();
        // What has ended is answered from the journal, which also knows when it may come again.
        if let Some(running) = running.get(&id).filter(|running| !running.has_ended()) {
            return Ok(Reply::Follow(Arc::clone(running)));
        }
        if let Some(known) = shared.store.read(id)?
            && !known.is_superseded_by(sequence)
        {
            return Ok(Reply::All(replies_of(known)));
        }
        // Before anything new is begun.
        verify_counts(&trust, &order)?;
        let now = shared.clock.now();
        check_time(&verified.head, now)?;
        let log = match shared.store.take(id, sequence, &order, now)? {
            Taken::New(log) => log,
            Taken::Replay => return Err(OrderRefusal::Replay.into()),
        };
        let carried = Carried {
            id,
            order,
            lane: Lane::of(&verified.payload),
            log,
            running: Arc::new(Running::new(Vec::new())),
            begun: false,
            next_seq: 0,
        };
        Ok(Reply::Follow(self.carry(&mut running, carried)))
    }

    /// Hands over what a crash of the agent interrupted.
    fn take_up(&self) -> io::Result<()> {
        let mut running = self.lock();
        for unfinished in self.shared.store.unfinished()? {
            let Unfinished {
                id,
                history,
                mut log,
                order,
            } = unfinished;
            let verified = order.as_ref().and_then(|order| {
                let mut trust = self.shared.trust.clone();
                offer_keys(&mut trust.keys, &self.shared.keys.borrow());
                verify_origin(&trust, order).ok()
            });
            let (Some(order), Some(verified)) = (order, verified) else {
                let end = lost(&history, self.shared.clock.now());
                self.shared.store.end(id, &mut log, end)?;
                continue;
            };
            tracing::info!(order.id = %id, "taking up an order that was interrupted");
            let carried = Carried {
                id,
                order,
                lane: Lane::of(&verified.payload),
                log,
                begun: history.accepted,
                next_seq: history.next_seq(),
                running: Arc::new(Running::new(replies_of(history))),
            };
            self.carry(&mut running, carried);
        }
        Ok(())
    }

    fn carry(&self, running: &mut HashMap<OrderId, Arc<Running>>, carried: Carried) -> Arc<Running> {
        let (id, entry) = (carried.id, Arc::clone(&carried.running));
        running.insert(id, Arc::clone(&entry));
        let (orders, ours) = (self.clone(), Arc::clone(&entry));
        self.tasks.spawn(async move {
            let work = carried.carry(Arc::clone(&orders.shared));
            // A worker outlives the agent; the next start listens to it again.
            orders.stop.run_until_cancelled(work).await;
            let mut running = orders.lock();
            if running
                .get(&id)
                .is_some_and(|present| Arc::ptr_eq(present, &ours))
            {
                running.remove(&id);
            }
        });
        entry
    }

    /// Stops an order. What is said of it up to its end is said here, too, whatever that end is by then: whoever listened to
    /// the order itself may be slower, and hears nothing after the end.
    fn cancel(&self, id: OrderId) -> Reply {
        // Held to the end: the order itself may come just now, and only one of the two may write its first line.
        let running = self.lock();
        if let Some(running) = running.get(&id) {
            running.cancel.cancel();
            return Reply::Follow(Arc::clone(running));
        }
        // Without an answer the control plane asks again.
        Reply::All(self.said_of(id).unwrap_or_else(|e| {
            tracing::error!(error = %e, "the journal of orders can't be used");
            Vec::new()
        }))
    }

    /// What was said of an order that is not under way; one that never came is cancelled from now on.
    fn said_of(&self, id: OrderId) -> io::Result<Vec<OrderReply>> {
        if let Some(known) = self.shared.store.read(id)?.filter(|known| known.end.is_some()) {
            return Ok(replies_of(known));
        }
        let outcome = self.shared.store.entomb(id, self.shared.clock.now())?;
        Ok(vec![OrderReply::Outcome(Box::new(outcome))])
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<OrderId, Arc<Running>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why an order was not taken.
enum Refused {
    Order(OrderRefusal),
    Journal(io::Error),
}

impl From<OrderRefusal> for Refused {
    fn from(refusal: OrderRefusal) -> Self {
        Self::Order(refusal)
    }
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        Self::Journal(error)
    }
}

async fn send_all(all: Vec<OrderReply>, replies: &mpsc::Sender<OrderReply>) {
    for reply in all {
        if replies.send(reply).await.is_err() {
            return;
        }
    }
}

/// Everything that was ever said of an order, to be said again.
fn replies_of(history: History) -> Vec<OrderReply> {
    let accepted = history.accepted.then_some(OrderReply::Accepted);
    let events = history.events.into_iter().map(OrderReply::Event);
    let end = history.end.map(reply_of);
    accepted.into_iter().chain(events).chain(end).collect()
}

/// The end of an order whose text is gone.
fn lost(history: &History, now: muster_base::UnixMs) -> End {
    End::Outcome(Box::new(muster_protocol::latest::OrderOutcome {
        status: if history.accepted {
            OrderStatus::NeedsAttention
        } else {
            OrderStatus::Failed
        },
        started_at: history.started.at,
        ended_at: now,
        error: Some(
            "the agent was interrupted and lost the order's text; look at what it was about on the host"
                .to_owned(),
        ),
        digest: None,
        server_version: None,
        events: history.next_seq(),
    }))
}
