//! What the worker knows, so that it need not believe the resident.

use std::{
    fs,
    path::{Path, PathBuf},
};

use muster_base::{HostId, OrgId};
use muster_identity::{keys::PinnedKeys, seal::SealKey};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use super::{IdentityError, files, write_private};
use crate::config::DataDir;

/// Whose orders to do, for whom, and with which key to open their secrets.
#[derive(Debug)]
pub struct WorkerIdentity {
    /// The org that may ask.
    pub org: OrgId,
    /// The host that is asked.
    pub host: HostId,
    /// Keys whose orders count.
    pub pinned: PinnedKeys,
    /// Opens sealed secrets.
    pub seal_key: SealKey,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HostFile {
    org: OrgId,
    host: HostId,
}

impl WorkerIdentity {
    /// Reads the worker's half of the identity.
    pub fn load(data: &DataDir) -> Result<Self, IdentityError> {
        let HostFile { org, host } = read_json(&host_path(data))?;
        let path = seal_path(data);
        let hex = Zeroizing::new(fs::read_to_string(&path).map_err(IdentityError::file(&path))?);
        let bytes = Zeroizing::new(hex::decode(hex.trim()).map_err(|e| IdentityError::Malformed {
            path,
            reason: e.to_string(),
        })?);
        Ok(Self {
            org,
            host,
            pinned: read_json(&keys_path(data))?,
            seal_key: SealKey::from_bytes(&bytes)?,
        })
    }

    /// Keeps the worker's half of the identity, and where the resident finds them the public seal key and a copy of
    /// the pinned keys.
    pub fn save(&self, data: &DataDir) -> Result<(), IdentityError> {
        files::make_private_dir(&data.worker())?;
        let secret = Zeroizing::new(hex::encode(self.seal_key.to_bytes()));
        write(&seal_path(data), secret.as_bytes())?;
        self.save_pinned(data)?;
        write_json(
            &host_path(data),
            &HostFile {
                org: self.org,
                host: self.host,
            },
        )?;
        let public = hex::encode(self.seal_key.public_key());
        write(&data.resident().join("seal.pub"), public.as_bytes())?;
        write_json(&resident_keys_path(data), &self.pinned)
    }

    /// Keeps the pinned keys, after [`PinnedKeys::offer`] pinned another.
    pub fn save_pinned(&self, data: &DataDir) -> Result<(), IdentityError> {
        write_json(&keys_path(data), &self.pinned)
    }
}

fn host_path(data: &DataDir) -> PathBuf {
    data.worker().join("host.json")
}

fn seal_path(data: &DataDir) -> PathBuf {
    data.worker().join("seal.key")
}

fn keys_path(data: &DataDir) -> PathBuf {
    data.worker().join("signing-keys.json")
}

/// The keys whose orders count, as the resident knows them: what the control plane names later is believed only if one
/// of these vouches for it.
pub fn resident_pinned_keys(data: &DataDir) -> Result<PinnedKeys, IdentityError> {
    read_json(&resident_keys_path(data))
}

/// Keeps the resident's copy.
pub(super) fn save_resident_pinned_keys(data: &DataDir, keys: &PinnedKeys) -> Result<(), IdentityError> {
    write_json(&resident_keys_path(data), keys)
}

fn resident_keys_path(data: &DataDir) -> PathBuf {
    data.resident().join("signing-keys.json")
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, IdentityError> {
    if !path.exists() {
        return Err(IdentityError::NotJoined(path.to_owned()));
    }
    let text = fs::read(path).map_err(IdentityError::file(path))?;
    serde_json::from_slice(&text).map_err(|e| IdentityError::Malformed {
        path: path.to_owned(),
        reason: e.to_string(),
    })
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), IdentityError> {
    let text = serde_json::to_vec(value).map_err(|e| IdentityError::Malformed {
        path: path.to_owned(),
        reason: e.to_string(),
    })?;
    write(path, &text)
}

fn write(path: &Path, content: &[u8]) -> Result<(), IdentityError> {
    write_private(path, content).map_err(IdentityError::file(path))
}

#[cfg(test)]
mod tests {
    use muster_base::{Clock, UnixMs};
    use muster_identity::keys::SigningKey;

    use super::*;

    #[test]
    fn the_worker_s_half_is_read_back_and_its_key_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let data = DataDir::new(directory.path());
        let clock = Clock::manual(UnixMs(1_800_000_000_000));
        assert!(matches!(
            WorkerIdentity::load(&data),
            Err(IdentityError::NotJoined(_))
        ));

        let made = WorkerIdentity {
            org: clock.new_id(),
            host: clock.new_id(),
            pinned: PinnedKeys::from_join([SigningKey::generate().unwrap().public_key()]),
            seal_key: SealKey::generate().unwrap(),
        };
        files::make_private_dir(&data.resident()).unwrap();
        made.save(&data).unwrap();

        let read = WorkerIdentity::load(&data).unwrap();
        assert_eq!(
            (read.org, read.host, &read.pinned),
            (made.org, made.host, &made.pinned)
        );
        assert_eq!(read.seal_key.public_key(), made.seal_key.public_key());
        assert_eq!(
            super::super::Identity::seal_public_key(&data).unwrap(),
            made.seal_key.public_key()
        );
        for path in [data.worker(), seal_path(&data)] {
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o077, 0);
        }
    }
}
