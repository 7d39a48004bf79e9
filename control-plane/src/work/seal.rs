//! The hand-over: secrets resolved and sealed, a sequence number taken, the order signed.

use muster_base::{ExposeSecret, HostId, OrderId, SecretString, sha256};
use muster_identity::{
    keys::SigningKey,
    order::{Approval, OrderHead, Signature},
    seal::{SealError, seal},
};
use muster_protocol::{
    FrameError, MAX_FRAME_BYTES,
    latest::{SealedSecrets, SecretValues, SignedOrder},
};
use zeroize::Zeroize;

use super::Order;

/// What travels with an order to the host's worker: signing keys, a few hundred bytes each.
const BESIDE_BYTES: usize = 16 * 1024;

/// An order could not be made ready.
#[derive(Debug, thiserror::Error)]
pub enum SealingError {
    /// The host's key is none.
    #[error("the host's seal key can't be used: {0}")]
    Seal(#[from] SealError),
    /// The head can't be written.
    #[error("the order can't be signed: {0}")]
    Sign(#[from] muster_identity::order::OrderError),
    /// It does not fit into a frame.
    #[error("the order is too large: {0}")]
    Frame(#[from] FrameError),
}

/// Seals the secrets to the host's key. No secrets, no bytes.
pub(super) fn seal_secrets(
    order: &Order,
    secrets: &[(String, SecretString)],
    host_key: &[u8],
) -> Result<Vec<u8>, SealingError> {
    if secrets.is_empty() {
        return Ok(Vec::new());
    }
    seal_for((order.id, order.host_id), secrets, host_key)
}

/// Seals secrets to a host's key, bound to an order's id, or to that of a wish to read something.
pub fn seal_for(
    (id, host): (OrderId, HostId),
    secrets: &[(String, SecretString)],
    host_key: &[u8],
) -> Result<Vec<u8>, SealingError> {
    let named = secrets.iter();
    let mut values = SecretValues(
        named
            .map(|(name, value)| (name.clone(), value.expose_secret().to_owned()))
            .collect(),
    );
    let encoded = muster_protocol::encode(&values);
    for (_, value) in &mut values.0 {
        value.zeroize();
    }
    let mut plain = encoded?;
    let sealed = seal(host_key, id, host, &plain);
    plain.zeroize();
    let sealed = sealed?;
    Ok(muster_protocol::encode(&SealedSecrets {
        recipient: sealed.recipient,
        encapsulated: sealed.encapsulated,
        ciphertext: sealed.ciphertext,
    })?)
}

/// Signs the order for its host under this sequence number.
pub(super) fn sign(
    order: &Order,
    payload: Vec<u8>,
    sealed: Vec<u8>,
    sequence: i64,
    signer: &SigningKey,
) -> Result<SignedOrder, SealingError> {
    let approvals = order.approvals.iter();
    let head = OrderHead {
        order: order.id,
        org: order.org,
        host: order.host_id,
        kind: order.kind.signed(),
        payload: sha256(&payload),
        sealed: sha256(&sealed),
        not_before: order.not_before,
        expires: order.expires_at,
        sequence: u64::try_from(sequence).unwrap_or(0),
        approvals: approvals
            .map(|a| Approval {
                by: a.by.clone(),
                at: a.at,
            })
            .collect(),
    };
    let signature = head.sign(signer)?;
    let signed = SignedOrder {
        body: signature.body,
        key_id: signature.key_id,
        signature: signature.signature,
        payload,
        sealed,
    };
    fits(&signed)?;
    Ok(signed)
}

/// Payload and secrets each fit into a frame; whether both do is known only now. An order that never goes out would
/// be tried again until it expires.
fn fits(order: &SignedOrder) -> Result<(), FrameError> {
    let bytes = muster_protocol::encode(order)?.len() + BESIDE_BYTES;
    if bytes > MAX_FRAME_BYTES {
        return Err(FrameError::TooLarge(bytes));
    }
    Ok(())
}

/// The same order for a host that does not believe the key any more which signed it: its bytes stay as they were.
pub(super) fn sign_again(order: SignedOrder, signer: &SigningKey) -> SignedOrder {
    if order.key_id == signer.public_key().id() {
        return order;
    }
    let signature = Signature::of_body(order.body, signer);
    SignedOrder {
        body: signature.body,
        key_id: signature.key_id,
        signature: signature.signature,
        payload: order.payload,
        sealed: order.sealed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_that_fits_into_no_frame_is_not_signed() {
        let order = |payload, sealed| SignedOrder {
            body: vec![1; 300],
            key_id: [2; 8],
            signature: vec![3; 64],
            payload: vec![4; payload],
            sealed: vec![5; sealed],
        };
        let largest_release = muster_schema::MAX_TEXT_BYTES + 8 * muster_schema::MAX_STATEMENTS;
        fits(&order(largest_release, 65 * 1024)).unwrap();
        assert!(matches!(
            fits(&order(600 * 1024, 500 * 1024)),
            Err(FrameError::TooLarge(_))
        ));
    }
}
