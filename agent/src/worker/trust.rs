//! What the worker does with its half of the agent's identity: verify, pin, open.
//!
//! A new signing key is pinned only if a pinned one vouches for it, and an old one retired only if a newer one says so,
//! whoever hands that over.

use muster_base::OrderId;
use muster_identity::seal::{SealError, Sealed};
use muster_protocol::latest::{OrderRefusal, SealedSecrets, SecretValues, SigningKeyNotice};

use super::secrets::Secrets;
use crate::{
    config::DataDir,
    identity::{IdentityError, WorkerIdentity, offer_keys},
    orders::verify::Trust,
};

/// Whom the worker believes.
pub fn trust(identity: &WorkerIdentity) -> Trust {
    Trust {
        org: identity.org,
        host: identity.host,
        keys: identity.pinned.clone(),
    }
}

/// Pins what a pinned key vouches for, and retires what a newer one retires.
pub fn offer(
    identity: &mut WorkerIdentity,
    data: &DataDir,
    notices: &[SigningKeyNotice],
) -> Result<(), IdentityError> {
    if offer_keys(&mut identity.pinned, notices) {
        identity.save_pinned(data)?;
    }
    Ok(())
}

/// Opens an order's sealed part.
pub fn open(identity: &WorkerIdentity, sealed: &[u8], order: OrderId) -> Result<Secrets, OrderRefusal> {
    if sealed.is_empty() {
        return Ok(Secrets::default());
    }
    let parts: SealedSecrets = muster_protocol::decode(sealed).map_err(|_| OrderRefusal::Unreadable)?;
    let parts = Sealed {
        recipient: parts.recipient,
        encapsulated: parts.encapsulated,
        ciphertext: parts.ciphertext,
    };
    let opened = identity.seal_key.open(&parts, order, identity.host);
    let plain = opened.map_err(|e| match e {
        SealError::OtherKey | SealError::BadKey => OrderRefusal::SealedForOldKey,
        SealError::NotAuthentic => OrderRefusal::BadDigest,
    })?;
    let values: SecretValues = muster_protocol::decode(&plain).map_err(|_| OrderRefusal::Unreadable)?;
    Ok(values.into())
}
