//! Keys, requests, and what is read from a certificate.

use std::fmt;

use muster_base::UnixMs;
use rcgen::{CertificateParams, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};
use zeroize::Zeroizing;

use crate::{Fingerprint, IdentityError, spiffe::SpiffeId};

/// A certificate of a fleet takes some 500 bytes; more than this is not read.
pub const MAX_CERTIFICATE_BYTES: usize = 16_384;

/// An ECDSA P-256 private key. It shows itself to nobody but [`PrivateKey::pkcs8_der`]'s caller.
pub struct PrivateKey(Zeroizing<Vec<u8>>);

impl PrivateKey {
    /// Makes a new key.
    pub fn generate() -> Result<Self, IdentityError> {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        Ok(Self(Zeroizing::new(pair.serialize_der())))
    }

    /// Reads a key that [`PrivateKey::pkcs8_der`] gave.
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, IdentityError> {
        let key = Self(Zeroizing::new(der.to_vec()));
        key.pair().map(|_| key)
    }

    /// The key itself, in PKCS#8 DER, for storing.
    pub fn pkcs8_der(&self) -> &[u8] {
        &self.0
    }

    /// A PKCS#10 request for a certificate over this key, in DER. It asks for nothing: the issuer knows the names.
    pub fn request_der(&self) -> Result<Vec<u8>, IdentityError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        Ok(params.serialize_request(&self.pair()?)?.der().to_vec())
    }

    pub(crate) fn pair(&self) -> Result<KeyPair, IdentityError> {
        let der = PrivatePkcs8KeyDer::from(self.0.as_slice());
        KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_ECDSA_P256_SHA256)
            .map_err(|_| IdentityError::BadKey)
    }

    pub(crate) fn for_tls(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.0.to_vec()))
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey([redacted])")
    }
}

/// What a fleet's certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateInfo {
    /// Whose it is.
    pub id: SpiffeId,
    /// Serial number, in hexadecimal.
    pub serial: String,
    /// Valid from.
    pub not_before: UnixMs,
    /// Valid until.
    pub not_after: UnixMs,
    /// SHA-256 of it.
    pub fingerprint: Fingerprint,
}

impl CertificateInfo {
    /// Reads a certificate. Says nothing about whether to believe it: that is [`crate::tls`]'s work.
    pub fn read(der: &[u8]) -> Result<Self, IdentityError> {
        if der.len() > MAX_CERTIFICATE_BYTES {
            return Err(IdentityError::BadCertificate("it is too long"));
        }
        let (rest, certificate) = X509Certificate::from_der(der)
            .map_err(|_| IdentityError::BadCertificate("it is not X.509 in DER"))?;
        if !rest.is_empty() {
            return Err(IdentityError::BadCertificate("bytes are left over"));
        }
        let validity = certificate.validity();
        Ok(Self {
            id: only_uri(&certificate)?
                .parse()
                .map_err(|_| IdentityError::BadCertificate("its name is not of a fleet"))?,
            serial: hex::encode(certificate.raw_serial()),
            not_before: UnixMs(validity.not_before.timestamp().saturating_mul(UnixMs::SECOND)),
            not_after: UnixMs(validity.not_after.timestamp().saturating_mul(UnixMs::SECOND)),
            fingerprint: Fingerprint::of(der),
        })
    }

    /// When it is time for the next one: two thirds of its life are over.
    pub fn renew_at(&self) -> UnixMs {
        self.not_before
            .plus_ms(self.not_after.ms_since(self.not_before) / 3 * 2)
    }
}

/// Whether `certificate_der` names `root_der` as its issuer. Says nothing about the signature.
pub fn names_issuer(certificate_der: &[u8], root_der: &[u8]) -> bool {
    let (Ok((_, certificate)), Ok((_, root))) = (
        X509Certificate::from_der(certificate_der),
        X509Certificate::from_der(root_der),
    ) else {
        return false;
    };
    certificate.issuer().as_raw() == root.subject().as_raw()
}

/// From when to when a root counts.
pub fn root_validity(root_der: &[u8]) -> Result<(UnixMs, UnixMs), IdentityError> {
    let (_, root) = X509Certificate::from_der(root_der)
        .map_err(|_| IdentityError::BadCertificate("it is not X.509 in DER"))?;
    let at = |seconds: i64| UnixMs(seconds.saturating_mul(UnixMs::SECOND));
    let validity = root.validity();
    Ok((
        at(validity.not_before.timestamp()),
        at(validity.not_after.timestamp()),
    ))
}

/// The one URI among the names: a certificate with two would be two people's.
fn only_uri<'a>(certificate: &'a X509Certificate<'_>) -> Result<&'a str, IdentityError> {
    let names = certificate
        .subject_alternative_name()
        .map_err(|_| IdentityError::BadCertificate("it has several lists of names"))?
        .ok_or(IdentityError::BadCertificate("it has no name"))?;
    match names.value.general_names[..] {
        [GeneralName::URI(uri)] => Ok(uri),
        _ => Err(IdentityError::BadCertificate(
            "it has not exactly one name, a URI",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_certificate_is_not_read() {
        let error = CertificateInfo::read(&vec![0x30; MAX_CERTIFICATE_BYTES + 1]).unwrap_err();
        assert!(error.to_string().contains("too long"), "{error}");
    }

    #[test]
    fn a_key_survives_being_stored() {
        let key = PrivateKey::generate().unwrap();
        let again = PrivateKey::from_pkcs8_der(key.pkcs8_der()).unwrap();
        assert_eq!(again.pkcs8_der(), key.pkcs8_der());
        assert!(matches!(
            PrivateKey::from_pkcs8_der(b"no key"),
            Err(IdentityError::BadKey)
        ));
    }

    #[test]
    fn a_key_does_not_show_itself() {
        assert_eq!(
            format!("{:?}", PrivateKey::generate().unwrap()),
            "PrivateKey([redacted])"
        );
    }

    #[test]
    fn garbage_is_no_certificate() {
        assert!(CertificateInfo::read(b"garbage").is_err());
        assert!(CertificateInfo::read(&[]).is_err());
    }
}
