//! Between control planes on one database: a tail of a host that is connected to another one goes through that one's door.
//!
//! One connection for each tail, under an ALPN of its own, with a certificate of the fleet's CA on both sides that says
//! *control plane*. Whoever has the host opens the tail and passes its frames on; what is asked for was permitted, and where
//! it must be signed was signed, by who asks. The tail ends when either control plane or the agent ends it.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use muster_base::{HostId, UnixMs};
use muster_identity::{Fingerprint, certificate::PrivateKey, tls, tls::Credentials};
use muster_protocol::{ALPN_PEER, latest::TailRequest, read_frame, write_frame};
use quinn::{
    ClientConfig, Connection, Endpoint, IdleTimeout, RecvStream, SendStream, TransportConfig, VarInt,
    crypto::rustls::QuicClientConfig,
};
use serde::{Deserialize, Serialize};
use tokio::{net::lookup_host, time::timeout};
use tracing::debug;
use uuid::Uuid;

use super::{LinkError, TailStream, door::Door};
use crate::app::App;

/// Tails for other control planes at a time.
pub(super) const SEATS: usize = 256;
/// From the first packet to the other's answer.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the other may take for a frame.
const FRAME_TIMEOUT: Duration = Duration::from_secs(30);
/// No tail lasts longer; its reader asks again before.
const LONGEST: Duration = Duration::from_mins(20);
/// How long the last frames may take to arrive.
const FAREWELL: Duration = Duration::from_secs(5);
/// Of a certificate that is made for one tail. Clocks may differ.
const CERTIFICATE_MS: i64 = UnixMs::HOUR;
const IDLE_TIMEOUT_MS: u32 = 10_000;
const KEEP_ALIVE: Duration = Duration::from_secs(4);

/// The first frame.
#[derive(Debug, Serialize, Deserialize)]
enum Wish {
    /// Frames of this host.
    Tail { host: HostId, request: TailRequest },
}

/// The answer; after [`Answer::Open`] the tail's frames come.
#[derive(Debug, Serialize, Deserialize)]
enum Answer {
    Open,
    /// The host is not there (any more).
    Offline,
    /// It can't be, for this reason.
    Refused(String),
}

/// What keeps a tail's connection.
#[derive(Debug)]
pub(super) struct Carrier(#[expect(dead_code, reason = "held")] Endpoint, Connection);

impl Drop for Carrier {
    fn drop(&mut self) {
        self.1.close(VarInt::from_u32(0), b"");
    }
}

/// Asks the control plane that has the host.
pub(super) async fn open_tail(
    app: &App,
    host: HostId,
    plane: Uuid,
    request: TailRequest,
) -> Result<TailStream, LinkError> {
    let failed = |why: String| LinkError::Elsewhere { host, why };
    let Some(address) = app.peers.address_of(plane) else {
        return Err(failed("it has no open door".to_owned()));
    };
    let open = async {
        let (endpoint, connection) = dial(app, &address).await.map_err(failed)?;
        let carrier = Carrier(endpoint, connection.clone());
        let (mut send, mut receive) = connection.open_bi().await?;
        write_frame(&mut send, &Wish::Tail { host, request }).await?;
        match read_frame(&mut receive).await? {
            Some(Answer::Open) => Ok(TailStream::new((send, receive), None).over(carrier)),
            Some(Answer::Offline) => Err(LinkError::Offline(host)),
            Some(Answer::Refused(why)) => Err(failed(why)),
            None => Err(LinkError::Refused),
        }
    };
    match timeout(OPEN_TIMEOUT, open).await {
        Ok(Err(error @ (LinkError::Offline(_) | LinkError::Elsewhere { .. }))) => Err(error),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Ok(opened) => opened,
        Err(_) => Err(failed(format!("{address} does not answer (UDP)"))),
    }
}

async fn dial(app: &App, address: &str) -> Result<(Endpoint, Connection), String> {
    let config = client_config(app).await.map_err(|error| error.to_string())?;
    let keys = app.fleet_keys().await.map_err(|error| error.to_string())?;
    let name = tls::server_name(&Fingerprint::of(keys.ca.certificate_der()));
    let mut failure = format!("{address} has no address");
    let found = lookup_host(address)
        .await
        .map_err(|error| format!("{address} can't be resolved: {error}"))?;
    for found in found {
        match dial_to(found, &name, config.clone()).await {
            Ok(dialled) => return Ok(dialled),
            Err(error) => failure = format!("{found}: {error}"),
        }
    }
    Err(failure)
}

async fn client_config(app: &App) -> Result<ClientConfig, LinkError> {
    let keys = app.fleet_keys().await?;
    let key = PrivateKey::generate()?;
    let (domain, now) = (&keys.trust_domain, app.clock.now());
    let certificate_der = keys
        .ca
        .issue_control_plane_client(&key, domain, now, CERTIFICATE_MS)?;
    let credentials = Credentials {
        certificate_der,
        key,
        roots_der: keys.roots_der(),
    };
    let tls = tls::agent_config(&credentials, domain, &app.clock, ALPN_PEER)?;
    let crypto = QuicClientConfig::try_from(tls).map_err(|e| LinkError::Setup(e.to_string()))?;
    let mut transport = TransportConfig::default();
    transport
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(IDLE_TIMEOUT_MS))))
        .keep_alive_interval(Some(KEEP_ALIVE))
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .max_concurrent_uni_streams(VarInt::from_u32(0));
    let mut config = ClientConfig::new(Arc::new(crypto));
    config.transport_config(Arc::new(transport));
    Ok(config)
}

