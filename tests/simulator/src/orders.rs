//! Orders: checked as a real host checks them, accepted, and answered without doing anything, after the time that it would
//! take. What a host did and when is told to whoever listens ([`Deed`]), before the control plane hears of it.

use crate::agent::Agent;
use crate::release;
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
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use tokio::time::sleep;

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

/// What a host did about a deploy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    /// The host.
    pub host: HostId,
    /// The version that it was asked for.
    pub version: String,
    /// What.
    pub did: Did,
    /// When; by then the control plane knew nothing of it.
    pub at: UnixMs,
}

/// How far a host is with a deploy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Did {
    /// It checked the order and began.
    Begin,
    /// The version runs.
    Change,
    /// The version did not become healthy, and what was there before runs.
    PutBack,
}

impl Did {
    /// As a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Begin => "begin",
            Self::Change => "change",
            Self::PutBack => "putBack",
        }
    }
}

/// One host's journal of orders.
#[derive(Default)]
pub(crate) struct Journal(Mutex<Entries>);

#[derive(Default)]
struct Entries {
    last_sequence: u64,
    /// What the last deploy that was done put there.
    running: Option<String>,
    begun: HashSet<OrderId>,
    outcomes: HashMap<OrderId, OrderOutcome>,
}

/// Serves a stream that the control plane opened.
pub(crate) async fn serve(
    agent: &Agent,
    mut send: SendStream,
    mut receive: RecvStream,
    version: u16,
) -> Result<()> {
    let asked = read_frame::<ServerStream>(&mut receive).await?;
    if let Some(asked) = &asked
        && let Err(error) = release::knows_stream(version, asked)
    {
        agent.shared.refused();
        return Err(error);
    }
    match asked {
        Some(ServerStream::Order(order)) => {
            answer(agent, &mut send, &order, version).await?;
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

async fn answer(agent: &Agent, send: &mut SendStream, order: &SignedOrder, version: u16) -> Result<()> {
    let (head, payload) = match check(agent, order, version, agent.clock.now()) {
        Ok(checked) => checked,
        Err(refusal) => {
            agent.shared.refused();
            return Ok(write_frame(send, &OrderReply::Refused(refusal)).await?);
        }
    };
    let began = agent.clock.now();
    if agent.journal.begin(&head) {
        agent.shared.started(Started {
            host: agent.host.id,
            order: head.order,
            at: Instant::now(),
        });
        tell(agent, &payload, Did::Begin, began);
    }
    write_frame(send, &OrderReply::Accepted).await?;
    write_frame(send, &step(began)).await?;
    if payload.deploy().is_some() {
        sleep(agent.shared.takes()).await;
    }
    let broken = agent.shared.is_broken(agent.host.id);
    let ended = agent.clock.now();
    let (outcome, is_new) = agent.journal.do_once(&head, &payload, broken, (began, ended));
    if is_new {
        let did = if outcome.status == OrderStatus::Done {
            Did::Change
        } else {
            Did::PutBack
        };
        tell(agent, &payload, did, ended);
    }
    Ok(write_frame(send, &OrderReply::Outcome(Box::new(outcome))).await?)
}

fn tell(agent: &Agent, payload: &OrderPayload, did: Did, at: UnixMs) {
    if let Some(spec) = payload.deploy() {
        agent.shared.tell(Deed {
            host: agent.host.id,
            version: spec.version.clone(),
            did,
            at,
        });
    }
}

fn check(
    agent: &Agent,
    order: &SignedOrder,
    version: u16,
    now: UnixMs,
) -> Result<(OrderHead, OrderPayload), OrderRefusal> {
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
    if !release::knows_order(version, &payload) {
        return Err(OrderRefusal::Unreadable);
    }
    if agent.journal.is_replay(&head) {
        return Err(OrderRefusal::Replay);
    }
    Ok((head, payload))
}

impl Journal {
    fn is_replay(&self, head: &OrderHead) -> bool {
        self.with(|entries| head.sequence <= entries.last_sequence && !entries.begun.contains(&head.order))
    }

    /// False if the order came before.
    fn begin(&self, head: &OrderHead) -> bool {
        self.with(|entries| {
            entries.last_sequence = entries.last_sequence.max(head.sequence);
            entries.begun.insert(head.order)
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
        (started_at, ended_at): (UnixMs, UnixMs),
    ) -> (OrderOutcome, bool) {
        self.with(|entries| {
            if let Some(known) = entries.outcomes.get(&head.order) {
                return (known.clone(), false);
            }
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
                started_at,
                ended_at,
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
