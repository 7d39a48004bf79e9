//! Peers that mean no good don't disturb those who do.

use std::{net::SocketAddr, sync::Arc};

use muster_base::random_array;
use muster_identity::{
    ca::CertificateAuthority,
    certificate::PrivateKey,
    tls::{self, Credentials},
};
use muster_protocol::{
    ALPN, ALPN_JOIN, ALPN_PEER,
    latest::{AgentControl, Goodbye, Hello, HostFacts, RenewReply, ServerControl},
    read_frame, write_frame,
};
use quinn::{ClientConfig, Connection, ConnectionError, Endpoint, crypto::rustls::QuicClientConfig};
use tokio::{net::UdpSocket, time::timeout};

use super::{PATIENCE, Plane};

pub(super) async fn connect(
    plane: &Plane,
    tls: rustls::ClientConfig,
) -> Result<(Endpoint, Connection), ConnectionError> {
    connect_to(plane.address, tls).await
}

pub(super) async fn connect_to(
    address: SocketAddr,
    tls: rustls::ClientConfig,
) -> Result<(Endpoint, Connection), ConnectionError> {
    let endpoint = Endpoint::client(([127, 0, 0, 1], 0).into()).unwrap();
    let config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
    let connecting = endpoint.connect_with(config, address, tls::SERVER_NAME).unwrap();
    let connection = timeout(PATIENCE, connecting).await.unwrap()?;
    Ok((endpoint, connection))
}

#[tokio::test]
async fn garbage_of_all_kinds_leaves_a_real_agent_s_session_alone() {
    let plane = Plane::start().await;
    let host = plane.joined().await;
    let running = host.run();
    plane.until_online(host.id).await;
    let session = plane.app.links.presence(host.id).unwrap().session;

    random_datagrams(&plane).await;
    nobody_on_the_agents_protocol(&plane).await;
    a_stranger_s_certificate(&plane).await;
    a_host_that_poses_as_a_control_plane(&plane).await;
    a_garbled_join(&plane).await;
    an_oversized_frame(&plane).await;

    assert_eq!(plane.app.links.presence(host.id).unwrap().session, session);
    running.stop().await;
    plane.stop().await;
}

async fn random_datagrams(plane: &Plane) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for _ in 0..500 {
        let datagram: [u8; 1_200] = random_array();
        socket.send_to(&datagram, plane.address).await.unwrap();
    }
}

async fn nobody_on_the_agents_protocol(plane: &Plane) {
    let pinned = plane.app.fleet_keys().await.unwrap().fingerprint();
    let tls = tls::join_config(pinned, &plane.clock, ALPN).unwrap();
    let (_endpoint, connection) = connect(plane, tls).await.unwrap();
    let closed = timeout(PATIENCE, connection.closed()).await.unwrap();
    assert!(
        matches!(closed, ConnectionError::ApplicationClosed(_)),
        "{closed}"
    );
}

async fn a_stranger_s_certificate(plane: &Plane) {
    let keys = plane.app.fleet_keys().await.unwrap();
    let now = plane.clock.now();
    let stranger = CertificateAuthority::generate(&keys.trust_domain, now).unwrap();
    let key = PrivateKey::generate().unwrap();
    let request = key.request_der().unwrap();
    let certificate_der = stranger
        .issue_host(
            &request,
            &keys.trust_domain,
            plane.clock.new_id(),
            plane.clock.new_id(),
            now,
            3_600_000,
        )
        .unwrap();
    let credentials = Credentials {
        certificate_der,
        key,
        roots_der: keys.roots_der(),
    };
    let tls = tls::agent_config(&credentials, &keys.trust_domain, &plane.clock, ALPN).unwrap();
    // TLS 1.3 clients are done before the server has looked at their certificate.
    let refused = match connect(plane, tls).await {
        Ok((_endpoint, connection)) => timeout(PATIENCE, connection.closed()).await.unwrap(),
        Err(error) => error,
    };
    assert!(
        matches!(refused, ConnectionError::ConnectionClosed(_)),
        "{refused}"
    );
}

async fn a_host_that_poses_as_a_control_plane(plane: &Plane) {
    let identity = plane.joined().await.identity();
    let tls = tls::agent_config(
        &identity.credentials,
        &identity.trust_domain,
        &plane.clock,
        ALPN_PEER,
    )
    .unwrap();
    let (_endpoint, connection) = connect(plane, tls).await.unwrap();
    let closed = timeout(PATIENCE, connection.closed()).await.unwrap();
    assert!(
        matches!(closed, ConnectionError::ApplicationClosed(_)),
        "{closed}"
    );
}

