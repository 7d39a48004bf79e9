//! Connections that come to nothing: nobody finishes the handshake, the other end is gone or says nothing, or shows what
//! opens no door here.

use super::{REFUSED_WITHIN, Target, address};
use crate::gate::client_config;
use crate::join::Admitted;
use anyhow::{Context as _, Result};
use muster_base::{Clock, UnixMs};
use muster_identity::ca::CertificateAuthority;
use muster_identity::certificate::PrivateKey;
use muster_identity::spiffe::TrustDomain;
use muster_identity::tls::{self, Credentials};
use muster_protocol::{ALPN, ALPN_JOIN, ALPN_PEER};
use quinn::{ClientConfig, Connection, Endpoint};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::time::{sleep, timeout};

/// At a time, of those who hear no answer: the control plane holds each for ten seconds, so these are more than are let in
/// before strangers must show their address.
pub(super) const UNHEARING: usize = 75;
/// At a time from one address, of those who show it and go no further: as many as one may have, and more.
pub(super) const UNFINISHED: usize = 40;
pub(super) const VANISHED: usize = 20;
/// At a time from one address, of those who say nothing; from two of them there are nearly as many as are heard at a time.
pub(super) const SILENT: usize = 70;
/// From the address of good hosts: fewer, so that they have a part of what it may have.
pub(super) const OF_THE_SAME: usize = 10;

const TOO_LONG: Duration = Duration::from_secs(12);
const PAUSE: Duration = Duration::from_millis(100);
const LARGEST: usize = 2_048;

fn asking_to_join(target: &Target, alpn: &[u8]) -> Result<ClientConfig> {
    client_config(tls::join_config(target.ca_fingerprint, &target.clock, alpn)?)
}

/// The way of a client's datagrams to the control plane. The answers come back or are lost.
struct Way {
    front: UdpSocket,
    back: UdpSocket,
}

impl Way {
    async fn lay(target: &Target, from: IpAddr) -> Result<(Self, SocketAddr)> {
        let front = UdpSocket::bind((from, 0)).await?;
        let back = UdpSocket::bind((from, 0)).await?;
        back.connect(target.link).await?;
        let address = front.local_addr()?;
        Ok((Self { front, back }, address))
    }

    /// Carries them for as long as this is polled, and so many answers.
    async fn carry(&self, answers: usize) -> Result<()> {
        let (mut up, mut down) = ([0; LARGEST], [0; LARGEST]);
        let (mut client, mut left) = (None, answers);
        loop {
            tokio::select! {
                came = self.front.recv_from(&mut up) => {
                    let (length, from) = came?;
                    client = Some(from);
                    drop(self.back.send(&up[..length]).await);
                }
                came = self.back.recv(&mut down), if left > 0 => {
                    left -= 1;
                    // An unreachable port is an error of the datagram before.
                    if let (Ok(length), Some(client)) = (came, client) {
                        drop(self.front.send_to(&down[..length], client).await);
                    }
                }
            }
        }
    }
}

/// Begins handshakes from this address and hears no answer, or one: enough to show the address if that is asked for.
pub(super) async fn unfinished(
    target: Arc<Target>,
    from: IpAddr,
    number: usize,
    answers: usize,
) -> Result<()> {
    let endpoint = Endpoint::client(SocketAddr::new(from, 0))?;
    // Not all in the same moment.
    sleep(PAUSE * u32::try_from(number % 40)?).await;
    loop {
        let (way, address) = Way::lay(&target, from).await?;
        let connecting =
            endpoint.connect_with(asking_to_join(&target, ALPN_JOIN)?, address, tls::SERVER_NAME)?;
        target.made("handshakes that nobody finishes");
        tokio::select! {
            done = connecting => if done.is_ok() && answers == 0 {
                target.fault("a handshake was finished without an answer".to_owned());
            },
            carried = way.carry(answers) => carried?,
            () = sleep(Duration::from_secs(5)) => {}
        }
    }
}

