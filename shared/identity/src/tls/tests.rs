//! Handshakes in memory: who gets in, and who does not.

use muster_base::{HostId, OrgId, UnixMs};
use rustls::{
    ClientConfig, ClientConnection, NamedGroup, ServerConfig, ServerConnection, pki_types::ServerName,
};

use super::*;
use crate::{
    Fingerprint,
    ca::{CONTROL_PLANE_CERTIFICATE_MS, CertificateAuthority, HOST_CERTIFICATE_MS},
    spiffe::{Role, TrustDomain},
};

const NOW: UnixMs = UnixMs(1_800_000_000_000);
const ALPN: &[u8] = b"test/1";

#[derive(Debug, Default)]
struct Revoked(Option<HostId>);

impl Revocations for Revoked {
    fn is_revoked(&self, certificate: &CertificateInfo) -> bool {
        matches!(certificate.id.role, Role::Host { host, .. } if Some(host) == self.0)
    }
}

struct Fleet {
    ca: CertificateAuthority,
    domain: TrustDomain,
    clock: Clock,
    org: OrgId,
    host: HostId,
}

impl Fleet {
    fn new() -> Self {
        Self::named("muster.test")
    }

    fn named(domain: &str) -> Self {
        let clock = Clock::manual(NOW);
        let domain: TrustDomain = domain.parse().unwrap();
        Self {
            ca: CertificateAuthority::generate(&domain, NOW).unwrap(),
            org: clock.new_id(),
            host: clock.new_id(),
            domain,
            clock,
        }
    }

    fn server(&self, revoked: Revoked) -> ServerConfig {
        self.server_with(revoked, Expired::Refuse)
    }

    fn server_with(&self, revoked: Revoked, expired: Expired) -> ServerConfig {
        let key = PrivateKey::generate().unwrap();
        let certificate_der = self
            .ca
            .issue_control_plane(&key, &self.domain, NOW, CONTROL_PLANE_CERTIFICATE_MS)
            .unwrap();
        let credentials = self.credentials(certificate_der, key);
        server_config(
            &[credentials],
            &self.domain,
            &self.clock,
            Arc::new(revoked),
            expired,
            &[ALPN],
        )
        .unwrap()
    }

    fn host(&self) -> Credentials {
        let key = PrivateKey::generate().unwrap();
        let request = key.request_der().unwrap();
        let certificate_der = self
            .ca
            .issue_host(
                &request,
                &self.domain,
                self.org,
                self.host,
                NOW,
                HOST_CERTIFICATE_MS,
            )
            .unwrap();
        self.credentials(certificate_der, key)
    }

    fn agent(&self) -> ClientConfig {
        agent_config(&self.host(), &self.domain, &self.clock, ALPN).unwrap()
    }

    fn credentials(&self, certificate_der: Vec<u8>, key: PrivateKey) -> Credentials {
        Credentials {
            certificate_der,
            key,
            roots_der: vec![self.ca.certificate_der().to_vec()],
        }
    }
}

/// Shakes hands in memory; an error from either side is an error.
fn handshake(
    client: ClientConfig,
    server: ServerConfig,
) -> Result<(ClientConnection, ServerConnection), Error> {
    handshake_by(SERVER_NAME, client, server)
}

fn handshake_by(
    name: &str,
    client: ClientConfig,
    server: ServerConfig,
) -> Result<(ClientConnection, ServerConnection), Error> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = ClientConnection::new(Arc::new(client), name)?;
    let mut server = ServerConnection::new(Arc::new(server))?;
    while client.is_handshaking() || server.is_handshaking() || client.wants_write() {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        let mut rest = wire.as_slice();
        while !rest.is_empty() {
            server.read_tls(&mut rest).unwrap();
            server.process_new_packets()?;
        }
        wire.clear();
        while server.wants_write() {
            server.write_tls(&mut wire).unwrap();
        }
        let mut rest = wire.as_slice();
        while !rest.is_empty() {
            client.read_tls(&mut rest).unwrap();
            client.process_new_packets()?;
        }
    }
    Ok((client, server))
}

fn refusal(client: ClientConfig, server: ServerConfig) -> Error {
    handshake(client, server).map(|_| ()).unwrap_err()
}