async fn a_garbled_join(plane: &Plane) {
    let pinned = plane.app.fleet_keys().await.unwrap().fingerprint();
    let tls = tls::join_config(pinned, &plane.clock, ALPN_JOIN).unwrap();
    let (_endpoint, connection) = connect(plane, tls).await.unwrap();
    let (mut send, _receive) = connection.open_bi().await.unwrap();
    send.write_all(&[0, 0, 0, 4, 0xff, 0xff, 0xff, 0xff])
        .await
        .unwrap();
    let closed = timeout(PATIENCE, connection.closed()).await.unwrap();
    assert!(
        matches!(closed, ConnectionError::ApplicationClosed(_)),
        "{closed}"
    );
}

/// A real host whose agent has gone mad.
async fn an_oversized_frame(plane: &Plane) {
    let host = plane.joined().await;
    let identity = host.identity();
    let tls = tls::agent_config(&identity.credentials, &identity.trust_domain, &plane.clock, ALPN).unwrap();
    let (_endpoint, connection) = connect(plane, tls).await.unwrap();
    let (mut send, mut receive) = connection.open_bi().await.unwrap();
    let hello = Hello {
        versions: (1, 1),
        facts: HostFacts::default(),
        now: plane.clock.now(),
        seal_public_key: Vec::new(),
    };
    write_frame(&mut send, &AgentControl::Hello(Box::new(hello)))
        .await
        .unwrap();
    let welcome = timeout(PATIENCE, read_frame(&mut receive))
        .await
        .unwrap()
        .unwrap();
    assert!(matches!(welcome, Some(ServerControl::Welcome(_))));
    send.write_all(&[0xff; 64]).await.unwrap();
    timeout(PATIENCE, connection.closed()).await.unwrap();
    plane.until_offline(host.id).await;
}

#[tokio::test]
async fn an_expired_certificate_opens_no_session() {
    let plane = Plane::start().await;
    let host = plane.joined().await;
    plane.clock.advance(8 * muster_base::UnixMs::DAY);
    let identity = host.identity();
    let tls = tls::agent_config(&identity.credentials, &identity.trust_domain, &plane.clock, ALPN).unwrap();
    let (_endpoint, connection) = connect(&plane, tls).await.unwrap();
    let (mut send, mut receive) = connection.open_bi().await.unwrap();
    let hello = Hello {
        versions: (1, 1),
        facts: HostFacts::default(),
        now: plane.clock.now(),
        seal_public_key: Vec::new(),
    };
    write_frame(&mut send, &AgentControl::Hello(Box::new(hello)))
        .await
        .unwrap();
    let welcome = timeout(PATIENCE, read_frame(&mut receive))
        .await
        .unwrap()
        .unwrap();
    assert!(matches!(welcome, Some(ServerControl::Welcome(_))));
    assert!(
        !plane.app.links.is_online(host.id),
        "it may renew, and nothing else"
    );
    write_frame(
        &mut send,
        &AgentControl::Renew {
            csr_der: b"nonsense".to_vec(),
        },
    )
    .await
    .unwrap();
    let answer = timeout(PATIENCE, read_frame(&mut receive))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(answer, Some(ServerControl::Renewed(RenewReply::Refused)));
    plane.stop().await;
}

#[tokio::test]
async fn an_agent_that_speaks_no_common_version_is_told_so() {
    let plane = Plane::start().await;
    let host = plane.joined().await;
    let identity = host.identity();
    let tls = tls::agent_config(&identity.credentials, &identity.trust_domain, &plane.clock, ALPN).unwrap();
    let (_endpoint, connection) = connect(&plane, tls).await.unwrap();
    let (mut send, mut receive) = connection.open_bi().await.unwrap();
    let hello = Hello {
        versions: (900, 901),
        facts: HostFacts::default(),
        now: plane.clock.now(),
        seal_public_key: Vec::new(),
    };
    write_frame(&mut send, &AgentControl::Hello(Box::new(hello)))
        .await
        .unwrap();
    let answer = timeout(PATIENCE, read_frame(&mut receive))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(answer, Some(ServerControl::Goodbye(Goodbye::UnsupportedVersion)));
    plane.stop().await;
}
