//! A record that the control plane keeps and must find as it wrote it, under the keys that sign work orders.
//!
//! Whoever can write to the database can write such a row, but not sign it. The context keeps these signatures apart from
//! those of orders, looks and keys.
//!
//! Keys rotate and records stay: a record counts under a key that was retired too. Which keys ever were the control plane's
//! is not taken from a list that somebody may have added to: a retired one needs the word of the newer one that retired it
//! ([`known`]).

use crate::keys::{KeyId, Offer, PinnedKeys, SigningKey, VerifyingKey, Vouch};

const CONTEXT: &[u8] = b"muster-record-v1\0";

/// Signs a record.
pub fn sign(key: &SigningKey, body: &[u8]) -> (KeyId, Vec<u8>) {
    (key.public_key().id(), key.sign(&signed(body)))
}

/// Whether this key signed these bytes as a record.
pub fn is_signed(key: &VerifyingKey, body: &[u8], signature: &[u8]) -> bool {
    key.verifies(&signed(body), signature)
}

/// The keys that records count under: those in `held`, whose private halves the control plane has, and those that one of
/// them, or one that is known already, has retired. `retired` is in the order of their making.
pub fn known(held: &[VerifyingKey], retired: &[(VerifyingKey, Vouch)]) -> Vec<VerifyingKey> {
    let mut known = held.to_vec();
    // A key is retired by a newer one.
    for (key, word) in retired.iter().rev() {
        let by = known.iter().find(|newer| newer.id() == word.by).copied();
        let says_so =
            by.is_some_and(|by| PinnedKeys::from_join([*key, by]).offer(*key, Some(word)) == Offer::Retired);
        if says_so && !known.contains(key) {
            known.push(*key);
        }
    }
    known
}

fn signed(body: &[u8]) -> Vec<u8> {
    [CONTEXT, body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_counts_under_its_key_and_as_a_record_only() {
        let (ours, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        let (id, signature) = sign(&ours, b"1.0");
        assert_eq!(id, ours.public_key().id());
        assert!(is_signed(&ours.public_key(), b"1.0", &signature));
        assert!(!is_signed(&ours.public_key(), b"1.1", &signature));
        assert!(!is_signed(&other.public_key(), b"1.0", &signature));
        assert!(!is_signed(&ours.public_key(), b"1.0", &ours.sign(b"1.0")));
    }

    #[test]
    fn retired_keys_are_known_by_the_word_of_newer_ones_and_strangers_never() {
        let keys = [(); 3].map(|()| SigningKey::generate().unwrap());
        let [first, second, third] = [&keys[0], &keys[1], &keys[2]];
        let chain = [
            (first.public_key(), second.retire(first.public_key())),
            (second.public_key(), third.retire(second.public_key())),
        ];
        let all = known(&[third.public_key()], &chain);
        assert_eq!(all, [third.public_key(), second.public_key(), first.public_key()]);

        // A row that somebody added: retired by nobody, by itself, or by a key that is not ours.
        let stranger = SigningKey::generate().unwrap();
        let helper = SigningKey::generate().unwrap();
        for word in [
            stranger.retire(stranger.public_key()),
            helper.retire(stranger.public_key()),
            third.vouch_for(stranger.public_key()),
            Vouch {
                by: third.public_key().id(),
                signature: helper.retire(stranger.public_key()).signature,
            },
        ] {
            let added = [chain[1].clone(), (stranger.public_key(), word)];
            assert_eq!(
                known(&[third.public_key()], &added),
                [third.public_key(), second.public_key()]
            );
        }
    }
}
