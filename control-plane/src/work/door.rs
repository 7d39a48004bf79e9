//! What this room needs of the link and the fleet, so that its tests can stand in for a host.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use muster_base::{HostId, OrderId};
use muster_identity::keys::SigningKey;
use muster_protocol::latest::{OrderReply, SignedOrder};
use tokio::sync::broadcast;

use crate::db::DbError;

/// The way to hosts.
pub trait Door: Send + Sync + 'static {
    /// Whether the host has a session here.
    fn is_online(&self, host: HostId) -> bool;

    /// Hosts that connect from now on.
    fn connected(&self) -> broadcast::Receiver<HostId>;

    /// The key that signs orders.
    fn signer(&self) -> Arc<SigningKey>;

    /// The public half of the host's present seal key; `None` if the host was removed.
    fn seal_key(&self, host: HostId) -> BoxFuture<'_, Result<Option<Vec<u8>>, DbError>>;

    /// Sends the order on a stream of its own; `None` if the host is not there (any more).
    fn open_order(&self, host: HostId, order: SignedOrder) -> BoxFuture<'_, Option<Box<dyn Replies>>>;

    /// Asks the host to stop an order; the answer is the order's end.
    fn cancel_order(&self, host: HostId, order: OrderId) -> BoxFuture<'_, Option<Box<dyn Replies>>>;
}

/// What a host answers on an order's stream.
pub trait Replies: Send {
    /// The next answer; `None` when there are no more, or the stream is lost.
    fn next(&mut self) -> BoxFuture<'_, Option<OrderReply>>;

    /// What was answered is stored: the host need not say it again.
    fn stored(self: Box<Self>) -> BoxFuture<'static, ()>;
}
