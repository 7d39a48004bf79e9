//! Sealing: AES-256-GCM for everything that is kept and must not be read from the database; [`stream`] for files.
//!
//! A sealed value is the text `keyId:iv:tag:ciphertext`:
//!
//! | part | what | form |
//! |---|---|---|
//! | `keyId` | first 8 bytes of SHA-256("muster/seal-key/1" ‖ key) | 16 hexadecimal digits |
//! | `iv` | a fresh random 96-bit nonce for each sealing | 24 hexadecimal digits |
//! | `tag` | the 128-bit authentication tag | 32 hexadecimal digits |
//! | `ciphertext` | as long as the plain text | standard base64 |
//!
//! The associated data is the [`Place`] that the value belongs to, so that whoever can write to the database can't
//! move a value to a row that they are allowed to reveal, or put an old version back as the present one.

pub mod stream;

use aes_gcm::{
    Aes256Gcm, Nonce, Tag,
    aead::{AeadInOut, KeyInit},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use muster_base::{OrgId, random_array, sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::keys::{Keys, Purpose};

const IV_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
const KEY_ID_BYTES: usize = 8;
const KEY_ID_DOMAIN: &[u8] = b"muster/seal-key/1";
const PLACE_DOMAIN: &[u8] = b"muster/sealed/1";

/// Why a value could not be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The stored text is not of the form `keyId:iv:tag:ciphertext`.
    #[error("the sealed value is not of the form keyId:iv:tag:ciphertext")]
    Malformed,
    /// It was sealed with a key that this control plane does not have.
    #[error("the value was sealed with key {0}, which this control plane does not have: add that master key")]
    UnknownKey(String),
    /// The value was changed, or belongs to another row.
    #[error("the sealed value does not belong to this row or was changed")]
    Refused,
    /// The value is too long for the cipher.
    #[error("the value is too long to be sealed")]
    TooLong,
}

/// The row that a sealed value belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Owner; the nil id for what belongs to the control plane itself.
    pub org: OrgId,
    /// What kind of row, for instance `secret`; a constant of the room that owns the row.
    pub kind: &'static str,
    /// The row.
    pub id: Uuid,
    /// The row's version; 0 where there is only one.
    pub version: i64,
}

impl Place {
    /// Fixed-length parts first, so that no two places share an encoding.
    fn aad(&self) -> Vec<u8> {
        let mut aad = Vec::with_capacity(PLACE_DOMAIN.len() + 40 + self.kind.len());
        aad.extend_from_slice(PLACE_DOMAIN);
        aad.extend_from_slice(self.org.as_uuid().as_bytes());
        aad.extend_from_slice(self.id.as_bytes());
        aad.extend_from_slice(&self.version.to_be_bytes());
        aad.extend_from_slice(self.kind.as_bytes());
        aad
    }
}

/// Seals with the current key and opens with any that it knows.
pub struct Sealer {
    current: SealKey,
    previous: Vec<SealKey>,
}

struct SealKey {
    id: String,
    cipher: Aes256Gcm,
}

impl SealKey {
    fn new(key: &[u8; 32]) -> Self {
        Self {
            id: Sealer::key_id(key),
            cipher: Aes256Gcm::new(key.into()),
        }
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealer({})", self.current.id)
    }
}

impl Sealer {
    /// A sealer with its current key, and the keys that were current before.
    pub fn new(current: &[u8; 32], previous: &[[u8; 32]]) -> Self {
        Self {
            current: SealKey::new(current),
            previous: previous.iter().map(SealKey::new).collect(),
        }
    }

    /// Seals with the present master key, and opens with every one that is known.
    pub fn of(keys: &Keys, purpose: Purpose) -> Self {
        let ring = keys.ring();
        let previous = ring.all().skip(1);
        Self {
            current: SealKey::new(&ring.current.derive(purpose)),
            previous: previous.map(|key| SealKey::new(&key.derive(purpose))).collect(),
        }
    }

    /// What stands first in a text that `key` sealed.
    pub fn key_id(key: &[u8; 32]) -> String {
        let named = Zeroizing::new([KEY_ID_DOMAIN, key.as_slice()].concat());
        hex::encode(&sha256(&named).0[..KEY_ID_BYTES])
    }

    /// Seals `plain` for `place`.
    pub fn seal(&self, place: &Place, plain: &[u8]) -> Result<String, SealError> {
        let iv: [u8; IV_BYTES] = random_array();
        let mut buffer = plain.to_vec();
        let tag = self
            .current
            .cipher
            .encrypt_inout_detached(&Nonce::from(iv), &place.aad(), buffer.as_mut_slice().into())
            .map_err(|_| SealError::TooLong)?;
        Ok(format!(
            "{}:{}:{}:{}",
            self.current.id,
            hex::encode(iv),
            hex::encode(tag),
            STANDARD.encode(&buffer)
        ))
    }

