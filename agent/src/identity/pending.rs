//! A join under way: the keys that were made for it, kept until the answer is on the disk. Whoever repeats the join with the
//! same token asks with the same keys, and is the same host even if the first answer was lost.

use std::fs;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use muster_identity::{Fingerprint, certificate::PrivateKey, seal::SealKey, token::JoinToken};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{IdentityError, write_private};
use crate::config::DataDir;

/// The keys of a join.
pub(super) struct Pending {
    pub(super) key: PrivateKey,
    pub(super) seal_key: SealKey,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Stored {
    /// SHA-256 of the token: another one is for another join.
    token: String,
    ca_fingerprint: String,
    key: String,
    seal_key: String,
}

impl Pending {
    /// The keys that a join with this token was begun with, or new ones, which are on the disk when this returns.
    pub(super) fn take_up(data: &DataDir, token: &JoinToken, ca: Fingerprint) -> Result<Self, IdentityError> {
        if let Some(begun) = Self::load(data, token, ca) {
            return Ok(begun);
        }
        let new = Self {
            key: PrivateKey::generate()?,
            seal_key: SealKey::generate()?,
        };
        new.save(data, token, ca)?;
        Ok(new)
    }

    /// The join is over: its keys are where they belong.
    pub(super) fn forget(data: &DataDir) -> Result<(), IdentityError> {
        let path = path(data);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(IdentityError::file(path)(error))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// What can't be read was not begun.
    fn load(data: &DataDir, token: &JoinToken, ca: Fingerprint) -> Option<Self> {
        let text = Zeroizing::new(fs::read(path(data)).ok()?);
        let stored: Stored = serde_json::from_slice(&text).ok()?;
        if stored.token != token.hash().to_string() || stored.ca_fingerprint != ca.to_string() {
            return None;
        }
        let key = Zeroizing::new(STANDARD.decode(&stored.key).ok()?);
        let seal_key = Zeroizing::new(STANDARD.decode(&stored.seal_key).ok()?);
        Some(Self {
            key: PrivateKey::from_pkcs8_der(&key).ok()?,
            seal_key: SealKey::from_bytes(&seal_key).ok()?,
        })
    }

    fn save(&self, data: &DataDir, token: &JoinToken, ca: Fingerprint) -> Result<(), IdentityError> {
        let path = path(data);
        let stored = Stored {
            token: token.hash().to_string(),
            ca_fingerprint: ca.to_string(),
            key: STANDARD.encode(self.key.pkcs8_der()),
            seal_key: STANDARD.encode(self.seal_key.to_bytes()),
        };
        let text = serde_json::to_vec(&stored).map_err(|e| IdentityError::Malformed {
            path: path.clone(),
            reason: e.to_string(),
        })?;
        write_private(&path, &Zeroizing::new(text)).map_err(IdentityError::file(&path))
    }
}

/// In the worker's half: the resident must not read the seal key.
fn path(data: &DataDir) -> std::path::PathBuf {
    data.worker().join("join.json")
}
