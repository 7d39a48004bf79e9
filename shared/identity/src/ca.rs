//! The fleet's own certificate authority.

use std::time::Duration;

use muster_base::{HostId, OrgId, Sha256Digest, UnixMs, random_array, sha256};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData,
    SanType, SerialNumber, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, CertificateSigningRequestDer};

use crate::{
    Fingerprint, IdentityError,
    certificate::PrivateKey,
    spiffe::{SpiffeId, TrustDomain},
};

/// How long a host's certificate lives unless told otherwise.
pub const HOST_CERTIFICATE_MS: i64 = 7 * UnixMs::DAY;
/// How long the control plane's own certificate lives.
pub const CONTROL_PLANE_CERTIFICATE_MS: i64 = 30 * UnixMs::DAY;
/// How long a root lives.
pub const ROOT_MS: i64 = 3_650 * UnixMs::DAY;
/// Certificates are valid from before they are made, for hosts whose clocks are behind: by a wrong time zone it is up to
/// 14 hours.
const BACKDATED_MS: i64 = UnixMs::DAY;
/// A request of ours takes some 250 bytes; more than this is not read.
pub const MAX_REQUEST_BYTES: usize = 4_096;
/// An uncompressed P-256 point.
const P256_POINT_BYTES: usize = 65;

/// Issues the certificates of one fleet.
pub struct CertificateAuthority {
    certificate_der: Vec<u8>,
    key: PrivateKey,
    issuer: Issuer<'static, KeyPair>,
}

impl CertificateAuthority {
    /// Makes a new root.
    pub fn generate(trust_domain: &TrustDomain, now: UnixMs) -> Result<Self, IdentityError> {
        let key = PrivateKey::generate()?;
        let serial = random_serial();
        let mut params = params(now, ROOT_MS, &serial);
        // Two roots of one fleet, during a rotation, must not have the same subject.
        let name = format!("Muster CA of {trust_domain} {}", hex::encode(&serial[..4]));
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key.pair()?)?;
        Self::from_parts(certificate.der(), key)
    }

    /// A root that was stored.
    pub fn from_parts(certificate_der: &[u8], key: PrivateKey) -> Result<Self, IdentityError> {
        let issuer = Issuer::from_ca_cert_der(&CertificateDer::from(certificate_der), key.pair()?)
            .map_err(|_| IdentityError::BadCertificate("it is not a root"))?;
        Ok(Self {
            certificate_der: certificate_der.to_vec(),
            key,
            issuer,
        })
    }

    /// The root's certificate.
    pub fn certificate_der(&self) -> &[u8] {
        &self.certificate_der
    }

    /// The root's key, for storing.
    pub fn key(&self) -> &PrivateKey {
        &self.key
    }

    /// What join commands pin.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.certificate_der)
    }

    /// A host's certificate over the key that made `request_der`. Everything but the key is ours to say; whatever
    /// else the request asks for is ignored.
    pub fn issue_host(
        &self,
        request_der: &[u8],
        trust_domain: &TrustDomain,
        org: OrgId,
        host: HostId,
        now: UnixMs,
        life_ms: i64,
    ) -> Result<Vec<u8>, IdentityError> {
        let key = requested_key(request_der)?;
        let id = SpiffeId::host(trust_domain.clone(), org, host);
        self.issue(&key, &id, ExtendedKeyUsagePurpose::ClientAuth, now, life_ms)
    }

    /// The control plane's own certificate over `key`.
    pub fn issue_control_plane(
        &self,
        key: &PrivateKey,
        trust_domain: &TrustDomain,
        now: UnixMs,
        life_ms: i64,
    ) -> Result<Vec<u8>, IdentityError> {
        let id = SpiffeId::control_plane(trust_domain.clone());
        self.issue(
            &key.pair()?,
            &id,
            ExtendedKeyUsagePurpose::ServerAuth,
            now,
            life_ms,
        )
    }

    /// A control plane's certificate to show to another one, whose door it knocks at. No agent takes it for a server's.
    pub fn issue_control_plane_client(
        &self,
        key: &PrivateKey,
        trust_domain: &TrustDomain,
        now: UnixMs,
        life_ms: i64,
    ) -> Result<Vec<u8>, IdentityError> {
        let id = SpiffeId::control_plane(trust_domain.clone());
        self.issue(
            &key.pair()?,
            &id,
            ExtendedKeyUsagePurpose::ClientAuth,
            now,
            life_ms,
        )
    }

    fn issue(
        &self,
        key: &impl PublicKeyData,
        id: &SpiffeId,
        usage: ExtendedKeyUsagePurpose,
        now: UnixMs,
        life_ms: i64,
    ) -> Result<Vec<u8>, IdentityError> {
        let mut params = params(now, life_ms, &random_serial());
        params.subject_alt_names = vec![SanType::URI(id.to_string().try_into()?)];
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        params.use_authority_key_identifier_extension = true;
        Ok(params.signed_by(key, &self.issuer)?.der().to_vec())
    }
}

