//! The control plane's end.

use std::{fmt::Debug, sync::Arc, time::Duration};

use muster_base::Clock;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, UnixTime},
    server::{
        ClientHello, ResolvesServerCert, WebPkiClientVerifier,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
    sign::CertifiedKey,
    version::TLS13,
};

use super::{ClockTime, Credentials, provider, read, root_store, server_name, wrong_holder};
use crate::{
    Fingerprint, IdentityError,
    certificate::CertificateInfo,
    spiffe::{Role, TrustDomain},
};

/// Says which certificates count no more. Asked on each handshake, so it must answer from memory.
pub trait Revocations: Debug + Send + Sync {
    /// Whether the holder of this certificate was removed from the fleet.
    fn is_revoked(&self, certificate: &CertificateInfo) -> bool;
}

/// What becomes of a host whose certificate's time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expired {
    /// It is refused.
    Refuse,
    /// It gets in as if there were time left, so that a host that was away for long can renew. Whoever keeps the door
    /// must look at [`CertificateInfo::not_after`] and let it do nothing else.
    AdmitForRenewal,
}

/// The configuration of the agents' door, at which other control planes may knock, too. Shows a certificate of its own and the root that issued it, for joins to pin.
///
/// There is one of each root that hosts may believe, with that root first among its roots. A client is shown the one
/// whose root it asks for ([`super::server_name`]), and else the first, whose roots are those that are believed here.
pub fn server_config(
    credentials: &[Credentials],
    trust_domain: &TrustDomain,
    clock: &Clock,
    revocations: Arc<dyn Revocations>,
    expired: Expired,
    alpn: &[&[u8]],
) -> Result<ServerConfig, IdentityError> {
    let provider = provider();
    let first = credentials
        .first()
        .ok_or(IdentityError::BadCertificate("there is none to show"))?;
    let roots = Arc::new(root_store(&first.roots_der)?);
    let chain = WebPkiClientVerifier::builder_with_provider(roots, provider.clone())
        .clear_root_hint_subjects()
        .allow_unauthenticated()
        .build()
        .map_err(|e| IdentityError::Crypto(e.to_string()))?;
    let verifier = HostVerifier {
        chain,
        trust_domain: trust_domain.clone(),
        revocations,
        expired,
    };
    let shown = credentials
        .iter()
        .map(|own| Shown::new(own, &provider))
        .collect::<Result<_, _>>()?;
    let mut config = ServerConfig::builder_with_details(provider, Arc::new(ClockTime(clock.clone())))
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_cert_resolver(Arc::new(ByRoot(shown)));
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    Ok(config)
}

/// A certificate of the control plane's, under the name that it is asked for by.
#[derive(Debug)]
struct Shown {
    name: String,
    certificate: Arc<CertifiedKey>,
}

impl Shown {
    fn new(own: &Credentials, provider: &CryptoProvider) -> Result<Self, IdentityError> {
        let root = own
            .roots_der
            .first()
            .ok_or(IdentityError::BadCertificate("its root is missing"))?;
        let chain = [&own.certificate_der, root].map(|der| CertificateDer::from(der.clone()));
        let key = provider.key_provider.load_private_key(own.key.for_tls())?;
        Ok(Self {
            name: server_name(&Fingerprint::of(root)),
            certificate: Arc::new(CertifiedKey::new(chain.to_vec(), key)),
        })
    }
}

#[derive(Debug)]
struct ByRoot(Vec<Shown>);

impl ResolvesServerCert for ByRoot {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let wanted = hello.server_name();
        let found = self.0.iter().find(|shown| Some(shown.name.as_str()) == wanted);
        found
            .or(self.0.first())
            .map(|shown| Arc::clone(&shown.certificate))
    }
}

#[derive(Debug)]
struct HostVerifier {
    chain: Arc<dyn ClientCertVerifier>,
    trust_domain: TrustDomain,
    revocations: Arc<dyn Revocations>,
    expired: Expired,
}

impl HostVerifier {
    /// Chain, usage and validity; the validity as of the certificate's last second, if expired ones may renew.
    fn verify_chain(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.chain.verify_client_cert(end_entity, intermediates, now);
        let too_late = matches!(
            verified,
            Err(Error::InvalidCertificate(
                CertificateError::Expired | CertificateError::ExpiredContext { .. }
            ))
        );
        match self.expired {
            Expired::AdmitForRenewal if too_late => {
                let end_ms = u64::try_from(read(end_entity)?.not_after.0).unwrap_or(0);
                let last = Duration::from_millis(end_ms).saturating_sub(Duration::from_secs(1));
                self.chain
                    .verify_client_cert(end_entity, intermediates, UnixTime::since_unix_epoch(last))
            }
            Expired::AdmitForRenewal | Expired::Refuse => verified,
        }
    }
}

impl ClientCertVerifier for HostVerifier {
    fn client_auth_mandatory(&self) -> bool {
        self.chain.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.verify_chain(end_entity, intermediates, now)?;
        let info = read(end_entity)?;
        match info.id.role {
            Role::Host { .. } | Role::ControlPlane if info.id.trust_domain == self.trust_domain => {}
            Role::Host { .. } | Role::ControlPlane => return Err(wrong_holder()),
        }
        if self.revocations.is_revoked(&info) {
            return Err(CertificateError::Revoked.into());
        }
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}
