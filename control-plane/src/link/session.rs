//! One agent's session, from its connection to its end.

use std::{
    sync::{Arc, Mutex, OnceLock, atomic::AtomicI64},
    time::Duration,
};

use muster_base::{HostId, OrgId, SessionId, random_array};
use muster_identity::tls;
use muster_protocol::{
    KEYS_SINCE, VERSIONS, agree,
    latest::{AgentConfig, AgentControl, FleetKeysNotice, Goodbye, Hello, ServerControl, Welcome},
    read_frame, write_frame,
};
use quinn::{Connection, RecvStream, SendStream, VarInt};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, info, info_span, warn};

use super::{LinkError, bytes, door::Door, registry::SessionHandle, reports};
use crate::{
    app::App,
    fleet::{self, FleetKeys},
};

/// An agent that has not said hello by then won't.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a host with an expired certificate may take to renew it.
const RENEWAL_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a farewell may take before the connection is cut.
const FAREWELL: Duration = Duration::from_secs(1);
/// Time between two messages of an agent that are listened to.
const HEAR_EVERY: Duration = Duration::from_millis(250);
/// Hosts are told of new keys over a time of so much for each that is connected.
const PER_HOST: Duration = Duration::from_millis(10);
/// Hosts over which that time grows.
const MOST_SPREAD: u32 = 10_000;
/// Messages to the agent that wait to be sent, at most.
const CONTROL_QUEUE: usize = 64;

/// What ended a session.
enum Ended {
    /// We end it, and say why.
    Goodbye(Goodbye),
    /// The agent said farewell.
    Bye,
    /// The connection broke.
    Lost(LinkError),
}

/// An agent that has said hello and may come in.
struct Introduced {
    send: SendStream,
    receive: RecvStream,
    version: u16,
}

/// Serves an agent whose certificate was verified in the handshake. One whose certificate has expired may renew it
/// and nothing else.
pub(super) async fn serve(door: Arc<Door>, connection: Connection, org: OrgId, host: HostId, expired: bool) {
    let span = info_span!("session", host.id = %host, peer = %connection.remote_address());
    async {
        // What happens once is boxed here and below: a session's task stays for days, and each of its bytes is there
        // once for every agent.
        match Box::pin(introduce(&door, &connection, org, host)).await {
            Ok(agent) if expired => Box::pin(renew_only(&door, agent, org, host)).await,
            Ok(agent) => match Box::pin(enter(&door, &connection, agent, org, host)).await {
                Ok(entered) => run(&door.app, entered).await,
                Err(error) => debug!(%error, "no session came of the connection"),
            },
            Err(error) => debug!(%error, "no session came of the connection"),
        }
        connection.close(VarInt::from_u32(0), b"");
    }
    .instrument(span)
    .await;
}

/// Hears the agent's `Hello`, and decides whether it may come in.
async fn introduce(
    door: &Door,
    connection: &Connection,
    org: OrgId,
    host: HostId,
) -> Result<Introduced, LinkError> {
    let first = async {
        let (send, mut receive) = connection.accept_bi().await?;
        let hello = read_frame::<AgentControl>(&mut receive).await?;
        Ok::<_, LinkError>((send, receive, hello))
    };
    let (mut send, receive, hello) = timeout(HELLO_TIMEOUT, first)
        .await
        .map_err(|_| LinkError::TimedOut)??;
    let Some(AgentControl::Hello(hello)) = hello else {
        return refuse(&mut send, Goodbye::ProtocolError).await;
    };
    let Some(version) = agree(VERSIONS, hello.versions) else {
        let (ours, theirs) = (VERSIONS, hello.versions);
        warn!(
            agent.version = fleet::short(&hello.facts.agent_version),
            agent.protocol = ?theirs,
            "the agent speaks no protocol version that we speak: {}",
            fleet::to_upgrade(ours, theirs)
        );
        return refuse(&mut send, Goodbye::UnsupportedVersion).await;
    };
    if !admit(door, connection, (org, host), &hello).await? {
        return refuse(&mut send, Goodbye::Revoked).await;
    }
    Ok(Introduced {
        send,
        receive,
        version,
    })
}

/// An agent that was welcomed.
struct Entered {
    session: Arc<SessionHandle>,
    send: SendStream,
    receive: RecvStream,
    /// The keys that it was told of.
    keys: Arc<FleetKeys>,
    version: u16,
}

