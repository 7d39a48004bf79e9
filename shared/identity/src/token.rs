//! Join tokens: `mjt_` and 43 letters and digits. Shown once, stored as a hash.

use std::{fmt, str::FromStr};

use muster_base::{ExposeSecret, SecretString, Sha256Digest, random_token, sha256};

const PREFIX: &str = "mjt_";
const LENGTH: usize = PREFIX.len() + 43;

/// The text is not a join token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a join token: expected mjt_ and 43 letters and digits")]
pub struct TokenError;

/// The right to enrol hosts. Whoever holds it may, so it never shows itself by accident.
#[derive(Clone)]
pub struct JoinToken(SecretString);

impl JoinToken {
    /// A new token of 256 random bits.
    pub fn generate() -> Self {
        Self(random_token(PREFIX).into())
    }

    /// What is stored of it. A plain hash is enough: there is nothing to guess in 256 random bits.
    pub fn hash(&self) -> Sha256Digest {
        sha256(self.0.expose_secret().as_bytes())
    }

    /// The token itself, for its one journey.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl FromStr for JoinToken {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let text = text.trim();
        let valid = text.len() == LENGTH
            && text.starts_with(PREFIX)
            && text[PREFIX.len()..].bytes().all(|b| b.is_ascii_alphanumeric());
        valid.then(|| Self(text.into())).ok_or(TokenError)
    }
}

impl fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JoinToken([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_hash() {
        let token = JoinToken::generate();
        let typed: JoinToken = format!(" {}\n", token.expose()).parse().unwrap();
        assert_eq!(typed.hash(), token.hash());
        assert_ne!(JoinToken::generate().hash(), token.hash());
    }

    #[test]
    fn a_token_does_not_show_itself() {
        assert_eq!(format!("{:?}", JoinToken::generate()), "JoinToken([redacted])");
    }

    #[test]
    fn anything_else_is_refused() {
        let token = JoinToken::generate();
        for text in [
            "",
            "mjt_",
            "whk_abc",
            &token.expose()[..20],
            &token.expose().replace("mjt_", "mjt-"),
        ] {
            assert_eq!(text.parse::<JoinToken>().map(|_| ()), Err(TokenError), "{text}");
        }
        let not_ascii = format!("mjt_{}é", &token.expose()[6..]);
        assert!(not_ascii.parse::<JoinToken>().is_err());
    }
}
