//! Sockets. Fifty hosts share one, under an address that is theirs alone.

use anyhow::{Context, Result};
use muster_identity::tls;
use quinn::{
    ClientConfig, Connection, Endpoint, IdleTimeout, TransportConfig, VarInt,
    crypto::rustls::QuicClientConfig,
};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Hosts behind one gate: fewer than may join from one address in a minute.
pub(crate) const HOSTS: usize = 50;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// As the agent's.
const IDLE_TIMEOUT_MS: u32 = 10_000;
const KEEP_ALIVE: Duration = Duration::from_secs(6);
const INCOMING_STREAMS: u32 = 64;

/// A socket, and where the control plane is.
#[derive(Clone)]
pub(crate) struct Gate {
    endpoint: Endpoint,
    server: SocketAddr,
}

impl Gate {
    /// The gate of this number to a control plane on this machine.
    pub(crate) fn open(number: usize, server: SocketAddr) -> Result<Self> {
        let part = |number: usize| u8::try_from(number % 250 + 1).unwrap_or(1);
        let own = Ipv4Addr::new(127, 1, part(number / 250), part(number));
        Self::at(IpAddr::V4(own), server)
    }

    /// One at this address.
    pub(crate) fn at(own: IpAddr, server: SocketAddr) -> Result<Self> {
        let endpoint =
            Endpoint::client(SocketAddr::new(own, 0)).with_context(|| format!("no socket on {own}"))?;
        Ok(Self { endpoint, server })
    }

    pub(crate) async fn connect(&self, config: ClientConfig) -> Result<Connection> {
        let connecting = self
            .endpoint
            .connect_with(config, self.server, tls::SERVER_NAME)?;
        Ok(timeout(CONNECT_TIMEOUT, connecting)
            .await
            .context("no answer")??)
    }

    pub(crate) fn close(&self) {
        self.endpoint.close(VarInt::from_u32(0), b"");
    }
}

/// The agent's transport settings.
pub(crate) fn client_config(tls: rustls::ClientConfig) -> Result<ClientConfig> {
    let mut transport = TransportConfig::default();
    transport
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(IDLE_TIMEOUT_MS))))
        .keep_alive_interval(Some(KEEP_ALIVE))
        .max_concurrent_bidi_streams(VarInt::from_u32(INCOMING_STREAMS))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .stream_receive_window(VarInt::from_u32(64 << 10))
        .receive_window(VarInt::from_u32(256 << 10))
        .send_window(256 << 10)
        .datagram_receive_buffer_size(None);
    let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?));
    config.transport_config(Arc::new(transport));
    Ok(config)
}
