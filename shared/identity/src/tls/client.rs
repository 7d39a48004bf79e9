//! The agent's end: of its connection, and of its join.

use std::sync::Arc;

use muster_base::Clock;
use rustls::{
    CertificateError, ClientConfig, ConfigBuilder, DigitallySignedStruct, Error, RootCertStore,
    SignatureScheme,
    client::{
        Resumption, WantsClientCert,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor,
    },
    crypto::{CryptoProvider, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
    version::TLS13,
};

use super::{ClockTime, Credentials, provider, read, root_store, wrong_holder};
use crate::{
    Fingerprint, IdentityError,
    spiffe::{Role, TrustDomain},
};

/// A host's connection: shows the host's certificate, and talks only to the control plane of its fleet.
pub fn agent_config(
    credentials: &Credentials,
    trust_domain: &TrustDomain,
    clock: &Clock,
    alpn: &[u8],
) -> Result<ClientConfig, IdentityError> {
    let trust = Trust::Fleet {
        roots: root_store(&credentials.roots_der)?,
        trust_domain: trust_domain.clone(),
    };
    let own = vec![CertificateDer::from(credentials.certificate_der.clone())];
    let config = builder(trust, clock)?.with_client_auth_cert(own, credentials.key.for_tls())?;
    Ok(finished(config, alpn))
}

/// A join: shows nothing, and talks only to a control plane whose certificate was issued by the pinned root. The
/// server must show that root along with its certificate.
pub fn join_config(pinned: Fingerprint, clock: &Clock, alpn: &[u8]) -> Result<ClientConfig, IdentityError> {
    let config = builder(Trust::Pinned(pinned), clock)?.with_no_client_auth();
    Ok(finished(config, alpn))
}

fn builder(
    trust: Trust,
    clock: &Clock,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, IdentityError> {
    let provider = provider();
    let verifier = ControlPlaneVerifier {
        trust,
        provider: provider.clone(),
    };
    Ok(
        ClientConfig::builder_with_details(provider, Arc::new(ClockTime(clock.clone())))
            .with_protocol_versions(&[&TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier)),
    )
}

fn finished(mut config: ClientConfig, alpn: &[u8]) -> ClientConfig {
    config.alpn_protocols = vec![alpn.to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_early_data = false;
    config
}

/// Whom the agent believes.
#[derive(Debug)]
enum Trust {
    Fleet {
        roots: RootCertStore,
        trust_domain: TrustDomain,
    },
    Pinned(Fingerprint),
}

#[derive(Debug)]
struct ControlPlaneVerifier {
    trust: Trust,
    provider: Arc<CryptoProvider>,
}

impl ControlPlaneVerifier {
    fn verify_chain(
        &self,
        end_entity: &CertificateDer<'_>,
        roots: &RootCertStore,
        now: UnixTime,
    ) -> Result<(), Error> {
        // Roots issue certificates themselves: there are no intermediates to consider.
        verify_server_cert_signed_by_trust_anchor(
            &ParsedCertificate::try_from(end_entity)?,
            roots,
            &[],
            now,
            self.provider.signature_verification_algorithms.all,
        )
    }
}

impl ServerCertVerifier for ControlPlaneVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let expected_domain = match &self.trust {
            Trust::Fleet { roots, trust_domain } => {
                self.verify_chain(end_entity, roots, now)?;
                Some(trust_domain)
            }
            Trust::Pinned(pinned) => {
                let mut roots = RootCertStore::empty();
                for root in intermediates
                    .iter()
                    .filter(|root| Fingerprint::of(root) == *pinned)
                {
                    roots.add(root.clone())?;
                }
                if roots.is_empty() {
                    return Err(CertificateError::UnknownIssuer.into());
                }
                self.verify_chain(end_entity, &roots, now)?;
                None
            }
        };
        let id = read(end_entity)?.id;
        let at_home = expected_domain.is_none_or(|domain| *domain == id.trust_domain);
        match id.role {
            Role::ControlPlane if at_home => Ok(ServerCertVerified::assertion()),
            Role::ControlPlane | Role::Host { .. } => Err(wrong_holder()),
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.2 is not spoken here".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
