//! What this room needs of the link and the fleet, so that its tests can stand in for a host.

use std::sync::Arc;

use futures_util::{FutureExt as _, future::BoxFuture};
use muster_base::{HostId, OrderId, OrgId};
use muster_identity::keys::SigningKey;
use muster_protocol::latest::{OrderReply, SignedOrder};
use tokio::sync::broadcast;

use crate::{
    app::App,
    error::Error,
    fleet::{self, FleetError, FleetKeys},
    link::{LinkEvent, OrderStream},
};

/// The way to hosts.
pub trait Door: Send + Sync + 'static {
    /// Whether the host has a session here.
    fn is_online(&self, host: HostId) -> bool;

    /// Whether the host has its session at another control plane, which sees to its orders.
    fn is_elsewhere(&self, host: HostId) -> bool;

    /// The protocol version that the host speaks; `None` while it has no session here.
    fn version(&self, host: HostId) -> Option<u16>;

    /// Hosts that come and go from now on.
    fn events(&self) -> broadcast::Receiver<LinkEvent>;

    /// The key that signs orders for the host.
    fn signer(&self, host: HostId) -> Arc<SigningKey>;

    /// Whether one of the fleet's keys, of now or of before, signed the order.
    fn has_signed(&self, order: &SignedOrder) -> bool;

    /// The public half of the host's present seal key; `None` if the host was removed.
    fn seal_key(&self, org: OrgId, host: HostId) -> BoxFuture<'_, Result<Option<Vec<u8>>, Error>>;

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

/// The agents' real door.
pub(super) struct AgentsDoor {
    app: App,
    first_keys: Arc<FleetKeys>,
}

impl AgentsDoor {
    pub(super) async fn new(app: &App) -> Result<Self, FleetError> {
        Ok(Self {
            first_keys: app.fleet_keys().await?,
            app: app.clone(),
        })
    }

    fn keys(&self) -> Arc<FleetKeys> {
        self.app
            .fleet_keys_now()
            .unwrap_or_else(|| Arc::clone(&self.first_keys))
    }
}

impl Door for AgentsDoor {
    fn is_online(&self, host: HostId) -> bool {
        self.app.links.is_here(host)
    }

    fn is_elsewhere(&self, host: HostId) -> bool {
        self.app.links.is_elsewhere(host)
    }

    fn version(&self, host: HostId) -> Option<u16> {
        self.app.links.version_of(host)
    }

    fn events(&self) -> broadcast::Receiver<LinkEvent> {
        self.app.links.events()
    }

    fn signer(&self, host: HostId) -> Arc<SigningKey> {
        let keys = self.keys();
        let known = self.app.links.signing_keys_of(host);
        known.map_or_else(|| Arc::clone(&keys.signer), |known| keys.signer_for(&known))
    }

    fn has_signed(&self, order: &SignedOrder) -> bool {
        self.keys().has_signed(order)
    }

    fn seal_key(&self, org: OrgId, host: HostId) -> BoxFuture<'_, Result<Option<Vec<u8>>, Error>> {
        async move { Ok(fleet::seal_key(&self.app, org, host).await?) }.boxed()
    }

    fn open_order(&self, host: HostId, order: SignedOrder) -> BoxFuture<'_, Option<Box<dyn Replies>>> {
        async move { heard(self.app.links.open_order(host, &order).await) }.boxed()
    }

    fn cancel_order(&self, host: HostId, order: OrderId) -> BoxFuture<'_, Option<Box<dyn Replies>>> {
        async move { heard(self.app.links.cancel_order(host, order).await) }.boxed()
    }
}

/// A host that can't be reached now is asked again when it is back.
fn heard(stream: Result<OrderStream, crate::link::LinkError>) -> Option<Box<dyn Replies>> {
    match stream {
        Ok(stream) => Some(Box::new(stream)),
        Err(e) => {
            tracing::debug!(error = %e, "an order's stream could not be opened");
            None
        }
    }
}

impl Replies for OrderStream {
    fn next(&mut self) -> BoxFuture<'_, Option<OrderReply>> {
        // A stream that broke is opened again when its host is back.
        async move { Self::next(self).await.ok().flatten() }.boxed()
    }

    fn stored(self: Box<Self>) -> BoxFuture<'static, ()> {
        // A host that does not hear of it asks again, and is answered that the order has ended.
        async move { drop(self.settle().await) }.boxed()
    }
}