#[test]
fn a_host_of_the_fleet_gets_in_with_post_quantum_key_exchange() {
    let fleet = Fleet::new();
    let (client, server) = handshake(fleet.agent(), fleet.server(Revoked::default())).unwrap();
    let group = client.negotiated_key_exchange_group().unwrap().name();
    assert_eq!(group, NamedGroup::X25519MLKEM768);
    let shown = CertificateInfo::read(&server.peer_certificates().unwrap()[0]).unwrap();
    assert!(matches!(shown.id.role, Role::Host { host, .. } if host == fleet.host));
}

#[test]
fn a_revoked_host_is_refused_as_revoked() {
    let fleet = Fleet::new();
    let error = refusal(fleet.agent(), fleet.server(Revoked(Some(fleet.host))));
    assert_eq!(error, Error::InvalidCertificate(CertificateError::Revoked));
}

#[test]
fn a_host_of_another_ca_is_refused() {
    let (fleet, other) = (Fleet::new(), Fleet::new());
    let mut foreign = other.host();
    foreign.roots_der = vec![fleet.ca.certificate_der().to_vec()];
    let client = agent_config(&foreign, &fleet.domain, &fleet.clock, ALPN).unwrap();
    assert!(matches!(
        refusal(client, fleet.server(Revoked::default())),
        Error::InvalidCertificate(_)
    ));
}

#[test]
fn an_expired_certificate_is_refused() {
    let fleet = Fleet::new();
    let (client, server) = (fleet.agent(), fleet.server(Revoked::default()));
    fleet.clock.advance(HOST_CERTIFICATE_MS + UnixMs::MINUTE);
    assert!(matches!(
        refusal(client, server),
        Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. })
    ));
}

#[test]
fn an_expired_certificate_gets_in_where_it_may_renew_unless_anything_else_is_wrong() {
    let (fleet, other) = (Fleet::new(), Fleet::new());
    let client = fleet.agent();
    let mut foreign = other.host();
    foreign.roots_der = vec![fleet.ca.certificate_der().to_vec()];
    let foreign = agent_config(&foreign, &fleet.domain, &fleet.clock, ALPN).unwrap();
    fleet.clock.advance(HOST_CERTIFICATE_MS + UnixMs::DAY);
    let door = |revoked| fleet.server_with(revoked, Expired::AdmitForRenewal);

    let (_, server) = handshake(client.clone(), door(Revoked::default())).unwrap();
    let shown = CertificateInfo::read(&server.peer_certificates().unwrap()[0]).unwrap();
    assert!(shown.not_after < fleet.clock.now());

    let error = refusal(client, door(Revoked(Some(fleet.host))));
    assert_eq!(error, Error::InvalidCertificate(CertificateError::Revoked));
    assert!(matches!(
        refusal(foreign, door(Revoked::default())),
        Error::InvalidCertificate(_)
    ));
}

#[test]
fn the_control_plane_s_certificate_does_not_pass_for_a_host_s() {
    let fleet = Fleet::new();
    let key = PrivateKey::generate().unwrap();
    let certificate_der = fleet
        .ca
        .issue_control_plane(&key, &fleet.domain, NOW, UnixMs::DAY)
        .unwrap();
    let client = agent_config(
        &fleet.credentials(certificate_der, key),
        &fleet.domain,
        &fleet.clock,
        ALPN,
    )
    .unwrap();
    assert!(matches!(
        refusal(client, fleet.server(Revoked::default())),
        Error::InvalidCertificate(_)
    ));
}

#[test]
fn a_host_s_certificate_does_not_pass_for_the_control_plane_s() {
    let fleet = Fleet::new();
    let server = server_config(
        &[fleet.host()],
        &fleet.domain,
        &fleet.clock,
        Arc::new(Revoked::default()),
        Expired::Refuse,
        &[ALPN],
    )
    .unwrap();
    assert!(matches!(
        refusal(fleet.agent(), server),
        Error::InvalidCertificate(_)
    ));
}

