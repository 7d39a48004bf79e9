//! QUIC settings of the door. Windows are small: thousands of connections are idle most of the time.

use std::{
    io,
    net::{SocketAddr, UdpSocket},
    sync::Arc,
    time::Duration,
};

use aws_lc_rs::{hkdf, hmac};
use muster_base::random_array;
use muster_identity::certificate::PrivateKey;
use quinn::{
    ConnectionId, ConnectionIdGenerator, EndpointConfig, IdleTimeout, ServerConfig, TransportConfig, VarInt,
    crypto::rustls::QuicServerConfig, udp::UdpSocketState,
};
use tracing::debug;

use super::LinkError;

/// Silence for this long means that the agent is gone. Agents send a sign of life every six seconds, or four.
const IDLE_TIMEOUT_MS: u32 = 10_000;
/// Handshakes that wait to be looked at, at most.
const MAX_INCOMING: usize = 4_096;
/// What comes of each meanwhile, at most, and of all: a greeting is three packets, and is sent again twice or so.
const INCOMING_BUFFER: u64 = 16 << 10;
const INCOMING_BUFFERS: u64 = 16 << 20;
/// What agents may open: the control stream, and one for bytes.
const BIDIRECTIONAL: u32 = 2;
/// Report streams.
const UNIDIRECTIONAL: u32 = 2;
const STREAM_WINDOW: u32 = 128 << 10;
const WINDOW: u32 = 256 << 10;
const SEND_WINDOW: u64 = 256 << 10;

pub(super) fn server_config(tls: rustls::ServerConfig) -> Result<ServerConfig, LinkError> {
    let crypto = QuicServerConfig::try_from(tls).map_err(|e| LinkError::Setup(e.to_string()))?;
    let mut transport = TransportConfig::default();
    transport
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(IDLE_TIMEOUT_MS))))
        .max_concurrent_bidi_streams(VarInt::from_u32(BIDIRECTIONAL))
        .max_concurrent_uni_streams(VarInt::from_u32(UNIDIRECTIONAL))
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW))
        .receive_window(VarInt::from_u32(WINDOW))
        .send_window(SEND_WINDOW)
        .datagram_receive_buffer_size(None);
    let mut config = ServerConfig::with_crypto(Arc::new(crypto));
    config
        .transport_config(Arc::new(transport))
        .max_incoming(MAX_INCOMING)
        .incoming_buffer_size(INCOMING_BUFFER)
        .incoming_buffer_size_total(INCOMING_BUFFERS)
        .migration(true)
        .retry_token_lifetime(Duration::from_secs(15));
    Ok(config)
}

/// What the socket may hold that is not read yet, if the system allows as much (`net.core.rmem_max`). What it gives by itself are
/// ninety packets or so: a fleet that comes back at once, or garbage, fills that while something else is done, and what comes
/// then is lost for everybody.
const RECEIVE_BUFFER: usize = 2 << 20;

/// The door's socket.
pub(super) fn socket(listen: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(listen)?;
    let state = UdpSocketState::new((&socket).into())?;
    if let Err(error) = state.set_recv_buffer_size((&socket).into(), RECEIVE_BUFFER) {
        debug!(%error, "the agents' socket keeps the buffer that it has");
    }
    Ok(socket)
}

/// What a reset's token is derived for.
const RESET: &[u8] = b"muster stateless reset";

/// The endpoint's own settings. A control plane that was killed knows nothing of the connections that it had; by this
/// key, which the next one has too, it can tell agents so, who otherwise wait for ten seconds of silence.
pub(super) fn endpoint_config(ca: &PrivateKey) -> Result<EndpointConfig, LinkError> {
    let failed = |_| LinkError::Setup("the key of stateless resets can't be derived".to_owned());
    let mut key = [0; 32];
    hkdf::Salt::new(hkdf::HKDF_SHA256, &[])
        .extract(ca.pkcs8_der())
        .expand(&[RESET], hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut key))
        .map_err(failed)?;
    let mut config = EndpointConfig::new(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, &key)));
    config.cid_generator(|| Box::new(AnyId));
    Ok(config)
}

/// Ids without a mark by which one endpoint knows its own: those of an earlier one are answered with a reset.
#[derive(Debug)]
struct AnyId;

impl ConnectionIdGenerator for AnyId {
    fn generate_cid(&mut self) -> ConnectionId {
        ConnectionId::new(&random_array::<ID_BYTES>())
    }

    fn cid_len(&self) -> usize {
        ID_BYTES
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

const ID_BYTES: usize = 8;
