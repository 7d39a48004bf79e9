//! Work orders: what a host is asked to do, signed, and what became of it.
//!
//! A room that wants something done on a host ([`Listener`]: delivery, schema) submits an order in its own transaction
//! ([`submit()`]). From there on this room sees to it that the order reaches its host once the host is there, that what
//! the host says is stored, and that the room hears of it in the same transaction.
//!
//! | table | holds |
//! |---|---|
//! | `work_orders` | the orders, with the exact bytes that were signed |
//! | `work_order_events` | what the host said while it worked; (order, seq) is unique, so a repeat changes nothing |
//! | `work_sequences` | the last sequence number of each host |
//!
//! # States
//! ```text
//! queued ─→ sent ─→ accepted ─→ done | rolledBack | cancelled | failed | needsAttention
//!   │ ↑       └──→ refused | expired        (the host won't do it)
//!   │ └─────────── sealed for a key that the host no longer has: sealed anew, under a new sequence number
//!   ├─→ waitingForHost ─→ sent …
//!   └─→ expired | cancelled | failed        (before it was handed over: nothing was done)
//! ```
//!
//! # What fails, and what happens then
//! An order's room may hold it back before it is signed for the first time, or end it ([`Listener::may_go`]): it is asked again
//! every few seconds until it says something else or the order's time has passed.
//!
//! Every step is one transaction, and after any of them the process may die: the dispatcher takes up at its start, when
//! a host connects and once a second whatever has not ended. What was handed over is sent again byte for byte; the host
//! answers a repeated order from its journal. An outcome is stored before the stream is closed, so that a host is asked
//! again until it is. A host that is removed takes its orders along: they end in the transaction that removes it. A room may
//! take back what was not handed over ([`take_back`]).
//!
//! Of several control planes on one database, that one sees to an order which has its host's session; the others leave it
//! as it is, and end only what nobody sees to in time. A host that moves meanwhile may be sent an order by both: rows are locked,
//! its journal answers the second, and a refusal counts only of the sequence number that the order has then.
//!
//! # Invariants
//! - Secrets are resolved and sealed to the host's key at the hand-over, not before, and forgotten at the end. No
//!   column holds one in clear.
//! - A sequence number is given once. The head of an order that a host accepted never changes; only when the signing
//!   key was rotated since, the same head is sent again under the newer key's signature.
//! - What a host refuses because somebody may be tampering leaves an audit row.

mod api;
mod dispatch;
mod door;
mod drive;
mod error;
mod listener;
mod order;
mod reach;
mod reply;
mod seal;
mod store;
mod stream;
mod submit;
#[cfg(test)]
mod tests;
mod told;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use muster_base::{HostId, OrderId};
use tokio::sync::{Notify, broadcast};

pub(crate) use self::submit::payload;
pub use self::{
    api::router,
    dispatch::start,
    door::{Door, Replies},
    error::WorkError,
    listener::{Going, Listener, SecretsError},
    order::{Approval, NewOrder, Order, OrderKind, OrderState, StoredEvent},
    seal::{SealingError, seal_for},
    stream::{OrderNews, follow},
    submit::{
        cancel, count_open, end_for_removed_host, events, find, get, list, list_unstopped, submit,
        submit_many, take_back, take_back_many, told, told_of,
    },
};
use crate::peers::Peers;

/// News that may wait for a slow reader of a stream; one that misses some reads the tables again.
const NEWS: usize = 1_024;

/// The room's memory. What matters is in the tables.
pub struct Work {
    listeners: RwLock<HashMap<OrderKind, Arc<dyn Listener>>>,
    wake: Notify,
    /// What tasks of this process see to; of a file for a host also which host.
    in_hand: Mutex<InHand>,
    news: broadcast::Sender<OrderId>,
    peers: Peers,
}

type InHand = HashMap<(OrderId, Hand), Option<HostId>>;

/// What a task of this process does with an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Hand {
    Drive,
    Cancel,
}

impl Work {
    /// Starts nothing; see [`start`].
    pub fn new(peers: Peers) -> Self {
        Self {
            listeners: RwLock::default(),
            wake: Notify::new(),
            in_hand: Mutex::default(),
            news: broadcast::Sender::new(NEWS),
            peers,
        }
    }

    /// Names the room whose work orders of a kind are. Before [`start`].
    pub fn register(&self, kind: OrderKind, listener: Arc<dyn Listener>) {
        let mut listeners = self.listeners.write().unwrap_or_else(PoisonError::into_inner);
        listeners.insert(kind, listener);
    }

    /// Looks at the queue now, at other control planes, too: call it after the transaction of a [`submit()`] or [`cancel`]
    /// is committed. Forgetting it costs a second.
    pub fn wake(&self) {
        self.wake_here();
        self.peers.tell_work();
    }

    /// Looks at the queue now.
    pub(crate) fn wake_here(&self) {
        self.wake.notify_one();
    }

    fn listener(&self, kind: OrderKind) -> Option<Arc<dyn Listener>> {
        let listeners = self.listeners.read().unwrap_or_else(PoisonError::into_inner);
        listeners.get(&kind).cloned()
    }

    fn tell(&self, order: OrderId) {
        self.tell_here(order);
        self.peers.tell_order(order);
    }

    /// Tells those who watch the order here.
    pub(crate) fn tell_here(&self, order: OrderId) {
        // Nobody may be listening.
        drop(self.news.send(order));
    }

    fn in_hand(&self) -> MutexGuard<'_, InHand> {
        self.in_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work").finish_non_exhaustive()
    }
}