#[test]
fn a_control_plane_of_another_ca_is_refused_by_the_agent() {
    let (fleet, other) = (Fleet::new(), Fleet::new());
    let error = refusal(fleet.agent(), other.server(Revoked::default()));
    assert_eq!(error, Error::InvalidCertificate(CertificateError::UnknownIssuer));
}

#[test]
fn the_same_ca_under_another_trust_domain_is_refused() {
    let (fleet, stranger) = (Fleet::new(), Fleet::named("other.test"));
    let misnamed = Fleet {
        ca: CertificateAuthority::from_parts(
            fleet.ca.certificate_der(),
            PrivateKey::from_pkcs8_der(fleet.ca.key().pkcs8_der()).unwrap(),
        )
        .unwrap(),
        ..stranger
    };
    let client = agent_config(&misnamed.host(), &fleet.domain, &fleet.clock, ALPN).unwrap();
    assert_eq!(refusal(client, fleet.server(Revoked::default())), wrong_holder());
    assert_eq!(
        refusal(fleet.agent(), misnamed.server(Revoked::default())),
        wrong_holder()
    );
}

#[test]
fn a_control_plane_knocks_with_a_client_s_certificate_only_and_opens_with_a_server_s() {
    let (fleet, other) = (Fleet::new(), Fleet::new());
    let issue = |fleet: &Fleet, as_client: bool| {
        let key = PrivateKey::generate().unwrap();
        let (ca, domain) = (&fleet.ca, &fleet.domain);
        let issued = if as_client {
            ca.issue_control_plane_client(&key, domain, NOW, UnixMs::HOUR)
        } else {
            ca.issue_control_plane(&key, domain, NOW, UnixMs::HOUR)
        };
        fleet.credentials(issued.unwrap(), key)
    };
    let client = |own: &Credentials| agent_config(own, &fleet.domain, &fleet.clock, ALPN).unwrap();
    let knocks = client(&issue(&fleet, true));
    let (_, server) = handshake(knocks, fleet.server(Revoked::default())).unwrap();
    let shown = server.peer_certificates().unwrap().first().unwrap();
    assert_eq!(CertificateInfo::read(shown).unwrap().id.role, Role::ControlPlane);

    let stolen = client(&issue(&fleet, false));
    assert!(matches!(
        refusal(stolen, fleet.server(Revoked::default())),
        Error::InvalidCertificate(_)
    ));
    let mut stranger = issue(&other, true);
    stranger.roots_der = vec![fleet.ca.certificate_der().to_vec()];
    assert!(matches!(
        refusal(client(&stranger), fleet.server(Revoked::default())),
        Error::InvalidCertificate(_)
    ));
    let posing = server_config(
        &[issue(&fleet, true)],
        &fleet.domain,
        &fleet.clock,
        Arc::new(Revoked::default()),
        Expired::Refuse,
        &[ALPN],
    );
    assert!(matches!(
        refusal(fleet.agent(), posing.unwrap()),
        Error::InvalidCertificate(_)
    ));
}

#[test]
fn during_a_rotation_both_roots_hosts_get_in() {
    let (old, new) = (Fleet::new(), Fleet::new());
    let key = PrivateKey::generate().unwrap();
    let certificate_der = new
        .ca
        .issue_control_plane(&key, &new.domain, NOW, UnixMs::DAY)
        .unwrap();
    let roots_der = vec![
        new.ca.certificate_der().to_vec(),
        old.ca.certificate_der().to_vec(),
    ];
    let door = Credentials {
        certificate_der,
        key,
        roots_der: roots_der.clone(),
    };
    for fleet in [&old, &new] {
        let mut host = fleet.host();
        host.roots_der.clone_from(&roots_der);
        let client = agent_config(&host, &fleet.domain, &fleet.clock, ALPN).unwrap();
        let server = server_config(
            std::slice::from_ref(&door),
            &new.domain,
            &new.clock,
            Arc::new(Revoked::default()),
            Expired::Refuse,
            &[ALPN],
        )
        .unwrap();
        handshake(client, server).unwrap();
    }
}