impl std::fmt::Debug for CertificateAuthority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CertificateAuthority")
            .field("fingerprint", &self.fingerprint())
            .finish_non_exhaustive()
    }
}

/// The fingerprint of the key (its SubjectPublicKeyInfo) that made a certificate request, which proves that whoever
/// asks has it.
pub fn requested_key_fingerprint(request_der: &[u8]) -> Result<Sha256Digest, IdentityError> {
    Ok(sha256(&requested_key(request_der)?.subject_public_key_info()))
}

fn requested_key(request_der: &[u8]) -> Result<rcgen::PublicKey, IdentityError> {
    if request_der.len() > MAX_REQUEST_BYTES {
        return Err(IdentityError::BadRequest("it is too long"));
    }
    let der = CertificateSigningRequestDer::from(request_der);
    let request = CertificateSigningRequestParams::from_der(&der)
        .map_err(|_| IdentityError::BadRequest("it can't be read, or is not signed by its own key"))?;
    let key = request.public_key;
    if key.algorithm() == &PKCS_ECDSA_P256_SHA256 && key.der_bytes().len() == P256_POINT_BYTES {
        Ok(key)
    } else {
        Err(IdentityError::BadRequest("its key is not ECDSA P-256"))
    }
}

fn params(now: UnixMs, life_ms: i64, serial: &[u8]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.not_before = date_time_ymd(1970, 1, 1) + since_epoch(now.plus_ms(-BACKDATED_MS));
    params.not_after = date_time_ymd(1970, 1, 1) + since_epoch(now.plus_ms(life_ms));
    params.serial_number = Some(SerialNumber::from_slice(serial));
    params
}

fn since_epoch(at: UnixMs) -> Duration {
    Duration::from_millis(u64::try_from(at.0).unwrap_or(0))
}

/// 127 random bits: positive, and never seen before.
fn random_serial() -> [u8; 16] {
    let mut serial: [u8; 16] = random_array();
    serial[0] = serial[0] & 0x7f | 0x40;
    serial
}

#[cfg(test)]
mod tests {
    use muster_base::Clock;

    use super::*;
    use crate::certificate::CertificateInfo;

    const NOW: UnixMs = UnixMs(1_800_000_000_000);

    fn domain() -> TrustDomain {
        "muster.test".parse().unwrap()
    }

    #[test]
    fn a_host_s_certificate_says_what_the_ca_says() {
        let clock = Clock::manual(NOW);
        let (org, host) = (clock.new_id(), clock.new_id());
        let ca = CertificateAuthority::generate(&domain(), NOW).unwrap();
        let request = PrivateKey::generate().unwrap().request_der().unwrap();

        let der = ca
            .issue_host(&request, &domain(), org, host, NOW, HOST_CERTIFICATE_MS)
            .unwrap();

        let info = CertificateInfo::read(&der).unwrap();
        assert_eq!(info.id, SpiffeId::host(domain(), org, host));
        assert_eq!(info.not_after, NOW.plus_ms(HOST_CERTIFICATE_MS));
        assert_eq!(info.serial.len(), 32);
        assert!(
            info.renew_at() > NOW.plus_ms(4 * UnixMs::DAY) && info.renew_at() < NOW.plus_ms(5 * UnixMs::DAY)
        );
    }

