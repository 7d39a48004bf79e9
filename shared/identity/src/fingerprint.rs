//! A certificate's SHA-256, as people copy it: `sha256:` and 64 hexadecimal digits.

use std::{fmt, str::FromStr};

use muster_base::{Sha256Digest, sha256};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// SHA-256 of a certificate in DER.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(Sha256Digest);

/// The text is not a fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a fingerprint: expected sha256: and 64 hexadecimal digits")]
pub struct FingerprintError;

impl Fingerprint {
    /// The fingerprint of a certificate.
    pub fn of(certificate_der: &[u8]) -> Self {
        Self(sha256(certificate_der))
    }

    /// The hash itself.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.0)
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let hex = text.trim().strip_prefix("sha256:").ok_or(FingerprintError)?;
        // Some tools print pairs with colons between.
        hex.replace(':', "")
            .parse()
            .map(Self)
            .map_err(|_| FingerprintError)
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips_and_colons_are_forgiven() {
        let print = Fingerprint::of(b"certificate");
        assert_eq!(print.to_string().parse(), Ok(print));
        let hex = print.to_string().replace("sha256:", "").to_uppercase();
        let pairs: Vec<_> = hex
            .as_bytes()
            .chunks(2)
            .map(|pair| std::str::from_utf8(pair).unwrap())
            .collect();
        assert_eq!(format!("sha256:{}", pairs.join(":")).parse(), Ok(print));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "sha256:", "sha256:abcd", "md5:00", &"0".repeat(64)] {
            assert_eq!(text.parse::<Fingerprint>(), Err(FingerprintError), "{text}");
        }
    }
}