#[test]
fn a_join_shows_no_certificate_and_wants_the_pinned_root() {
    let fleet = Fleet::new();
    let client = join_config(fleet.ca.fingerprint(), &fleet.clock, ALPN).unwrap();
    let (_, server) = handshake(client, fleet.server(Revoked::default())).unwrap();
    assert!(server.peer_certificates().is_none());

    let client = join_config(Fingerprint::of(b"another root"), &fleet.clock, ALPN).unwrap();
    let error = refusal(client, fleet.server(Revoked::default()));
    assert_eq!(error, Error::InvalidCertificate(CertificateError::UnknownIssuer));
}

#[test]
fn showing_the_pinned_root_without_being_issued_by_it_does_not_help() {
    let (fleet, impostor) = (Fleet::new(), Fleet::new());
    let key = PrivateKey::generate().unwrap();
    let certificate_der = impostor
        .ca
        .issue_control_plane(&key, &impostor.domain, NOW, UnixMs::DAY)
        .unwrap();
    let door = Credentials {
        certificate_der,
        key,
        roots_der: vec![fleet.ca.certificate_der().to_vec()],
    };
    let server = server_config(
        &[door],
        &fleet.domain,
        &fleet.clock,
        Arc::new(Revoked::default()),
        Expired::Refuse,
        &[ALPN],
    )
    .unwrap();
    let client = join_config(fleet.ca.fingerprint(), &fleet.clock, ALPN).unwrap();
    assert!(matches!(refusal(client, server), Error::InvalidCertificate(_)));
}

#[test]
fn another_protocol_is_refused() {
    let fleet = Fleet::new();
    let client = agent_config(&fleet.host(), &fleet.domain, &fleet.clock, b"other/1").unwrap();
    assert!(handshake(client, fleet.server(Revoked::default())).is_err());
}

/// Shows a certificate, and signs with whatever key there is.
#[derive(Debug)]
struct WithoutItsKey(Arc<rustls::sign::CertifiedKey>);

impl rustls::client::ResolvesClientCert for WithoutItsKey {
    fn resolve(
        &self,
        _root_hint_subjects: &[&[u8]],
        _schemes: &[rustls::SignatureScheme],
    ) -> Option<Arc<rustls::sign::CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[test]
fn a_certificate_without_its_key_is_no_use() {
    let fleet = Fleet::new();
    let mut client = fleet.agent();
    let other = provider()
        .key_provider
        .load_private_key(PrivateKey::generate().unwrap().for_tls())
        .unwrap();
    let certificate = CertificateDer::from(fleet.host().certificate_der);
    let stolen = rustls::sign::CertifiedKey::new(vec![certificate], other);
    client.client_auth_cert_resolver = Arc::new(WithoutItsKey(Arc::new(stolen)));
    let error = refusal(client, fleet.server(Revoked::default()));
    assert_eq!(error, Error::InvalidCertificate(CertificateError::BadSignature));
}

#[test]
fn whoever_asks_by_a_root_is_shown_a_certificate_of_it() {
    let (old, new) = (Fleet::new(), Fleet::new());
    let roots = [&new, &old].map(|fleet| fleet.ca.certificate_der().to_vec());
    let door = |fleet: &Fleet, roots_der: Vec<Vec<u8>>| {
        let key = PrivateKey::generate().unwrap();
        Credentials {
            certificate_der: fleet
                .ca
                .issue_control_plane(&key, &fleet.domain, NOW, UnixMs::DAY)
                .unwrap(),
            key,
            roots_der,
        }
    };
    let server = || {
        let [first, second] = roots.clone();
        server_config(
            &[
                door(&new, vec![first.clone(), second.clone()]),
                door(&old, vec![second, first]),
            ],
            &new.domain,
            &new.clock,
            Arc::new(Revoked::default()),
            Expired::Refuse,
            &[ALPN],
        )
        .unwrap()
    };
    for fleet in [&old, &new] {
        let name = server_name(&fleet.ca.fingerprint());
        let join = join_config(fleet.ca.fingerprint(), &fleet.clock, ALPN).unwrap();
        handshake_by(&name, join, server()).unwrap();
        handshake_by(&name, fleet.agent(), server()).unwrap();
    }
    // Who has no wish is shown the one that issues.
    handshake(new.agent(), server()).unwrap();
    assert!(handshake(old.agent(), server()).is_err());
}
