//! Carrying one order to its end: hand it to a worker, keep and pass on what the worker says, and hand it over again
//! if the worker dies.

use std::{io, sync::Arc, time::Duration};

use muster_base::OrderId;
use muster_protocol::{
    latest::{BytesWish, OrderOutcome, OrderReply, OrderStatus, SignedOrder},
    read_frame,
};
use tokio::{io::AsyncRead, sync::mpsc, time::sleep};
use tokio_util::task::TaskTracker;

use super::{
    Shared,
    bytes::Coming,
    journal::{End, OrderLog},
    running::{Running, is_end},
};
use crate::worker::{lane::Lane, wire::Answer};

const ATTEMPTS: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const ANSWERS: usize = 16;

/// An order on its way.
pub(super) struct Carried {
    pub id: OrderId,
    pub order: SignedOrder,
    pub lane: Lane,
    pub log: OrderLog,
    pub running: Arc<Running>,
    /// Whether a worker may have begun with it.
    pub begun: bool,
    /// The first event number that was not heard.
    pub next_seq: u32,
}

impl Carried {
    /// Does not end before the order has, or the agent stops.
    pub(super) async fn carry(mut self, shared: Arc<Shared>) {
        let _turn = tokio::select! {
            turn = shared.lane(self.lane).acquire() => turn,
            () = self.running.cancel.cancelled(), if !self.begun => {
                self.finish(&shared, OrderStatus::Cancelled, "cancelled while it waited its turn; nothing was changed");
                return;
            }
        };
        let mut last = String::new();
        let mut pause = FIRST_PAUSE;
        for _ in 0..ATTEMPTS {
            match self.attempt(&shared).await {
                Ok(true) => return,
                Ok(false) => "the worker died".clone_into(&mut last),
                Err(why) => last = why,
            }
            tracing::warn!(order.id = %self.id, reason = %last, "the worker did not finish the order; handing it over again");
            sleep(pause).await;
            pause *= 2;
        }
        if self.begun {
            let why = format!("{last}, again and again; look at what the order was about on the host");
            self.finish(&shared, OrderStatus::NeedsAttention, &why);
        } else {
            self.finish(
                &shared,
                OrderStatus::Failed,
                &format!("{last}; nothing was changed"),
            );
        }
    }

    /// One worker's try. `true` if the order ended.
    async fn attempt(&mut self, shared: &Shared) -> Result<bool, String> {
        let keys = shared.keys.borrow().clone();
        let mut worker = shared
            .workers
            .order(&self.order, keys)
            .await
            .map_err(|e| e.to_string())?;
        let reading = TaskTracker::new();
        let (answers, mut heard) = mpsc::channel(ANSWERS);
        reading.spawn(read_answers(worker.take_answers(), answers));
        let mut told = false;
        let mut coming = Coming::default();
        let mut result = Ok(false);
        loop {
            let answer = tokio::select! {
                answer = heard.recv() => answer,
                () = self.running.cancel.cancelled(), if !told => {
                    told = true;
                    // A worker that can't be told is dead: the next answer says so.
                    drop(worker.cancel().await);
                    continue;
                }
                bytes = coming.next() => {
                    drop(worker.bytes(bytes).await);
                    continue;
                }
            };
            match answer {
                None => break,
                Some(Answer::Reply(reply)) => match self.hear(shared, reply) {
                    Ok(false) => {}
                    Ok(true) => {
                        result = Ok(true);
                        break;
                    }
                    Err(e) => {
                        result = Err(format!("the journal can't be written: {e}"));
                        break;
                    }
                },
                Some(Answer::Failed(why)) => result = Err(why),
                Some(Answer::WantBytes { offset }) => {
                    let order = self.id;
                    coming.ask(&shared.downloads, BytesWish { order, offset }, &reading);
                }
                Some(
                    Answer::Containers { .. }
                    | Answer::Log(_)
                    | Answer::LogEnd(_)
                    | Answer::Schema(_)
                    | Answer::SchemaEnd(_)
                    | Answer::Counted(_)
                    | Answer::Proof(_),
                ) => {}
            }
        }
        drop((heard, coming));
        worker.reap().await;
        reading.close();
        reading.wait().await;
        result
    }

    /// Journals what the worker says, then passes it on. `true` at the end.
    fn hear(&mut self, shared: &Shared, reply: OrderReply) -> io::Result<bool> {
        match &reply {
            OrderReply::Accepted if self.begun => return Ok(false),
            OrderReply::Accepted => {
                self.begun = true;
                self.log.accepted(shared.clock.now())?;
            }
            OrderReply::Event(event) if event.seq < self.next_seq => return Ok(false),
            OrderReply::Event(event) => {
                self.next_seq = event.seq + 1;
                self.log.event(event.clone())?;
            }
            OrderReply::Refused(refusal) => {
                tracing::warn!(order.id = %self.id, ?refusal, "the worker refused an order");
                shared
                    .store
                    .end(self.id, &mut self.log, End::Refused(refusal.clone()))?;
            }
            OrderReply::Outcome(outcome) => {
                shared
                    .store
                    .end(self.id, &mut self.log, End::Outcome(outcome.clone()))?;
            }
        }
        let last = is_end(&reply);
        if last && self.lane == Lane::Docker {
            // Whoever looks sees it at once, and not when somebody asks the engine anyway.
            shared.containers.want();
        }
        self.running.push(reply);
        Ok(last)
    }

    /// Ends an order that no worker can end.
    fn finish(&mut self, shared: &Shared, status: OrderStatus, why: &str) {
        let now = shared.clock.now();
        let outcome = OrderOutcome {
            status,
            started_at: now,
            ended_at: now,
            error: Some(why.to_owned()),
            digest: None,
            server_version: None,
            events: self.next_seq,
        };
        if let Err(e) = self.hear(shared, OrderReply::Outcome(Box::new(outcome))) {
            tracing::error!(order.id = %self.id, error = %e, "an order's end could not be journalled");
        }
    }
}

/// Reading a frame must not be interrupted half-way, so it is a task of its own.
async fn read_answers(mut output: impl AsyncRead + Unpin, answers: mpsc::Sender<Answer>) {
    while let Ok(Some(answer)) = read_frame::<Answer>(&mut output).await {
        if answers.send(answer).await.is_err() {
            break;
        }
    }
}
