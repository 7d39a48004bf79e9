//! The keys that sign work orders, and which of them a host believes.
//!
//! A host pins the keys that it was given at its join. A later key is believed only if one that is pinned vouches
//! for it with a signature, so that taking over the transport or the database is not enough to slip one in.

use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use zeroize::Zeroizing;

use crate::IdentityError;
pub use crate::seal::{KeyId, key_id};

const VOUCH_CONTEXT: &[u8] = b"muster-signing-key-v1\0";

/// A key that signs work orders.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    pkcs8: Zeroizing<Vec<u8>>,
}

impl SigningKey {
    /// Makes a new key.
    pub fn generate() -> Result<Self, IdentityError> {
        let pair = Ed25519KeyPair::generate()?;
        let pkcs8 = pair.to_pkcs8().map_err(|_| IdentityError::BadKey)?;
        Self::from_pkcs8_der(pkcs8.as_ref())
    }

    /// Reads a key that [`SigningKey::pkcs8_der`] gave.
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, IdentityError> {
        Ok(Self {
            pair: Ed25519KeyPair::from_pkcs8(der).map_err(|_| IdentityError::BadKey)?,
            pkcs8: Zeroizing::new(der.to_vec()),
        })
    }

    /// The key itself, for storing.
    pub fn pkcs8_der(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The public half.
    pub fn public_key(&self) -> VerifyingKey {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.pair.public_key().as_ref());
        VerifyingKey(bytes)
    }

    /// Tells hosts that pinned this key that they may believe `newer`.
    pub fn vouch_for(&self, newer: VerifyingKey) -> Vouch {
        Vouch {
            by: self.public_key().id(),
            signature: self.sign(&vouch_bytes(newer)),
        }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", hex::encode(self.public_key().id()))
    }
}

/// The public half of a [`SigningKey`]. Serialized as 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct VerifyingKey(pub [u8; 32]);

impl VerifyingKey {
    /// Reads 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, IdentityError> {
        bytes.try_into().map(Self).map_err(|_| IdentityError::BadKey)
    }

    /// Its id.
    pub fn id(&self) -> KeyId {
        key_id(&self.0)
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0)
            .verify(message, signature)
            .is_ok()
    }
}

impl Serialize for VerifyingKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(self.0))
    }
}

impl<'de> Deserialize<'de> for VerifyingKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut key = [0; 32];
        hex::decode_to_slice(String::deserialize(deserializer)?, &mut key).map_err(D::Error::custom)?;
        Ok(Self(key))
    }
}

/// An older key's word for a newer one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vouch {
    /// The older key.
    pub by: KeyId,
    /// Its signature.
    pub signature: Vec<u8>,
}

/// The keys that a host believes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PinnedKeys(Vec<VerifyingKey>);

/// What became of an offered key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// It was pinned already.
    Known,
    /// A pinned key vouches for it: it is pinned now.
    Pinned,
    /// Nobody pinned vouches for it.
    Refused,
}

impl PinnedKeys {
    /// Pins the keys that came with the join.
    pub fn from_join(keys: impl IntoIterator<Item = VerifyingKey>) -> Self {
        Self(keys.into_iter().collect())
    }

    /// The pinned keys, oldest first.
    pub fn keys(&self) -> &[VerifyingKey] {
        &self.0
    }

    /// Pins `key` if a pinned one vouches for it.
    pub fn offer(&mut self, key: VerifyingKey, vouch: Option<&Vouch>) -> Offer {
        if self.0.contains(&key) {
            return Offer::Known;
        }
        let vouched = vouch.is_some_and(|vouch| {
            self.find(vouch.by)
                .is_some_and(|older| older.verifies(&vouch_bytes(key), &vouch.signature))
        });
        if vouched {
            self.0.push(key);
            Offer::Pinned
        } else {
            Offer::Refused
        }
    }

    pub(crate) fn find(&self, id: KeyId) -> Option<&VerifyingKey> {
        self.0.iter().find(|key| key.id() == id)
    }
}

fn vouch_bytes(key: VerifyingKey) -> Vec<u8> {
    [VOUCH_CONTEXT, &key.0].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_being_stored_and_does_not_show_itself() {
        let key = SigningKey::generate().unwrap();
        let again = SigningKey::from_pkcs8_der(key.pkcs8_der()).unwrap();
        assert_eq!(again.public_key(), key.public_key());
        assert_eq!(format!("{key:?}").len(), "SigningKey()".len() + 16);
    }

    #[test]
    fn a_newer_key_needs_a_pinned_key_s_word() {
        let (old, new, stranger) = (
            SigningKey::generate().unwrap(),
            SigningKey::generate().unwrap(),
            SigningKey::generate().unwrap(),
        );
        let mut pinned = PinnedKeys::from_join([old.public_key()]);

        assert_eq!(pinned.offer(new.public_key(), None), Offer::Refused);
        let by_stranger = stranger.vouch_for(new.public_key());
        assert_eq!(pinned.offer(new.public_key(), Some(&by_stranger)), Offer::Refused);
        let by_itself = new.vouch_for(new.public_key());
        assert_eq!(pinned.offer(new.public_key(), Some(&by_itself)), Offer::Refused);
        let mut forged = stranger.vouch_for(new.public_key());
        forged.by = old.public_key().id();
        assert_eq!(pinned.offer(new.public_key(), Some(&forged)), Offer::Refused);
        let for_another = old.vouch_for(stranger.public_key());
        assert_eq!(pinned.offer(new.public_key(), Some(&for_another)), Offer::Refused);

        let word = old.vouch_for(new.public_key());
        assert_eq!(pinned.offer(new.public_key(), Some(&word)), Offer::Pinned);
        assert_eq!(pinned.offer(new.public_key(), Some(&word)), Offer::Known);
        let next = new.vouch_for(stranger.public_key());
        assert_eq!(pinned.offer(stranger.public_key(), Some(&next)), Offer::Pinned);
    }
}
