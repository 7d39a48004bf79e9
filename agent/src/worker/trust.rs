//! The worker's half of the agent's identity, in `DIR/worker`, which only root can read:
//!
//! | file | what |
//! |---|---|
//! | `host.json` | org and host, from the join |
//! | `signing-keys.json` | the keys whose orders are believed |
//! | `seal.key` | opens the secrets that are sealed to this host |
//!
//! A new signing key is pinned only if a pinned one vouches for it, whoever hands it over.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use muster_base::{HostId, OrderId, OrgId};
use muster_identity::{
    IdentityError,
    keys::{Offer, PinnedKeys, VerifyingKey, Vouch},
    seal::{SealError, SealKey, Sealed},
};
use muster_protocol::latest::{OrderRefusal, SealedSecrets, SecretValues, SigningKeyNotice};
use serde::{Deserialize, Serialize};

use super::secrets::Secrets;
use crate::{files::write_private, orders::verify::Trust};

const HOST: &str = "host.json";
const SIGNING_KEYS: &str = "signing-keys.json";
const SEAL_KEY: &str = "seal.key";

/// The worker's half is not usable.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// A file can't be read or written.
    #[error("{path}: {source}; join the fleet with `muster-agent join` first")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The seal key can't be read.
    #[error("the worker's seal key can't be used")]
    Key(#[source] IdentityError),
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Host {
    org: OrgId,
    host: HostId,
}

/// What the worker knows without the resident.
#[derive(Debug)]
pub struct WorkerTrust {
    dir: PathBuf,
    trust: Trust,
    seal_key: SealKey,
}

impl WorkerTrust {
    /// Reads the worker's half in `dir`.
    pub fn load(dir: &Path) -> Result<Self, TrustError> {
        let host: Host = read_json(&dir.join(HOST))?;
        let keys: PinnedKeys = read_json(&dir.join(SIGNING_KEYS))?;
        let path = dir.join(SEAL_KEY);
        let bytes =
            zeroize::Zeroizing::new(fs::read(&path).map_err(|source| TrustError::File { path, source })?);
        Ok(Self {
            dir: dir.to_owned(),
            trust: Trust {
                org: host.org,
                host: host.host,
                keys,
            },
            seal_key: SealKey::from_bytes(&bytes).map_err(TrustError::Key)?,
        })
    }

    /// Writes the worker's half as the join got it, and makes its seal key unless there is one. Returns the public
    /// half of that key.
    pub fn create(dir: &Path, trust: &Trust) -> Result<[u8; 32], TrustError> {
        let Trust { org, host, keys } = trust;
        let host = Host {
            org: *org,
            host: *host,
        };
        let key = SealKey::generate().map_err(TrustError::Key)?;
        write(&dir.join(SEAL_KEY), hex::encode(key.to_bytes()).as_bytes())?;
        write_json(&dir.join(HOST), &host)?;
        write_json(&dir.join(SIGNING_KEYS), keys)?;
        Ok(*key.public_key())
    }

    /// Who we are and whom we believe.
    pub const fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Pins what a pinned key vouches for.
    pub fn offer(&mut self, notices: &[SigningKeyNotice]) -> Result<(), TrustError> {
        if offer_keys(&mut self.trust.keys, notices) {
            write_json(&self.dir.join(SIGNING_KEYS), &self.trust.keys)?;
        }
        Ok(())
    }

    /// Opens an order's sealed part.
    pub fn open(&self, sealed: &[u8], order: OrderId) -> Result<Secrets, OrderRefusal> {
        if sealed.is_empty() {
            return Ok(Secrets::default());
        }
        let parts: SealedSecrets = muster_protocol::decode(sealed).map_err(|_| OrderRefusal::Unreadable)?;
        let parts = Sealed {
            recipient: parts.recipient,
            encapsulated: parts.encapsulated,
            ciphertext: parts.ciphertext,
        };
        let plain = self
            .seal_key
            .open(&parts, order, self.trust.host)
            .map_err(|e| match e {
                SealError::OtherKey | SealError::BadKey => OrderRefusal::SealedForOldKey,
                SealError::NotAuthentic => OrderRefusal::BadDigest,
            })?;
        let values: SecretValues = muster_protocol::decode(&plain).map_err(|_| OrderRefusal::Unreadable)?;
        Ok(values.into())
    }
}

/// Pins the keys that a pinned one vouches for; `true` if there was one.
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
            Offer::Pinned => changed = true,
            Offer::Known => {}
            Offer::Refused => tracing::warn!("a signing key that no pinned key vouches for is not believed"),
        }
    }
    changed
}

fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, TrustError> {
    let error = |source| TrustError::File {
        path: path.to_owned(),
        source,
    };
    let text = fs::read(path).map_err(error)?;
    serde_json::from_slice(&text).map_err(|e| error(e.into()))
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), TrustError> {
    let text = serde_json::to_vec(value).map_err(|e| TrustError::File {
        path: path.to_owned(),
        source: e.into(),
    })?;
    write(path, &text)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), TrustError> {
    write_private(path, bytes).map_err(|source| TrustError::File {
        path: path.to_owned(),
        source,
    })
}
