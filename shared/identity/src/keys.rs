//! The keys that sign work orders, and which of them a host believes.
//!
//! A host pins the keys that it was given at its join. A later key is believed only if one that is pinned vouches
//! for it with a signature, so that taking over the transport or the database is not enough to slip one in. Likewise a
//! key is retired only by the word of a newer one. Orders under a retired key are not begun any more; those that were
//! begun while it counted are finished.

use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use zeroize::Zeroizing;

use crate::IdentityError;
pub use crate::seal::{KeyId, key_id};

const VOUCH_CONTEXT: &[u8] = b"muster-signing-key-v1\0";
const RETIRE_CONTEXT: &[u8] = b"muster-signing-key-retired-v1\0";

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

    /// Tells hosts that pinned this key that `older` counts no more.
    pub fn retire(&self, older: VerifyingKey) -> Vouch {
        Vouch {
            by: self.public_key().id(),
            signature: self.sign(&retire_bytes(older)),
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

    /// Whether this key signed `message`.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
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

/// The keys that a host believes, and those that it believed before.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub struct PinnedKeys {
    keys: Vec<VerifyingKey>,
    retired: Vec<VerifyingKey>,
}

/// What is in the file: once it was the list of keys alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    Keys(Vec<VerifyingKey>),
    All {
        keys: Vec<VerifyingKey>,
        retired: Vec<VerifyingKey>,
    },
}

impl From<Stored> for PinnedKeys {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::Keys(keys) => Self::from_join(keys),
            Stored::All { keys, retired } => Self { keys, retired },
        }
    }
}

/// What became of an offered key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// It was pinned already.
    Known,
    /// A pinned key vouches for it: it is pinned now.
    Pinned,
    /// A newer key says that it counts no more.
    Retired,
    /// Nobody pinned vouches for it.
    Refused,
}

impl PinnedKeys {
    /// Pins the keys that came with the join.
    pub fn from_join(keys: impl IntoIterator<Item = VerifyingKey>) -> Self {
        Self {
            keys: keys.into_iter().collect(),
            retired: Vec::new(),
        }
    }

    /// The pinned keys, oldest first.
    pub fn keys(&self) -> &[VerifyingKey] {
        &self.keys
    }

    /// Pins `key` if a pinned one vouches for it; retires it if a newer one says so. A retired key never comes back.
    pub fn offer(&mut self, key: VerifyingKey, vouch: Option<&Vouch>) -> Offer {
        if let Some(place) = self.keys.iter().position(|pinned| *pinned == key) {
            // Keys are pinned in the order of their making, so that only a later one can be meant.
            let retired = vouch.is_some_and(|vouch| {
                self.keys[place + 1..].iter().any(|newer| {
                    newer.id() == vouch.by && newer.verifies(&retire_bytes(key), &vouch.signature)
                })
            });
            if !retired {
                return Offer::Known;
            }
            self.retired.push(self.keys.remove(place));
            return Offer::Retired;
        }
        if self.retired.contains(&key) {
            return Offer::Known;
        }
        let vouched = vouch.is_some_and(|vouch| {
            self.find(vouch.by)
                .is_some_and(|older| older.verifies(&vouch_bytes(key), &vouch.signature))
        });
        if vouched {
            self.keys.push(key);
            Offer::Pinned
        } else {
            Offer::Refused
        }
    }

    /// Whether this key counted once, and counts no more.
    pub fn is_retired(&self, id: KeyId) -> bool {
        self.find(id).is_none() && self.find_retired(id).is_some()
    }

    pub(crate) fn find(&self, id: KeyId) -> Option<&VerifyingKey> {
        self.keys.iter().find(|key| key.id() == id)
    }

    pub(crate) fn find_retired(&self, id: KeyId) -> Option<&VerifyingKey> {
        self.retired.iter().find(|key| key.id() == id)
    }
}

fn vouch_bytes(key: VerifyingKey) -> Vec<u8> {
    [VOUCH_CONTEXT, &key.0].concat()
}

fn retire_bytes(key: VerifyingKey) -> Vec<u8> {
    [RETIRE_CONTEXT, &key.0].concat()
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

    #[test]
    fn only_a_newer_key_retires_an_older_one_and_it_never_comes_back() {
        let [old, new, stranger] = [(); 3].map(|()| SigningKey::generate().unwrap());
        let mut pinned = PinnedKeys::from_join([old.public_key()]);
        let word = old.vouch_for(new.public_key());
        assert_eq!(
            pinned.offer(old.public_key(), Some(&new.retire(old.public_key()))),
            Offer::Known,
            "by a key that nobody knows"
        );
        assert_eq!(pinned.offer(new.public_key(), Some(&word)), Offer::Pinned);
        for refused in [
            stranger.retire(old.public_key()),
            old.retire(old.public_key()),
            new.vouch_for(old.public_key()),
            new.retire(stranger.public_key()),
        ] {
            assert_eq!(pinned.offer(old.public_key(), Some(&refused)), Offer::Known);
        }
        let by_the_older = old.retire(new.public_key());
        assert_eq!(pinned.offer(new.public_key(), Some(&by_the_older)), Offer::Known);

        let retired = new.retire(old.public_key());
        assert_eq!(pinned.offer(old.public_key(), Some(&retired)), Offer::Retired);
        assert_eq!(pinned.keys(), [new.public_key()]);
        assert!(pinned.is_retired(old.public_key().id()));
        let back = new.vouch_for(old.public_key());
        assert_eq!(pinned.offer(old.public_key(), Some(&back)), Offer::Known);
        assert_eq!(pinned.keys(), [new.public_key()]);

        let text = serde_json::to_string(&pinned).unwrap();
        assert_eq!(serde_json::from_str::<PinnedKeys>(&text).unwrap(), pinned);
        let list = serde_json::to_string(&[old.public_key()]).unwrap();
        let read: PinnedKeys = serde_json::from_str(&list).unwrap();
        assert_eq!(read, PinnedKeys::from_join([old.public_key()]));
    }
}