/// Finishes handshakes and is gone, without a goodbye.
pub(super) async fn vanished(target: Arc<Target>, number: usize) -> Result<()> {
    let from = address(3, number);
    let endpoint = Endpoint::client(SocketAddr::new(from, 0))?;
    loop {
        // Each holds a seat until it is missed, and those of all addresses leave some for others.
        sleep(PAUSE * 50).await;
        let (way, address) = Way::lay(&target, from).await?;
        let connecting =
            endpoint.connect_with(asking_to_join(&target, ALPN_JOIN)?, address, tls::SERVER_NAME)?;
        let connected = tokio::select! {
            connected = connecting => connected,
            carried = way.carry(usize::MAX) => { carried?; continue; }
        };
        // Nothing is carried any more: not even that it ends.
        if connected.is_ok() {
            target.made("connections whose other end is gone");
        }
    }
}

/// Says nothing in a connection that lives, for as long as that is borne.
pub(super) async fn silent(target: Arc<Target>, endpoint: Endpoint, number: usize) -> Result<()> {
    sleep(PAUSE * u32::try_from(number % 30)?).await;
    loop {
        let config = asking_to_join(&target, ALPN_JOIN)?;
        if let Ok(connection) = connect(&endpoint, target.link, config).await {
            target.made("connections in which nobody says anything");
            drop(timeout(TOO_LONG * 2, connection.closed()).await);
        }
        sleep(PAUSE * 60).await;
    }
}

async fn connect(endpoint: &Endpoint, to: SocketAddr, config: ClientConfig) -> Result<Connection> {
    let connecting = endpoint.connect_with(config, to, tls::SERVER_NAME)?;
    Ok(timeout(TOO_LONG, connecting).await.context("no answer")??)
}

/// What strangers show.
pub(super) struct Strangers(Vec<(&'static str, ClientConfig)>);

impl Strangers {
    /// Made once: `admitted` is a host of the fleet, whose certificate is also shown where hosts have no business.
    pub(super) fn new(target: &Target, admitted: &Admitted) -> Result<Self> {
        let clock = &target.clock;
        let domain: TrustDomain = admitted.joined.trust_domain.parse()?;
        let mut shown = Vec::new();
        for (kind, life_ms) in [
            ("certificates of no CA", UnixMs::DAY),
            ("certificates of no CA that are over", 1),
        ] {
            let credentials = of_no_ca(clock, &domain, admitted, life_ms)?;
            let tls = tls::agent_config(&credentials, &domain, clock, ALPN)?;
            shown.push((kind, client_config(tls)?));
        }
        let own = Credentials {
            certificate_der: admitted.joined.certificate_der.clone(),
            key: PrivateKey::from_pkcs8_der(admitted.key.pkcs8_der())?,
            roots_der: admitted.joined.roots_der.clone(),
        };
        let tls = tls::agent_config(&own, &domain, clock, ALPN_PEER)?;
        shown.push(("hosts that pose as a control plane", client_config(tls)?));
        shown.push(("agents without a certificate", asking_to_join(target, ALPN)?));
        Ok(Self(shown))
    }
}

fn of_no_ca(clock: &Clock, domain: &TrustDomain, admitted: &Admitted, life_ms: i64) -> Result<Credentials> {
    let now = clock.now();
    let key = PrivateKey::generate()?;
    let stranger = CertificateAuthority::generate(domain, now)?;
    let (org, host) = (admitted.joined.org, admitted.joined.host);
    Ok(Credentials {
        certificate_der: stranger.issue_host(&key.request_der()?, domain, org, host, now, life_ms)?,
        key,
        roots_der: admitted.joined.roots_der.clone(),
    })
}

/// Shows all of it, and is refused.
pub(super) async fn strangers(target: Arc<Target>, strangers: Strangers) -> Result<()> {
    let endpoint = Endpoint::client(SocketAddr::new(address(6, 0), 0))?;
    loop {
        for (kind, config) in &strangers.0 {
            target.made(kind);
            // A client of TLS 1.3 is done before its certificate was looked at.
            if let Ok(connection) = connect(&endpoint, target.link, config.clone()).await
                && timeout(REFUSED_WITHIN, connection.closed()).await.is_err()
            {
                target.fault(format!("kept: {kind}"));
            }
            sleep(PAUSE * 3).await;
        }
    }
}
