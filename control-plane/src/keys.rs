//! The master key and what is derived from it.
//!
//! The master key is 32 random bytes in a file (`master.key`, 0600), in the environment (`MUSTER_MASTER_KEY`,
//! hexadecimal) or a systemd credential (`muster-master-key`); never in the database. Every use has its own key,
//! derived by HKDF-SHA256 with the use's name, so that no two uses share one.

use std::{
    fmt,
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use aws_lc_rs::hkdf;
use muster_base::{random_array, sha256};
use zeroize::{Zeroize, Zeroizing};

const CREDENTIAL: &str = "muster-master-key";
const VARIABLE: &str = "MUSTER_MASTER_KEY";

/// The master key can't be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// No key anywhere.
    #[error(
        "no master key: run `muster setup`, or give it as {VARIABLE} or as the systemd credential {CREDENTIAL}"
    )]
    Missing,
    /// The file can't be read or written.
    #[error("the master key file {0} can't be used")]
    File(PathBuf, #[source] io::Error),
    /// Others may read the file.
    #[error("the master key file {0} can be read by others: run `chmod 600` on it")]
    Exposed(PathBuf),
    /// Not 64 hexadecimal digits.
    #[error("the master key must be 64 hexadecimal digits")]
    Malformed,
}

/// What a derived key is for. The text is part of the derivation and never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Values in the secrets room.
    Secrets,
    /// The CA's and the order-signing private keys at rest.
    KeyStore,
    /// Access tokens.
    AccessTokens,
    /// CSRF tokens.
    Csrf,
}

impl Purpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::Secrets => b"muster/secrets/v1",
            Self::KeyStore => b"muster/key-store/v1",
            Self::AccessTokens => b"muster/access-tokens/v1",
            Self::Csrf => b"muster/csrf/v1",
        }
    }
}

/// The process's keys.
pub struct Keys {
    master: Zeroizing<[u8; 32]>,
    id: String,
}

impl Keys {
    /// Keys from a master key.
    pub fn new(master: [u8; 32]) -> Self {
        let id = hex::encode(&sha256(&[b"muster/key-id/v1".as_slice(), &master].concat()).0[..4]);
        Self {
            master: Zeroizing::new(master),
            id,
        }
    }

    /// Reads the master key from the environment, a systemd credential or `data/master.key`, in that order.
    pub fn load(data: &Path) -> Result<Self, KeyError> {
        if let Ok(text) = std::env::var(VARIABLE) {
            return parse(&text);
        }
        if let Some(directory) = std::env::var_os("CREDENTIALS_DIRECTORY") {
            let path = Path::new(&directory).join(CREDENTIAL);
            if path.exists() {
                return read(&path);
            }
        }
        let path = data.join("master.key");
        if !path.exists() {
            return Err(KeyError::Missing);
        }
        let mode = fs::metadata(&path)
            .map_err(|e| KeyError::File(path.clone(), e))?
            .permissions()
            .mode();
        if mode & 0o077 != 0 {
            return Err(KeyError::Exposed(path));
        }
        read(&path)
    }

    /// As [`Keys::load`], making `data/master.key` if there is no key at all.
    pub fn load_or_create(data: &Path) -> Result<Self, KeyError> {
        match Self::load(data) {
            Err(KeyError::Missing) => create(&data.join("master.key")),
            other => other,
        }
    }

    /// Names the master key without telling anything of it: 8 hexadecimal digits.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The key for one purpose.
    pub fn derive(&self, purpose: Purpose) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        let pseudo_random = hkdf::Salt::new(hkdf::HKDF_SHA256, b"muster").extract(self.master.as_slice());
        let expanded = pseudo_random
            .expand(&[purpose.label()], hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(key.as_mut_slice()));
        debug_assert!(expanded.is_ok(), "32 bytes is a length that HKDF-SHA256 gives");
        key
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

fn read(path: &Path) -> Result<Keys, KeyError> {
    let text = Zeroizing::new(fs::read_to_string(path).map_err(|e| KeyError::File(path.to_owned(), e))?);
    parse(&text)
}

fn parse(text: &str) -> Result<Keys, KeyError> {
    let mut master = [0; 32];
    hex::decode_to_slice(text.trim(), &mut master).map_err(|_| KeyError::Malformed)?;
    let keys = Keys::new(master);
    master.zeroize();
    Ok(keys)
}

fn create(path: &Path) -> Result<Keys, KeyError> {
    let master = random_array::<32>();
    let text = Zeroizing::new(hex::encode(master));
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(text.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()
    };
    write().map_err(|e| KeyError::File(path.to_owned(), e))?;
    Ok(Keys::new(master))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_created_key_is_private_and_is_read_back() {
        let data = tempfile::tempdir().unwrap();
        let made = Keys::load_or_create(data.path()).unwrap();
        let mode = fs::metadata(data.path().join("master.key"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(Keys::load(data.path()).unwrap().id(), made.id());
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let data = tempfile::tempdir().unwrap();
        Keys::load_or_create(data.path()).unwrap();
        let path = data.path().join("master.key");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(Keys::load(data.path()), Err(KeyError::Exposed(_))));
    }

    #[test]
    fn purposes_have_different_keys() {
        let keys = Keys::new([7; 32]);
        assert_ne!(keys.derive(Purpose::Secrets), keys.derive(Purpose::Csrf));
        assert_ne!(keys.derive(Purpose::Secrets).as_slice(), [0; 32]);
    }
}
