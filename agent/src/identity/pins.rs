//! The resident's copy of the signing keys that count, kept up to date with what the control plane tells.

use muster_identity::keys::{KeyId, Offer, PinnedKeys, VerifyingKey, Vouch};
use muster_protocol::latest::SigningKeyNotice;

use super::{IdentityError, worker_half};
use crate::config::DataDir;

/// Pins the keys that a pinned one vouches for, and retires those that a newer one retires; whether anything changed.
pub fn offer_keys(keys: &mut PinnedKeys, notices: &[SigningKeyNotice]) -> bool {
    let mut changed = false;
    for notice in notices {
        let Ok(key) = VerifyingKey::from_bytes(&notice.public_key) else {
            continue;
        };
        let vouch = notice.vouched_by.map(|by| Vouch {
            by,
            signature: notice.signature.clone(),
        });
        match keys.offer(key, vouch.as_ref()) {
            Offer::Pinned | Offer::Retired => changed = true,
            Offer::Known => {}
            Offer::Refused => tracing::warn!("a signing key that no pinned key vouches for is not believed"),
        }
    }
    changed
}

/// Takes what the control plane tells into the resident's copy, on the disk; the keys that count now.
pub fn take_signing_keys(data: &DataDir, notices: &[SigningKeyNotice]) -> Result<Vec<KeyId>, IdentityError> {
    let mut pinned = worker_half::resident_pinned_keys(data)?;
    if offer_keys(&mut pinned, notices) {
        worker_half::save_resident_pinned_keys(data, &pinned)?;
        tracing::info!(keys = pinned.keys().len(), "the signing keys that count changed");
    }
    Ok(pinned.keys().iter().map(VerifyingKey::id).collect())
}

#[cfg(test)]
mod tests {
    use muster_base::{Clock, UnixMs};
    use muster_identity::{keys::SigningKey, seal::SealKey};

    use super::*;
    use crate::identity::WorkerIdentity;

    fn notice(key: &SigningKey, word: Option<Vouch>) -> SigningKeyNotice {
        SigningKeyNotice {
            public_key: key.public_key().0.to_vec(),
            vouched_by: word.as_ref().map(|word| word.by),
            signature: word.map(|word| word.signature).unwrap_or_default(),
        }
    }

    #[test]
    fn what_is_vouched_for_is_kept_and_an_attacker_s_key_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let (data, clock) = (
            DataDir::new(directory.path()),
            Clock::manual(UnixMs(1_800_000_000_000)),
        );
        let [old, new, attacker] = [(); 3].map(|()| SigningKey::generate().unwrap());
        std::fs::create_dir_all(data.resident()).unwrap();
        let worker = WorkerIdentity {
            org: clock.new_id(),
            host: clock.new_id(),
            pinned: PinnedKeys::from_join([old.public_key()]),
            seal_key: SealKey::generate().unwrap(),
        };
        worker.save(&data).unwrap();
        let mut forged = attacker.vouch_for(attacker.public_key());
        forged.by = old.public_key().id();
        let mut retired = attacker.retire(old.public_key());
        retired.by = old.public_key().id();

        let notices = [
            notice(&old, None),
            notice(&attacker, None),
            notice(&attacker, Some(forged)),
            notice(&old, Some(retired)),
        ];
        assert_eq!(
            take_signing_keys(&data, &notices).unwrap(),
            [old.public_key().id()]
        );

        let notices = [
            notice(&old, None),
            notice(&new, Some(old.vouch_for(new.public_key()))),
        ];
        let ids = [old.public_key().id(), new.public_key().id()];
        assert_eq!(take_signing_keys(&data, &notices).unwrap(), ids);
        assert_eq!(
            worker_half::resident_pinned_keys(&data).unwrap().keys().len(),
            2,
            "on the disk"
        );
    }
}
