//! Sockets, transport settings, and the wire part of a join.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use muster_base::Clock;
use muster_identity::{Fingerprint, tls};
use muster_protocol::{
    ALPN, ALPN_JOIN, FrameError,
    latest::{Goodbye, JoinReply, JoinRequest},
    read_frame, write_frame,
};
use quinn::{
    ClientConfig, Connection, ConnectionError, Endpoint, IdleTimeout, TransportConfig, TransportErrorCode,
    VarInt, crypto::rustls::QuicClientConfig,
};
use tokio::time::{sleep, timeout};

use super::addresses::{self, Addresses};
use crate::identity::Identity;

/// A connection that is not up by then counts as failed.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// After so long without an answer another address is tried as well.
const TRY_ANOTHER: Duration = Duration::from_secs(1);
/// An answer that has not come by then will not come.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// A certificate that is refused is refused by then.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(1);
/// Silence for this long means that the other side is gone.
const IDLE_TIMEOUT_MS: u32 = 10_000;
/// Between two samples of the usual interval one sign of life is enough, and what is lost is sent again several times in
/// what is left of the idle timeout.
const KEEP_ALIVE: Duration = Duration::from_secs(6);
/// Where there is another control plane to go to, it is worth a packet more to know sooner that this one is gone.
const KEEP_ALIVE_OF_MANY: Duration = Duration::from_secs(4);
/// Orders and tails at a time.
const INCOMING_STREAMS: u32 = 64;
/// TLS alert `certificate_revoked`.
const ALERT_REVOKED: u8 = 44;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The name can't be resolved.
    #[error("{server} can't be resolved")]
    Resolve {
        /// `HOST:PORT`.
        server: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The name resolves to nothing.
    #[error("{0} has no address")]
    NoAddress(String),
    /// No socket could be had.
    #[error("no UDP socket")]
    Socket(#[source] std::io::Error),
    /// The certificate or key can't be used.
    #[error("the TLS configuration can't be made")]
    Tls(#[from] muster_identity::IdentityError),
    /// QUIC can't be set up with it.
    #[error("the QUIC configuration can't be made: {0}")]
    Config(String),
    /// Nobody answers, or not the one we know.
    #[error("{address} did not accept the connection: {source}")]
    Connect {
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        source: ConnectionError,
    },
    /// Nobody answers.
    #[error("{0} does not answer (UDP)")]
    NoAnswer(SocketAddr),
    /// Nobody answers any more.
    #[error("{0} does not answer any more")]
    Silent(SocketAddr),
    /// The connection ended.
    #[error("the connection ended: {0}")]
    Lost(#[from] ConnectionError),
    /// What came is not what belongs there.
    #[error("the control plane's message can't be read: {0}")]
    Frame(#[from] FrameError),
    /// The control plane wants no session, and says why.
    #[error("the control plane said goodbye: {0:?}")]
    Goodbye(Goodbye),
    /// The stream ended before the answer came.
    #[error("the control plane hung up before it answered")]
    HungUp,
}

impl LinkError {
    /// Whether the control plane refused the host's certificate as revoked. Anybody on the way could pretend this,
    /// so it only slows the agent down.
    pub(super) fn says_revoked(&self) -> bool {
        let (Self::Connect { source, .. } | Self::Lost(source)) = self else {
            return false;
        };
        matches!(source, ConnectionError::ConnectionClosed(close)
            if close.error_code == TransportErrorCode::crypto(ALERT_REVOKED))
    }
}

/// A connection and the endpoint that carries it.
pub(super) struct Dialled {
    pub(super) endpoint: Endpoint,
    pub(super) connection: Connection,
    /// Whether there are other addresses to go to.
    pub(super) is_one_of_many: bool,
}

/// Connects as a host of the fleet; to `avoid` only if nobody else answers.
pub(super) async fn dial(
    identity: &Identity,
    clock: &Clock,
    avoid: Option<SocketAddr>,
) -> Result<Dialled, LinkError> {
    let tls = tls::agent_config(&identity.credentials, &identity.trust_domain, clock, ALPN)?;
    // By the first root: the control plane has a certificate of each that hosts may believe.
    let root = identity.credentials.roots_der.first();
    let name = root.map_or_else(
        || tls::SERVER_NAME.to_owned(),
        |root| tls::server_name(&Fingerprint::of(root)),
    );
    connect(&identity.server, avoid, &name, tls).await
}

/// Shakes hands as a host of the fleet, and hangs up. A session that is open elsewhere stays open: it is replaced by an
/// introduction, not by a handshake.
pub async fn probe(identity: &Identity, clock: &Clock) -> Result<(), LinkError> {
    let dialled = dial(identity, clock, None).await?;
    // TLS 1.3 lets a client finish before the server has looked at its certificate: a refusal comes a moment later.
    let refused = timeout(REFUSAL_TIMEOUT, dialled.connection.closed()).await;
    dialled.connection.close(VarInt::from_u32(0), b"");
    dialled.endpoint.wait_idle().await;
    match refused {
        Ok(reason) => Err(reason.into()),
        Err(_) => Ok(()),
    }
}

/// Asks to join.
pub async fn join(
    server: &str,
    pinned: Fingerprint,
    clock: &Clock,
    request: JoinRequest,
) -> Result<JoinReply, LinkError> {
    let tls = tls::join_config(pinned, clock, ALPN_JOIN)?;
    let dialled = connect(server, None, &tls::server_name(&pinned), tls).await?;
    let ask = async {
        let (mut send, mut receive) = dialled.connection.open_bi().await?;
        write_frame(&mut send, &request).await?;
        send.finish().map_err(|_| LinkError::HungUp)?;
        read_frame::<JoinReply>(&mut receive)
            .await?
            .ok_or(LinkError::HungUp)
    };
    let reply = timeout(ANSWER_TIMEOUT, ask)
        .await
        .map_err(|_| LinkError::HungUp)?;
    dialled.connection.close(VarInt::from_u32(0), b"");
    dialled.endpoint.wait_idle().await;
    reply
}

/// Tries the addresses of `server` one after the other, the next one as soon as one refuses or does not answer at once. The
/// first that accepts is it.
async fn connect(
    server: &str,
    avoid: Option<SocketAddr>,
    name: &str,
    tls: rustls::ClientConfig,
) -> Result<Dialled, LinkError> {
    let Addresses { all, are_many } = addresses::of(server, avoid).await?;
    let config = client_config(tls, are_many)?;
    let mut failure = LinkError::NoAddress(server.to_owned());
    let mut left = all.into_iter();
    let mut trying = FuturesUnordered::new();
    loop {
        match left.next() {
            Some(address) => trying.push(connect_to(address, name, config.clone())),
            None if trying.is_empty() => return Err(failure),
            None => {}
        }
        tokio::select! {
            Some(tried) = trying.next() => match tried {
                Ok((endpoint, connection)) => {
                    return Ok(Dialled { endpoint, connection, is_one_of_many: are_many });
                }
                Err(error) => failure = error,
            },
            () = sleep(TRY_ANOTHER), if left.len() > 0 => {}
        }
    }
}

async fn connect_to(
    address: SocketAddr,
    name: &str,
    config: ClientConfig,
) -> Result<(Endpoint, Connection), LinkError> {
    let any: SocketAddr = match address {
        SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
        SocketAddr::V6(_) => ([0_u16; 8], 0).into(),
    };
    let endpoint = Endpoint::client(any).map_err(LinkError::Socket)?;
    let connecting = endpoint
        .connect_with(config, address, name)
        .map_err(|e| LinkError::Config(e.to_string()))?;
    match timeout(CONNECT_TIMEOUT, connecting).await {
        Ok(Ok(connection)) => Ok((endpoint, connection)),
        Ok(Err(source)) => Err(LinkError::Connect { address, source }),
        Err(_) => Err(LinkError::NoAnswer(address)),
    }
}

fn client_config(tls: rustls::ClientConfig, is_one_of_many: bool) -> Result<ClientConfig, LinkError> {
    let keep_alive = if is_one_of_many {
        KEEP_ALIVE_OF_MANY
    } else {
        KEEP_ALIVE
    };
    let crypto = QuicClientConfig::try_from(tls).map_err(|e| LinkError::Config(e.to_string()))?;
    let mut transport = TransportConfig::default();
    transport
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(IDLE_TIMEOUT_MS))))
        .keep_alive_interval(Some(keep_alive))
        .max_concurrent_bidi_streams(VarInt::from_u32(INCOMING_STREAMS))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .stream_receive_window(VarInt::from_u32(64 << 10))
        .receive_window(VarInt::from_u32(256 << 10))
        .send_window(256 << 10)
        .datagram_receive_buffer_size(None);
    let mut config = ClientConfig::new(Arc::new(crypto));
    config.transport_config(Arc::new(transport));
    Ok(config)
}