    #[test]
    fn a_stored_root_issues_as_before() {
        let ca = CertificateAuthority::generate(&domain(), NOW).unwrap();
        let key = PrivateKey::from_pkcs8_der(ca.key().pkcs8_der()).unwrap();
        let again = CertificateAuthority::from_parts(ca.certificate_der(), key).unwrap();
        assert_eq!(again.fingerprint(), ca.fingerprint());
        let own = PrivateKey::generate().unwrap();
        let der = again
            .issue_control_plane(&own, &domain(), NOW, CONTROL_PLANE_CERTIFICATE_MS)
            .unwrap();
        assert_eq!(
            CertificateInfo::read(&der).unwrap().id,
            SpiffeId::control_plane(domain())
        );
    }

    #[test]
    fn two_roots_of_a_fleet_have_different_subjects() {
        let subject = |ca: &CertificateAuthority| {
            x509_parser::parse_x509_certificate(ca.certificate_der())
                .unwrap()
                .1
                .subject()
                .to_string()
        };
        let a = CertificateAuthority::generate(&domain(), NOW).unwrap();
        let b = CertificateAuthority::generate(&domain(), NOW).unwrap();
        assert_ne!(subject(&a), subject(&b));
    }

    #[test]
    fn a_tampered_request_is_refused() {
        let clock = Clock::manual(NOW);
        let ca = CertificateAuthority::generate(&domain(), NOW).unwrap();
        let mut request = PrivateKey::generate().unwrap().request_der().unwrap();
        let last = request.len() - 1;
        request[last] ^= 1;
        let refused = ca.issue_host(
            &request,
            &domain(),
            clock.new_id(),
            clock.new_id(),
            NOW,
            UnixMs::DAY,
        );
        assert!(matches!(refused, Err(IdentityError::BadRequest(_))));
    }

    #[test]
    fn a_long_request_is_not_read() {
        let clock = Clock::manual(NOW);
        let ca = CertificateAuthority::generate(&domain(), NOW).unwrap();
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "x".repeat(MAX_REQUEST_BYTES));
        let request = params.serialize_request(&pair).unwrap();
        let refused = ca.issue_host(
            request.der(),
            &domain(),
            clock.new_id(),
            clock.new_id(),
            NOW,
            UnixMs::DAY,
        );
        assert!(matches!(
            refused,
            Err(IdentityError::BadRequest("it is too long"))
        ));
    }

    #[test]
    fn another_kind_of_key_is_refused() {
        let clock = Clock::manual(NOW);
        let ca = CertificateAuthority::generate(&domain(), NOW).unwrap();
        for algorithm in [&rcgen::PKCS_ED25519, &rcgen::PKCS_ECDSA_P384_SHA384] {
            let pair = KeyPair::generate_for(algorithm).unwrap();
            let request = CertificateParams::default().serialize_request(&pair).unwrap();
            let refused = ca.issue_host(
                request.der(),
                &domain(),
                clock.new_id(),
                clock.new_id(),
                NOW,
                UnixMs::DAY,
            );
            assert!(matches!(refused, Err(IdentityError::BadRequest(_))));
        }
    }

    #[test]
    fn names_in_the_request_are_ignored() {
        let clock = Clock::manual(NOW);
        let (org, host): (OrgId, HostId) = (clock.new_id(), clock.new_id());
        let ca = CertificateAuthority::generate(&domain(), NOW).unwrap();
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::URI(
            "spiffe://muster.test/control-plane".try_into().unwrap(),
        )];
        let request = params.serialize_request(&pair).unwrap();

        let der = ca
            .issue_host(request.der(), &domain(), org, host, NOW, UnixMs::DAY)
            .unwrap();

        assert_eq!(
            CertificateInfo::read(&der).unwrap().id,
            SpiffeId::host(domain(), org, host)
        );
    }
}