/// Enters the session into the registry and welcomes the agent.
async fn enter(
    door: &Door,
    connection: &Connection,
    agent: Introduced,
    org: OrgId,
    host: HostId,
) -> Result<Entered, LinkError> {
    let app = &door.app;
    let keys = door.keys();
    let Introduced {
        mut send,
        receive,
        version,
    } = agent;
    let now = app.clock.now();
    let session = Arc::new(SessionHandle {
        id: app.clock.new_id(),
        org,
        host,
        version,
        connection: connection.clone(),
        connected_at: now,
        last_report_at: AtomicI64::new(now.0),
        signing_keys: Mutex::new(keys.signing_key_ids()),
        end: CancellationToken::new(),
        goodbye: OnceLock::new(),
        told: OnceLock::new(),
        began: Instant::now(),
        busy: Arc::default(),
    });
    if let Some(older) = app.links.enter(&session) {
        fleet::note_takeover(app, org, host, older, connection.remote_address()).await;
    }
    let welcomed = async {
        // Removed between the look-up and the entry? Then nobody else ends this session.
        if app.links.is_barred(host) {
            return refuse(&mut send, Goodbye::Revoked).await;
        }
        write_frame(&mut send, &welcome(app, &keys, version, session.id)).await?;
        Ok(())
    };
    if let Err(error) = welcomed.await {
        app.links.leave(&session);
        return Err(error);
    }
    Ok(Entered {
        session,
        send,
        receive,
        keys,
        version,
    })
}

fn welcome(app: &App, keys: &FleetKeys, version: u16, session: SessionId) -> ServerControl {
    ServerControl::Welcome(Box::new(Welcome {
        version,
        session,
        now: app.clock.now(),
        config: AgentConfig {
            sample_interval_s: app.config.link.sample_interval_s,
            ..AgentConfig::default()
        },
        signing_keys: keys.signing_keys(),
        roots_der: keys.roots_der(),
    }))
}

/// For a host that was away until its certificate expired: a new certificate, and goodbye. It comes back with it.
async fn renew_only(door: &Door, agent: Introduced, org: OrgId, host: HostId) {
    let Introduced {
        mut send,
        mut receive,
        version,
    } = agent;
    info!("the host's certificate has expired; it may renew it");
    let renew = async {
        let session = door.app.clock.new_id();
        write_frame(&mut send, &welcome(&door.app, &door.keys(), version, session)).await?;
        while let Some(message) = read_frame::<AgentControl>(&mut receive).await? {
            if let AgentControl::Renew { csr_der } = message {
                let reply = fleet::renew(&door.app, org, host, &csr_der).await;
                write_frame(&mut send, &ServerControl::Renewed(reply)).await?;
            }
        }
        Ok::<_, LinkError>(())
    };
    let stopping = door.app.tasks.stopping();
    tokio::select! {
        ended = timeout(RENEWAL_TIMEOUT, renew) => debug!(?ended, "the renewal ended"),
        () = stopping.cancelled() => {}
    }
}

async fn admit(
    door: &Door,
    connection: &Connection,
    (org, host): (OrgId, HostId),
    hello: &Hello,
) -> Result<bool, LinkError> {
    if door.app.links.is_barred(host) {
        return Ok(false);
    }
    let certificate = tls::leaf(connection.peer_identity()).unwrap_or_default();
    Ok(fleet::admit(&door.app, &door.keys(), (org, host), hello, &certificate).await?)
}

/// Says why there will be no session, and waits a moment for it to arrive.
async fn refuse<T>(send: &mut SendStream, goodbye: Goodbye) -> Result<T, LinkError> {
    farewell(send, goodbye).await;
    Err(LinkError::Refused)
}

async fn farewell(send: &mut SendStream, goodbye: Goodbye) {
    let say = async {
        if write_frame(send, &ServerControl::Goodbye(goodbye)).await.is_ok() && send.finish().is_ok() {
            drop(send.stopped().await);
        }
    };
    // An agent that does not listen any more is cut off.
    drop(timeout(FAREWELL, say).await);
}

async fn run(app: &App, entered: Entered) {
    let Entered {
        session,
        mut send,
        receive,
        keys,
        version,
    } = entered;
    let session = &session;
    info!(session.id = %session.id, "the agent is connected");
    app.links.announce(session);
    let (control_tx, mut control_rx) = mpsc::channel(CONTROL_QUEUE);
    let stopping = app.tasks.stopping();
    let ended = tokio::select! {
        ended = hear(app, session, receive, &control_tx) => ended,
        error = reports::receive(app, &session.connection, session, &control_tx) => Ended::Lost(error),
        error = bytes::serve(app, session) => Ended::Lost(error),
        error = speak(&mut send, &mut control_rx) => Ended::Lost(error),
        ended = tell_keys(app, session, keys, version, &control_tx) => ended,
        () = session.end.cancelled() => {
            Ended::Goodbye(session.goodbye.get().copied().unwrap_or(Goodbye::ProtocolError))
        }
        () = stopping.cancelled() => Ended::Goodbye(Goodbye::ShuttingDown),
    };
    app.links.leave(session);
    match ended {
        Ended::Goodbye(goodbye) => {
            info!(session.id = %session.id, ?goodbye, "the session is ended");
            Box::pin(farewell(&mut send, goodbye)).await;
        }
        Ended::Bye => info!(session.id = %session.id, "the agent stops"),
        Ended::Lost(error) => {
            let error = session.connection.close_reason().map_or(error, LinkError::Lost);
            info!(session.id = %session.id, %error, "the agent is gone");
        }
    }
    if let Err(error) = Box::pin(fleet::left(app, session.org, session.host)).await {
        warn!(%error, "can't note when the host was last seen");
    }
}

