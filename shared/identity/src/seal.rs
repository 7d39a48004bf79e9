//! Secrets for one host's worker and one order: HPKE (RFC 9180, base mode) with X25519, HKDF-SHA256 and AES-256-GCM.
//!
//! The order's and the host's id are authenticated with it, so that a sealed value can't be moved to another order or
//! another host. What is sealed says nothing about who sealed it; the order's signature covers its digest.

use std::fmt;

use aws_lc_rs::agreement;
use muster_base::{HostId, OrderId, sha256};
use rustls::crypto::{
    aws_lc_rs::hpke::DH_KEM_X25519_HKDF_SHA256_AES_256 as SUITE,
    hpke::{EncapsulatedSecret, Hpke as _, HpkePrivateKey, HpkePublicKey},
};
use zeroize::Zeroizing;

use crate::IdentityError;

/// Bytes of a public seal key.
pub const PUBLIC_KEY_BYTES: usize = 32;
const INFO: &[u8] = b"muster-seal-v1";

/// Something could not be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The public key is not one.
    #[error("the host's seal key can't be used")]
    BadKey,
    /// It was sealed for a key that this host does not have (any more).
    #[error("the secrets were sealed for another key")]
    OtherKey,
    /// It was tampered with, or belongs to another order or host.
    #[error("the sealed secrets don't belong to this order, or were changed")]
    NotAuthentic,
}

/// Names a public key: the first 8 bytes of its SHA-256.
pub type KeyId = [u8; 8];

/// The id of a public key.
pub fn key_id(public_key: &[u8]) -> KeyId {
    let mut id = [0; 8];
    id.copy_from_slice(&sha256(public_key).0[..8]);
    id
}

/// A sealed value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The id of the public key that it was sealed to.
    pub recipient: KeyId,
    /// HPKE's encapsulated key.
    pub encapsulated: Vec<u8>,
    /// HPKE's cipher text.
    pub ciphertext: Vec<u8>,
}

/// Seals `plaintext` to the holder of `public_key`, for one order on one host.
pub fn seal(public_key: &[u8], order: OrderId, host: HostId, plaintext: &[u8]) -> Result<Sealed, SealError> {
    if public_key.len() != PUBLIC_KEY_BYTES {
        return Err(SealError::BadKey);
    }
    let (encapsulated, ciphertext) = SUITE
        .seal(
            INFO,
            &binding(order, host),
            plaintext,
            &HpkePublicKey(public_key.to_vec()),
        )
        .map_err(|_| SealError::BadKey)?;
    Ok(Sealed {
        recipient: key_id(public_key),
        encapsulated: encapsulated.0,
        ciphertext,
    })
}

/// A worker's private seal key.
pub struct SealKey {
    private: Zeroizing<Vec<u8>>,
    public: [u8; PUBLIC_KEY_BYTES],
}

impl SealKey {
    /// Makes a new key.
    pub fn generate() -> Result<Self, IdentityError> {
        let (_, private) = SUITE.generate_key_pair()?;
        Self::from_bytes(private.secret_bytes())
    }

    /// Reads a key that [`SealKey::to_bytes`] gave.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, IdentityError> {
        let key = agreement::PrivateKey::from_private_key(&agreement::X25519, bytes)
            .map_err(|_| IdentityError::BadKey)?;
        let mut public = [0; PUBLIC_KEY_BYTES];
        public.copy_from_slice(key.compute_public_key()?.as_ref());
        Ok(Self {
            private: Zeroizing::new(bytes.to_vec()),
            public,
        })
    }

    /// The key itself, for storing.
    pub fn to_bytes(&self) -> &[u8] {
        &self.private
    }

    /// The public half, for whoever seals.
    pub fn public_key(&self) -> &[u8; PUBLIC_KEY_BYTES] {
        &self.public
    }

    /// Opens what was sealed to this key for `order` on `host`.
    pub fn open(
        &self,
        sealed: &Sealed,
        order: OrderId,
        host: HostId,
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        if sealed.recipient != key_id(&self.public) {
            return Err(SealError::OtherKey);
        }
        SUITE
            .open(
                &EncapsulatedSecret(sealed.encapsulated.clone()),
                INFO,
                &binding(order, host),
                &sealed.ciphertext,
                &HpkePrivateKey::from(self.private.to_vec()),
            )
            .map(Zeroizing::new)
            .map_err(|_| SealError::NotAuthentic)
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealKey({})", hex::encode(key_id(&self.public)))
    }
}

fn binding(order: OrderId, host: HostId) -> Vec<u8> {
    [order.as_uuid().as_bytes().as_slice(), host.as_uuid().as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use muster_base::{Clock, UnixMs};
    use proptest::prelude::*;

    use super::*;

    fn ids() -> (OrderId, HostId) {
        let clock = Clock::manual(UnixMs(1_800_000_000_000));
        (clock.new_id(), clock.new_id())
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens(plaintext in prop::collection::vec(any::<u8>(), 0..512)) {
            let (order, host) = ids();
            let key = SealKey::generate().unwrap();
            let sealed = seal(key.public_key(), order, host, &plaintext).unwrap();
            prop_assert_eq!(&*key.open(&sealed, order, host).unwrap(), &plaintext);
        }

        #[test]
        fn a_changed_bit_is_noticed(at in any::<prop::sample::Index>(), bit in 0_u8..8) {
            let (order, host) = ids();
            let key = SealKey::generate().unwrap();
            let mut sealed = seal(key.public_key(), order, host, b"secret").unwrap();
            let at = at.index(sealed.ciphertext.len());
            sealed.ciphertext[at] ^= 1 << bit;
            prop_assert_eq!(key.open(&sealed, order, host), Err(SealError::NotAuthentic));
        }
    }

    #[test]
    fn another_order_or_host_can_t_open_it() {
        let (order, host) = ids();
        let (other_order, other_host) = ids();
        let key = SealKey::generate().unwrap();
        let sealed = seal(key.public_key(), order, host, b"secret").unwrap();
        assert_eq!(key.open(&sealed, other_order, host), Err(SealError::NotAuthentic));
        assert_eq!(key.open(&sealed, order, other_host), Err(SealError::NotAuthentic));
    }

    #[test]
    fn another_key_can_t_open_it_and_says_so() {
        let (order, host) = ids();
        let (key, other) = (SealKey::generate().unwrap(), SealKey::generate().unwrap());
        let mut sealed = seal(key.public_key(), order, host, b"secret").unwrap();
        assert_eq!(other.open(&sealed, order, host), Err(SealError::OtherKey));
        sealed.recipient = key_id(other.public_key());
        assert_eq!(other.open(&sealed, order, host), Err(SealError::NotAuthentic));
    }

    #[test]
    fn a_key_survives_being_stored_and_does_not_show_itself() {
        let key = SealKey::generate().unwrap();
        let again = SealKey::from_bytes(key.to_bytes()).unwrap();
        assert_eq!(again.public_key(), key.public_key());
        assert!(!format!("{key:?}").contains(&hex::encode(key.to_bytes())));
        assert!(SealKey::from_bytes(b"short").is_err());
    }

    #[test]
    fn a_key_of_the_wrong_size_is_refused() {
        let (order, host) = ids();
        assert_eq!(seal(b"short", order, host, b"").unwrap_err(), SealError::BadKey);
    }
}
