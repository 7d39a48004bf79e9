//! A wish to read something on one host, under the keys that sign work orders.
//!
//! It changes nothing, so it needs neither a number nor a journal: what it names (org, host, an end of its time) is in
//! the bytes that are signed, and whoever reads them checks it. The context keeps these signatures apart from those of
//! orders and of keys, and each kind of wish from the others.

use crate::keys::{KeyId, PinnedKeys, SigningKey};

/// What is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// A container's log.
    Log,
    /// A database's schema.
    Schema,
    /// How many rows a statement would touch.
    Count,
    /// What a change does to a scratch database. It changes no database that was there before; what is made for it is dropped again.
    Proof,
}

impl Look {
    const fn context(self) -> &'static [u8] {
        match self {
            Self::Log => b"muster-look-v1\0",
            Self::Schema => b"muster-schema-look-v1\0",
            Self::Count => b"muster-count-look-v1\0",
            Self::Proof => b"muster-proof-look-v1\0",
        }
    }
}

/// Signs the bytes of a wish.
pub fn sign(look: Look, key: &SigningKey, body: &[u8]) -> (KeyId, Vec<u8>) {
    (key.public_key().id(), key.sign(&signed(look, body)))
}

/// Whether a key that counts has signed these bytes as a wish to read.
pub fn is_signed(look: Look, keys: &PinnedKeys, key: KeyId, body: &[u8], signature: &[u8]) -> bool {
    keys.keys()
        .iter()
        .any(|pinned| pinned.id() == key && pinned.verifies(&signed(look, body), signature))
}

fn signed(look: Look, body: &[u8]) -> Vec<u8> {
    [look.context(), body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_pinned_key_s_word_for_these_very_bytes_counts() {
        let (ours, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        let pinned = PinnedKeys::from_join([ours.public_key()]);
        let (id, signature) = sign(Look::Log, &ours, b"shop");
        assert!(is_signed(Look::Log, &pinned, id, b"shop", &signature));
        assert!(!is_signed(Look::Log, &pinned, id, b"shop2", &signature));
        assert!(!is_signed(Look::Schema, &pinned, id, b"shop", &signature));
        let (id, signature) = sign(Look::Log, &other, b"shop");
        assert!(!is_signed(Look::Log, &pinned, id, b"shop", &signature));
        // Signed by the right key, but not as a wish to read.
        let key = ours.public_key().id();
        assert!(!is_signed(Look::Log, &pinned, key, b"shop", &ours.sign(b"shop")));
    }
}
