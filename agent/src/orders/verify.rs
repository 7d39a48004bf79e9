//! Is this order from whom it should be, for us, for now, and what does it ask? Resident and worker each ask for
//! themselves.

use muster_base::{HostId, OrgId, UnixMs};
use muster_identity::{
    keys::PinnedKeys,
    order::{Arrived, OrderError, OrderHead, OrderKind},
};
use muster_protocol::latest::{OrderPayload, OrderRefusal, SignedOrder};

/// Whom a host believes, and who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    /// The org that the host belongs to.
    pub org: OrgId,
    /// The host.
    pub host: HostId,
    /// The keys that sign its orders.
    pub keys: PinnedKeys,
}

/// An order that is what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// What the signature speaks for.
    pub head: OrderHead,
    /// What is asked.
    pub payload: OrderPayload,
}

/// Checks signature, digests and addressee, and reads the payload. Says nothing about time, sequence and whether the
/// key was retired since, which don't matter for an order that was begun.
pub fn verify_origin(trust: &Trust, order: &SignedOrder) -> Result<Verified, OrderRefusal> {
    let arrived = Arrived {
        body: &order.body,
        key_id: order.key_id,
        signature: &order.signature,
        payload: &order.payload,
        sealed: &order.sealed,
    };
    let head = arrived.verify_origin(&trust.keys).map_err(refusal)?;
    if head.org != trust.org || head.host != trust.host {
        return Err(OrderRefusal::WrongHost);
    }
    let payload: OrderPayload =
        muster_protocol::decode(&order.payload).map_err(|_| OrderRefusal::Unreadable)?;
    if head.kind != kind(&payload) {
        return Err(OrderRefusal::Unreadable);
    }
    Ok(Verified { head, payload })
}

/// Whether the key that signed it still counts. One that was retired since an order was begun is no reason to leave
/// that order half done, but nothing is begun under it.
pub fn verify_counts(trust: &Trust, order: &SignedOrder) -> Result<(), OrderRefusal> {
    if trust.keys.is_retired(order.key_id) {
        return Err(OrderRefusal::BadSignature);
    }
    Ok(())
}

/// Whether an order may start now.
pub fn check_time(head: &OrderHead, now: UnixMs) -> Result<(), OrderRefusal> {
    head.check_time(now).map_err(refusal)
}

/// The kind that a payload has to be signed as.
pub const fn kind(payload: &OrderPayload) -> OrderKind {
    match payload {
        OrderPayload::Deploy(_) | OrderPayload::Handover(_) | OrderPayload::FullDeploy(_) => {
            OrderKind::Deploy
        }
        OrderPayload::Sql(_) | OrderPayload::GuardedSql(_) => OrderKind::Sql,
        OrderPayload::TestServer(_) => OrderKind::TestServer,
        OrderPayload::Container(_) => OrderKind::Container,
        OrderPayload::File(_) => OrderKind::File,
    }
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
