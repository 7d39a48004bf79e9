//! Who is who between control plane and agents, and who said so.
//!
//! | module | what |
//! |---|---|
//! | [`spiffe`] | names: `spiffe://<trust domain>/control-plane` and `…/org/<org>/host/<host>` |
//! | [`ca`], [`certificate`] | the fleet's own CA, keys, requests and what is read from a certificate |
//! | [`tls`] | TLS 1.3 configurations whose verifiers check chain, role, name and revocation on both sides |
//! | [`token`] | join tokens: the right to enrol hosts |
//! | [`order`], [`keys`] | work orders under an Ed25519 signature; which signing keys a host believes |
//! | [`look`] | a wish to read something on one host, under the same keys |
//! | [`record`] | what the control plane keeps and must find unchanged, under the same keys |
//! | [`seal`] | secrets for one host's worker and one order (HPKE) |
//!
//! No I/O and no async: bytes in, bytes out. All cryptography is aws-lc-rs's. Nothing here trusts on first use.
#![deny(missing_docs)]

pub mod ca;
pub mod certificate;
mod fingerprint;
pub mod keys;
pub mod look;
pub mod order;
pub mod record;
pub mod seal;
pub mod spiffe;
pub mod tls;
pub mod token;

pub use fingerprint::{Fingerprint, FingerprintError};

/// A key, certificate or request could not be made or used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The private key can't be read.
    #[error("the private key can't be read")]
    BadKey,
    /// The certificate can't be read, or lacks what every certificate of a fleet has.
    #[error("the certificate can't be used: {0}")]
    BadCertificate(&'static str),
    /// The request can't be read, is not signed by its own key, or its key is not ECDSA P-256.
    #[error("the certificate request can't be used: {0}")]
    BadRequest(&'static str),
    /// The crypto library refused.
    #[error("the crypto library refused: {0}")]
    Crypto(String),
}

impl From<rcgen::Error> for IdentityError {
    fn from(error: rcgen::Error) -> Self {
        Self::Crypto(error.to_string())
    }
}

impl From<rustls::Error> for IdentityError {
    fn from(error: rustls::Error) -> Self {
        Self::Crypto(error.to_string())
    }
}

impl From<aws_lc_rs::error::Unspecified> for IdentityError {
    fn from(error: aws_lc_rs::error::Unspecified) -> Self {
        Self::Crypto(error.to_string())
    }
}
