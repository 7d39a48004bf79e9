//! Orders: checked as a real host checks them, accepted, and answered without doing anything.

use crate::agent::Agent;
use anyhow::{Result, bail};
use muster_base::{HostId, OrderId, UnixMs};
use muster_identity::order::{Arrived, OrderError, OrderHead};
use muster_protocol::{
    decode,
    latest::{
        OrderEvent, OrderOutcome, OrderPayload, OrderRefusal, OrderReply, OrderStatus, ServerStream,
        SignedOrder, StepReport, StepStatus,
    },
    read_frame, write_frame,
};
use quinn::{RecvStream, SendStream};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// An order that a host took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Started {
    /// The host.
    pub host: HostId,
    /// The order.
    pub order: OrderId,
    /// When it was checked and would have started.
    pub at: Instant,
}

/// One host's journal of orders.
#[derive(Default)]
pub(crate) struct Journal(Mutex<Entries>);

#[derive(Default)]
struct Entries {
    last_sequence: u64,
    /// What the last deploy that was done put there.
    running: Option<String>,
    outcomes: HashMap<OrderId, OrderOutcome>,
}

/// Serves a stream that the control plane opened.
pub(crate) async fn serve(agent: &Agent, mut send: SendStream, mut receive: RecvStream) -> Result<()> {
    match read_frame::<ServerStream>(&mut receive).await? {
        Some(ServerStream::Order(order)) => {
            for reply in answer(agent, &order) {
                write_frame(&mut send, &reply).await?;
            }
        }
        Some(ServerStream::Cancel(order)) => {
            if let Some(outcome) = agent.journal.find(order) {
                write_frame(&mut send, &OrderReply::Outcome(Box::new(outcome))).await?;
            }
        }
        Some(ServerStream::Tail(_)) | None => bail!("no order"),
    }
    send.finish()?;
    // Ends when the control plane has stored the outcome.
    receive.read_to_end(64).await?;
    Ok(())
}

fn answer(agent: &Agent, order: &SignedOrder) -> Vec<OrderReply> {
    let now = agent.clock.now();
    match check(agent, order, now) {
        Ok((head, payload)) => {
            let broken = agent.shared.is_broken(agent.host.id);
            let (outcome, is_new) = agent.journal.do_once(&head, &payload, broken, now);
            if is_new {
                agent.shared.started(Started {
                    host: agent.host.id,
                    order: head.order,
                    at: Instant::now(),
                });
            }
            vec![
                OrderReply::Accepted,
                step(now),
                OrderReply::Outcome(Box::new(outcome)),
            ]
        }
        Err(refusal) => {
            agent.shared.refused();
            vec![OrderReply::Refused(refusal)]
        }
    }
}

fn check(agent: &Agent, order: &SignedOrder, now: UnixMs) -> Result<(OrderHead, OrderPayload), OrderRefusal> {
    let arrived = Arrived {
        body: &order.body,
        key_id: order.key_id,
        signature: &order.signature,
        payload: &order.payload,
        sealed: &order.sealed,
    };
    let head = arrived
        .verify(&agent.host.pinned, agent.host.org, agent.host.id, now)
        .map_err(refusal)?;
    let payload = decode(&order.payload).map_err(|_| OrderRefusal::Unreadable)?;
    if agent.journal.is_replay(&head) {
        return Err(OrderRefusal::Replay);
    }
    Ok((head, payload))
}

impl Journal {
    fn is_replay(&self, head: &OrderHead) -> bool {
        self.with(|entries| {
            head.sequence <= entries.last_sequence && !entries.outcomes.contains_key(&head.order)
        })
    }

    /// The version that runs there, as far as this host was asked to run any.
    pub(crate) fn running(&self) -> Option<String> {
        self.with(|entries| entries.running.clone())
    }

    fn do_once(
        &self,
        head: &OrderHead,
        payload: &OrderPayload,
        broken: bool,
        now: UnixMs,
    ) -> (OrderOutcome, bool) {
        self.with(|entries| {
            if let Some(known) = entries.outcomes.get(&head.order) {
                return (known.clone(), false);
            }
            entries.last_sequence = entries.last_sequence.max(head.sequence);
            let put_back = broken && payload.deploy().is_some();
            if let (Some(spec), false) = (payload.deploy(), put_back) {
                entries.running = Some(spec.version.clone());
            }
            let outcome = OrderOutcome {
                status: if put_back {
                    OrderStatus::RolledBack
                } else {
                    OrderStatus::Done
                },
                started_at: now,
                ended_at: now,
                error: put_back.then(|| "the new container did not become healthy".to_owned()),
                digest: payload.deploy().and_then(|spec| spec.digest.clone()),
                server_version: Some("simulated".to_owned()),
                events: 1,
            };
            entries.outcomes.insert(head.order, outcome.clone());
            (outcome, true)
        })
    }

    fn find(&self, order: OrderId) -> Option<OrderOutcome> {
        self.with(|entries| entries.outcomes.get(&order).cloned())
    }

    fn with<T>(&self, work: impl FnOnce(&mut Entries) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn step(at: UnixMs) -> OrderReply {
    OrderReply::Event(OrderEvent {
        seq: 0,
        at,
        what: StepReport::Step {
            index: 0,
            name: "verify".to_owned(),
            status: StepStatus::Done,
            duration_ms: Some(0),
            rows: None,
            detail: String::new(),
        },
    })
}

const fn refusal(error: OrderError) -> OrderRefusal {
    match error {
        OrderError::Unreadable => OrderRefusal::Unreadable,
        OrderError::BadSignature => OrderRefusal::BadSignature,
        OrderError::BadDigest => OrderRefusal::BadDigest,
        OrderError::WrongHost => OrderRefusal::WrongHost,
        OrderError::Expired | OrderError::NotYet => OrderRefusal::Expired,
    }
}
