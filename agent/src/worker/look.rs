//! A wish to read something: whether it is the control plane's, for this host and for now.

use muster_base::{HostId, OrgId, UnixMs};
use muster_identity::look::{Look, is_signed};
use muster_protocol::latest::{CountLook, LogLook, ProofLook, SchemaLook, SignedLook, SigningKeyNotice};
use serde::de::DeserializeOwned;

use super::{WorkerConfig, trust};
use crate::identity::{IdentityError, WorkerIdentity};

/// Why a wish does not count.
#[derive(Debug, thiserror::Error)]
pub(super) enum WishError {
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error("the wish to read is not signed by a key that this host believes")]
    NotSigned,
    #[error("the wish to read is for another host")]
    OtherHost,
    #[error("the wish to read came too late, or this host's clock is wrong")]
    Late,
    #[error("the wish to read can't be read: upgrade the agent")]
    Unreadable,
}

/// What every wish says of itself.
pub(super) trait Wish: DeserializeOwned {
    /// Whose host it is for, and until when.
    fn meant_for(&self) -> (OrgId, HostId, UnixMs);
}

impl Wish for LogLook {
    fn meant_for(&self) -> (OrgId, HostId, UnixMs) {
        (self.org, self.host, self.expires)
    }
}

impl Wish for CountLook {
    fn meant_for(&self) -> (OrgId, HostId, UnixMs) {
        (self.org, self.host, self.expires)
    }
}

impl Wish for ProofLook {
    fn meant_for(&self) -> (OrgId, HostId, UnixMs) {
        (self.org, self.host, self.expires)
    }
}

impl Wish for SchemaLook {
    fn meant_for(&self) -> (OrgId, HostId, UnixMs) {
        (self.org, self.host, self.expires)
    }
}

/// The wish, if it is the control plane's, for this host and for now.
pub(super) fn check<W: Wish>(
    config: &WorkerConfig,
    look: Look,
    signed: &SignedLook,
    keys: &[SigningKeyNotice],
) -> Result<(WorkerIdentity, W), WishError> {
    let mut identity = WorkerIdentity::load(&config.data)?;
    trust::offer(&mut identity, &config.data, keys)?;
    if !is_signed(
        look,
        &identity.pinned,
        signed.key_id,
        &signed.body,
        &signed.signature,
    ) {
        return Err(WishError::NotSigned);
    }
    let wish: W = muster_protocol::decode(&signed.body).map_err(|_| WishError::Unreadable)?;
    let (org, host, expires) = wish.meant_for();
    if (org, host) != (identity.org, identity.host) {
        return Err(WishError::OtherHost);
    }
    if config.clock.now() >= expires {
        return Err(WishError::Late);
    }
    Ok((identity, wish))
}