    /// Opens what was sealed for `place`; refused for any other.
    pub fn open(&self, place: &Place, sealed: &str) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let parts = Parts::read(sealed)?;
        let key = std::iter::once(&self.current)
            .chain(&self.previous)
            .find(|key| key.id == parts.key_id)
            .ok_or_else(|| SealError::UnknownKey(parts.key_id.to_owned()))?;
        let mut buffer = Zeroizing::new(parts.ciphertext);
        key.cipher
            .decrypt_inout_detached(
                &Nonce::from(parts.iv),
                &place.aad(),
                buffer.as_mut_slice().into(),
                &Tag::from(parts.tag),
            )
            .map_err(|_| SealError::Refused)?;
        Ok(buffer)
    }

    /// Whether `sealed` uses the current key; if not, it is due to be sealed anew.
    pub fn is_current(&self, sealed: &str) -> bool {
        sealed.split(':').next() == Some(self.current.id.as_str())
    }
}

struct Parts<'a> {
    key_id: &'a str,
    iv: [u8; IV_BYTES],
    tag: [u8; TAG_BYTES],
    ciphertext: Vec<u8>,
}

impl<'a> Parts<'a> {
    fn read(sealed: &'a str) -> Result<Self, SealError> {
        let mut parts = sealed.split(':');
        let (Some(key_id), Some(iv_hex), Some(tag_hex), Some(text), None) = (
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
        ) else {
            return Err(SealError::Malformed);
        };
        let (mut iv, mut tag) = ([0; IV_BYTES], [0; TAG_BYTES]);
        hex::decode_to_slice(iv_hex, &mut iv).map_err(|_| SealError::Malformed)?;
        hex::decode_to_slice(tag_hex, &mut tag).map_err(|_| SealError::Malformed)?;
        let ciphertext = STANDARD.decode(text).map_err(|_| SealError::Malformed)?;
        Ok(Self {
            key_id,
            iv,
            tag,
            ciphertext,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn place() -> Place {
        Place {
            org: OrgId::from_uuid(Uuid::from_u128(1)),
            kind: "secret",
            id: Uuid::from_u128(2),
            version: 1,
        }
    }

    #[test]
    fn a_sealed_value_has_four_parts_and_no_plain_text() {
        let sealed = Sealer::new(&KEY, &[]).seal(&place(), b"planted").unwrap();
        let parts: Vec<&str> = sealed.split(':').collect();
        assert_eq!(
            parts.iter().map(|part| part.len()).collect::<Vec<_>>(),
            [16, 24, 32, 12]
        );
        assert!(!sealed.contains("planted"));
        assert!(!sealed.contains(&STANDARD.encode("planted")));
    }

    #[test]
    fn the_same_value_never_looks_the_same_twice() {
        let sealer = Sealer::new(&KEY, &[]);
        assert_ne!(
            sealer.seal(&place(), b"x").unwrap(),
            sealer.seal(&place(), b"x").unwrap()
        );
    }

    #[test]
    fn a_value_can_t_be_moved_to_another_row_version_kind_or_org() {
        let sealer = Sealer::new(&KEY, &[]);
        let sealed = sealer.seal(&place(), b"planted").unwrap();
        let elsewhere = [
            Place {
                id: Uuid::from_u128(3),
                ..place()
            },
            Place {
                version: 2,
                ..place()
            },
            Place {
                kind: "registry",
                ..place()
            },
            Place {
                org: OrgId::from_uuid(Uuid::from_u128(9)),
                ..place()
            },
        ];
        for other in elsewhere {
            assert_eq!(
                sealer.open(&other, &sealed).unwrap_err(),
                SealError::Refused,
                "{other:?}"
            );
        }
        assert_eq!(sealer.open(&place(), &sealed).unwrap().as_slice(), b"planted");
    }

    #[test]
    fn rotated_keys_still_open_and_are_told_from_the_current_one() {
        let sealed = Sealer::new(&KEY, &[]).seal(&place(), b"planted").unwrap();
        let rotated = Sealer::new(&[8; 32], &[KEY]);
        assert!(!rotated.is_current(&sealed));
        assert_eq!(rotated.open(&place(), &sealed).unwrap().as_slice(), b"planted");
        let stranger = Sealer::new(&[9; 32], &[]);
        assert!(matches!(
            stranger.open(&place(), &sealed),
            Err(SealError::UnknownKey(_))
        ));
    }

    proptest! {
        #[test]
        fn opens_what_it_sealed(plain: Vec<u8>) {
            let sealer = Sealer::new(&KEY, &[]);
            let sealed = sealer.seal(&place(), &plain).unwrap();
            let opened = sealer.open(&place(), &sealed).unwrap();
            prop_assert_eq!(opened.as_slice(), plain.as_slice());
        }

        #[test]
        fn any_changed_character_is_refused(at in 0_usize..80, plain in "[a-z]{4,12}") {
            let sealer = Sealer::new(&KEY, &[]);
            let sealed = sealer.seal(&place(), plain.as_bytes()).unwrap();
            let at = at % sealed.len();
            let mut bytes = sealed.clone().into_bytes();
            bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
            let changed = String::from_utf8(bytes).unwrap();
            prop_assert!(sealer.open(&place(), &changed).is_err());
        }

        #[test]
        fn garbage_is_refused_without_a_panic(text in ".{0,120}") {
            prop_assert!(Sealer::new(&KEY, &[]).open(&place(), &text).is_err());
        }
    }
}
