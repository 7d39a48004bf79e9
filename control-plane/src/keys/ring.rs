//! Master keys in memory, and what is derived from each.

use std::fmt;

use aws_lc_rs::hkdf;
use muster_base::{random_array, sha256};
use zeroize::Zeroizing;

use super::KeyError;

/// Stands before a key that is known but does not seal yet.
const NEXT: &str = "next:";

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
    /// Codes and links in the outbox.
    Outbox,
    /// Secrets of authenticator apps.
    SecondFactors,
    /// Keyed hashes of codes that are sent.
    Codes,
    /// The super administrator's devices.
    Devices,
    /// Keys of the audit archive's files.
    AuditArchive,
    /// Refresh tokens.
    RefreshTokens,
    /// Which names that nobody has are given which work.
    Decoys,
}

impl Purpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::Secrets => b"muster/secrets/v1",
            Self::KeyStore => b"muster/key-store/v1",
            Self::AccessTokens => b"muster/access-tokens/v1",
            Self::Csrf => b"muster/csrf/v1",
            Self::Outbox => b"muster/outbox/v1",
            Self::SecondFactors => b"muster/second-factors/v1",
            Self::Codes => b"muster/codes/v1",
            Self::Devices => b"muster/devices/v1",
            Self::AuditArchive => b"muster/audit-archive/v1",
            Self::RefreshTokens => b"muster/refresh-tokens/v1",
            Self::Decoys => b"muster/decoys/v1",
        }
    }
}

/// One master key.
#[derive(Clone)]
pub struct MasterKey {
    bytes: Zeroizing<[u8; 32]>,
    id: String,
}

impl MasterKey {
    /// A master key of these bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        let named = Zeroizing::new([b"muster/key-id/v1".as_slice(), &bytes].concat());
        Self {
            id: hex::encode(&sha256(&named).0[..4]),
            bytes: Zeroizing::new(bytes),
        }
    }

    /// A new one.
    pub fn generate() -> Self {
        Self::new(random_array())
    }

    /// Names it without telling anything of it: 8 hexadecimal digits.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The key for one purpose.
    pub fn derive(&self, purpose: Purpose) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        let pseudo_random = hkdf::Salt::new(hkdf::HKDF_SHA256, b"muster").extract(self.bytes.as_slice());
        let expanded = pseudo_random
            .expand(&[purpose.label()], hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(key.as_mut_slice()));
        debug_assert!(expanded.is_ok(), "32 bytes is a length that HKDF-SHA256 gives");
        key
    }

    fn parse(text: &str) -> Result<Self, KeyError> {
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text, bytes.as_mut_slice()).map_err(|_| KeyError::Malformed)?;
        Ok(Self::new(*bytes))
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.id)
    }
}

/// The master keys that a process knows.
#[derive(Debug, Clone)]
pub struct Ring {
    /// Seals and signs.
    pub current: MasterKey,
    /// Open what they sealed before, newest first.
    pub previous: Vec<MasterKey>,
    /// Opens what others may seal with it; becomes the current one.
    pub next: Option<MasterKey>,
}

impl Ring {
    /// A ring of one key.
    pub fn of(current: MasterKey) -> Self {
        Self {
            current,
            previous: Vec::new(),
            next: None,
        }
    }

    /// Reads `KEY`, `KEY,OLDER…` or `KEY,next:KEY`.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut words = text
            .split(|c: char| c == ',' || c.is_whitespace())
            .filter(|word| !word.is_empty());
        let current = MasterKey::parse(words.next().ok_or(KeyError::Malformed)?)?;
        let mut ring = Self::of(current);
        for word in words {
            match word.strip_prefix(NEXT) {
                Some(_) if ring.next.is_some() => return Err(KeyError::Malformed),
                Some(key) => ring.next = Some(MasterKey::parse(key)?),
                None => ring.previous.push(MasterKey::parse(word)?),
            }
        }
        Ok(ring)
    }

    /// What [`Ring::parse`] reads, one key a line.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(80 * (2 + self.previous.len())));
        let mut line = |prefix: &str, key: &MasterKey| {
            text.push_str(prefix);
            text.push_str(&Zeroizing::new(hex::encode(key.bytes.as_slice())));
            text.push('\n');
        };
        line("", &self.current);
        for key in &self.previous {
            line("", key);
        }
        if let Some(key) = &self.next {
            line(NEXT, key);
        }
        text
    }

    /// Every key, the one that seals first.
    pub fn all(&self) -> impl Iterator<Item = &MasterKey> {
        std::iter::once(&self.current)
            .chain(&self.previous)
            .chain(&self.next)
    }

    /// Their ids, the one that seals first.
    pub fn ids(&self) -> Vec<String> {
        self.all().map(|key| key.id.clone()).collect()
    }

    /// Whether there is a key of this id.
    pub fn knows(&self, id: &str) -> bool {
        self.all().any(|key| key.id == id)
    }

    /// This ring, and what `older` knew besides.
    pub(super) fn keeping(mut self, older: &Self) -> Self {
        for key in older.all() {
            if !self.knows(&key.id) {
                self.previous.push(key.clone());
            }
        }
        self
    }
}