async fn dial_to(
    address: SocketAddr,
    name: &str,
    config: ClientConfig,
) -> Result<(Endpoint, Connection), String> {
    let any: SocketAddr = match address {
        SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
        SocketAddr::V6(_) => ([0_u16; 8], 0).into(),
    };
    let endpoint = Endpoint::client(any).map_err(|error| error.to_string())?;
    let connecting = endpoint
        .connect_with(config, address, name)
        .map_err(|error| error.to_string())?;
    let connection = connecting.await.map_err(|error| error.to_string())?;
    Ok((endpoint, connection))
}

/// Serves another control plane, whose certificate was verified in the handshake, with the tail that it asks for.
pub(super) async fn serve(door: Arc<Door>, connection: Connection) {
    let stopping = door.app.tasks.stopping();
    tokio::select! {
        served = timeout(LONGEST, Box::pin(answer(&door, &connection))) => {
            debug!(?served, peer = %connection.remote_address(), "a tail for another control plane ended");
        }
        _ = connection.closed() => {}
        () = stopping.cancelled() => {}
    }
    connection.close(VarInt::from_u32(0), b"");
}

async fn answer(door: &Door, connection: &Connection) -> Result<(), LinkError> {
    let first = async {
        let (send, mut receive) = connection.accept_bi().await?;
        let wish = read_frame::<Wish>(&mut receive).await?;
        Ok::<_, LinkError>((send, receive, wish))
    };
    let (mut send, receive, wish) = timeout(OPEN_TIMEOUT, first)
        .await
        .map_err(|_| LinkError::TimedOut)??;
    let Some(Wish::Tail { host, request }) = wish else {
        return Ok(());
    };
    let Ok(_seat) = door.tails.try_acquire() else {
        return end(
            &mut send,
            &Answer::Refused("it serves too many others".to_owned()),
        )
        .await;
    };
    // Asked here only: nothing is passed on twice.
    match door.app.links.open_tail(host, request).await {
        Ok(tail) => {
            say(&mut send, &Answer::Open).await?;
            pass_on(tail, send, receive).await
        }
        Err(LinkError::Offline(_)) => end(&mut send, &Answer::Offline).await,
        Err(error) => end(&mut send, &Answer::Refused(error.to_string())).await,
    }
}

/// Passes frames on until the agent ends the tail; the receiving half is held, because dropping it would end the stream.
async fn pass_on(mut tail: TailStream, mut send: SendStream, receive: RecvStream) -> Result<(), LinkError> {
    while let Some(frame) = tail.next().await? {
        say(&mut send, &frame).await?;
    }
    drop(receive);
    close(&mut send).await
}

async fn end(send: &mut SendStream, answer: &Answer) -> Result<(), LinkError> {
    say(send, answer).await?;
    close(send).await
}

async fn close(send: &mut SendStream) -> Result<(), LinkError> {
    if send.finish().is_ok() {
        // Whoever does not take the end in time is cut off.
        drop(timeout(FAREWELL, send.stopped()).await);
    }
    Ok(())
}

async fn say<T: Serialize>(send: &mut SendStream, frame: &T) -> Result<(), LinkError> {
    timeout(FRAME_TIMEOUT, write_frame(send, frame))
        .await
        .map_err(|_| LinkError::TimedOut)??;
    Ok(())
}