/// Hears the agent until it stops or breaks the protocol.
async fn hear(
    app: &App,
    session: &SessionHandle,
    mut receive: RecvStream,
    control: &mpsc::Sender<ServerControl>,
) -> Ended {
    loop {
        let message = match read_frame::<AgentControl>(&mut receive).await {
            Ok(Some(message)) => message,
            Ok(None) => return Ended::Lost(LinkError::Refused),
            Err(error) => return Ended::Lost(error.into()),
        };
        if let Some(ended) = Box::pin(take(app, session, message, control)).await {
            return ended;
        }
        // An honest agent has little to tell; a mad one must not keep the database busy.
        sleep(HEAR_EVERY).await;
    }
}

/// Takes one message; whether it ends the session.
async fn take(
    app: &App,
    session: &SessionHandle,
    message: AgentControl,
    control: &mpsc::Sender<ServerControl>,
) -> Option<Ended> {
    let (org, host) = (session.org, session.host);
    let handled = match message {
        AgentControl::Bye => return Some(Ended::Bye),
        AgentControl::Hello(_) => return Some(Ended::Goodbye(Goodbye::ProtocolError)),
        AgentControl::Facts(facts) => fleet::note_facts(app, org, host, &facts).await,
        AgentControl::Cloud(facts) => fleet::note_cloud(app, org, host, &facts).await,
        AgentControl::SealKey { public_key } => fleet::note_seal_key(app, org, host, &public_key).await,
        AgentControl::KeysTaken(taken) => {
            session.set_signing_keys(taken.signing.clone());
            fleet::note_keys_taken(app, host, &taken).await
        }
        AgentControl::Renew { csr_der } => {
            let reply = fleet::renew(app, org, host, &csr_der).await;
            match control.send(ServerControl::Renewed(reply)).await {
                Ok(()) => Ok(()),
                Err(_) => return Some(Ended::Lost(LinkError::Refused)),
            }
        }
    };
    if let Err(error) = handled {
        warn!(%error, "can't keep what the agent told");
    }
    None
}

/// Tells the agent of the fleet's keys when they change, and again if it has not said yet that it has them. An older
/// agent can't be told in the middle of a session: it is sent away, and hears of them when it comes again.
async fn tell_keys(
    app: &App,
    session: &SessionHandle,
    mut told: Arc<FleetKeys>,
    version: u16,
    control: &mpsc::Sender<ServerControl>,
) -> Ended {
    let mut changes = app.fleet_key_changes();
    let mut due = version >= KEYS_SINCE
        && Box::pin(fleet::is_to_be_told(app, session.host, &told))
            .await
            .unwrap_or(false);
    loop {
        if let Some(keys) = changes.borrow_and_update().clone()
            && !keys.is_same_as(&told)
        {
            (told, due) = (keys, true);
        }
        if due && version < KEYS_SINCE {
            return Ended::Goodbye(Goodbye::ShuttingDown);
        }
        if due && Box::pin(send_keys(app, &told, control)).await.is_err() {
            return Ended::Lost(LinkError::Refused);
        }
        due = false;
        if changes.changed().await.is_err() {
            // The process stops, and says so elsewhere.
            std::future::pending::<()>().await;
        }
    }
}

async fn send_keys(
    app: &App,
    keys: &FleetKeys,
    control: &mpsc::Sender<ServerControl>,
) -> Result<(), mpsc::error::SendError<ServerControl>> {
    // Not all hosts at the same moment: each of them writes a file, and may ask for a certificate.
    let hosts = u32::try_from(app.links.online_count()).unwrap_or(MOST_SPREAD);
    let spread = hosts.min(MOST_SPREAD);
    sleep(PER_HOST.saturating_mul(u32::from(random_array::<1>()[0]) * spread / 256)).await;
    let notice = FleetKeysNotice {
        signing_keys: keys.signing_keys(),
        roots_der: keys.roots_der(),
    };
    control.send(ServerControl::Keys(Box::new(notice))).await
}

async fn speak(send: &mut SendStream, queue: &mut mpsc::Receiver<ServerControl>) -> LinkError {
    while let Some(message) = queue.recv().await {
        if let Err(error) = write_frame(send, &message).await {
            return error.into();
        }
    }
    LinkError::Refused
}
