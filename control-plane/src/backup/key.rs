//! The file's header, and the key that it asks for.

use std::{
    fs,
    io::{Read, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::hkdf;
use muster_base::{ExposeSecret, SecretString, random_array};
use zeroize::Zeroizing;

use super::BackupError;
use crate::secrets::seal::stream::PREFIX_BYTES;

const MAGIC: &[u8; 14] = b"muster-backup\n";
const VERSION: u8 = 1;
const SALT_BYTES: usize = 16;
const HEADER_BYTES: usize = MAGIC.len() + 2 + SALT_BYTES + PREFIX_BYTES;
const MIN_PASSPHRASE: usize = 12;
/// argon2id's cost; fixed by [`VERSION`].
const MEMORY_KIB: u32 = 64 << 10;
const PASSES: u32 = 3;
const HKDF_INFO: &[u8] = b"muster/backup/v1";

/// 32 random bytes that an operator keeps elsewhere.
pub struct RecoveryKey(Zeroizing<[u8; 32]>);

impl RecoveryKey {
    /// Reads it from a file that only its owner can read.
    pub fn read(path: &Path) -> Result<Self, BackupError> {
        let unusable = || BackupError::RecoveryKey(path.to_owned());
        let about = fs::metadata(path).map_err(|e| BackupError::File(path.to_owned(), e))?;
        if about.permissions().mode() & 0o077 != 0 {
            return Err(unusable());
        }
        let text = fs::read_to_string(path).map_err(|e| BackupError::File(path.to_owned(), e))?;
        let text = Zeroizing::new(text);
        let mut key = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.trim(), key.as_mut_slice()).map_err(|_| unusable())?;
        Ok(Self(key))
    }
}

/// What opens a backup.
pub enum Unlock {
    /// Something that a person remembers.
    Passphrase(SecretString),
    /// A key in a file.
    RecoveryKey(RecoveryKey),
}

impl Unlock {
    const fn code(&self) -> u8 {
        match self {
            Self::Passphrase(_) => 1,
            Self::RecoveryKey(_) => 2,
        }
    }

    fn derive(&self, salt: &[u8; SALT_BYTES]) -> Result<Zeroizing<[u8; 32]>, BackupError> {
        let mut key = Zeroizing::new([0; 32]);
        let derived = match self {
            Self::Passphrase(passphrase) => {
                let text = passphrase.expose_secret();
                if text.chars().count() < MIN_PASSPHRASE {
                    return Err(BackupError::Passphrase);
                }
                Params::new(MEMORY_KIB, PASSES, 1, Some(32))
                    .map(|params| Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
                    .and_then(|argon2| argon2.hash_password_into(text.as_bytes(), salt, key.as_mut_slice()))
                    .map_err(|e| e.to_string())
            }
            Self::RecoveryKey(RecoveryKey(secret)) => hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
                .extract(secret.as_slice())
                .expand(&[HKDF_INFO], hkdf::HKDF_SHA256)
                .and_then(|okm| okm.fill(key.as_mut_slice()))
                .map_err(|e| e.to_string()),
        };
        derived.map_err(BackupError::Derive)?;
        Ok(key)
    }
}

/// A file's header and what comes of it.
pub(super) struct Header {
    pub(super) bytes: [u8; HEADER_BYTES],
    pub(super) prefix: [u8; PREFIX_BYTES],
    pub(super) key: Zeroizing<[u8; 32]>,
}

impl Header {
    /// A new file's.
    pub(super) fn make(unlock: &Unlock) -> Result<Self, BackupError> {
        let (salt, prefix) = (random_array::<SALT_BYTES>(), random_array::<PREFIX_BYTES>());
        let parts: [&[u8]; 4] = [MAGIC, &[VERSION, unlock.code()], &salt, &prefix];
        let mut bytes = [0; HEADER_BYTES];
        bytes.copy_from_slice(&parts.concat());
        Ok(Self {
            bytes,
            prefix,
            key: unlock.derive(&salt)?,
        })
    }

    pub(super) fn write(&self, into: &mut impl Write) -> std::io::Result<()> {
        into.write_all(&self.bytes)
    }

    /// Reads the header of the file at `path`. The key is only known to be right once something opens.
    pub(super) fn read(from: &mut impl Read, path: &Path, unlock: &Unlock) -> Result<Self, BackupError> {
        let not_ours = || BackupError::NotABackup(path.to_owned());
        let mut bytes = [0; HEADER_BYTES];
        from.read_exact(&mut bytes).map_err(|_| not_ours())?;
        let (magic, rest) = bytes.split_at(MAGIC.len());
        if magic != MAGIC || rest[0] != VERSION || rest[1] != unlock.code() {
            return Err(not_ours());
        }
        let (mut salt, mut prefix) = ([0; SALT_BYTES], [0; PREFIX_BYTES]);
        salt.copy_from_slice(&rest[2..2 + SALT_BYTES]);
        prefix.copy_from_slice(&rest[2 + SALT_BYTES..]);
        Ok(Self {
            bytes,
            prefix,
            key: unlock.derive(&salt)?,
        })
    }
}
