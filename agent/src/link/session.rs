//! One session, from `Hello` to whatever ends it.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use muster_base::{SessionId, point};
use muster_protocol::{
    CLOUD_SINCE, VERSIONS,
    latest::{
        AgentControl, CloudFacts, FleetKeysNotice, Goodbye, Hello, HostFacts, RenewReply, ServerControl,
    },
    read_frame, write_frame,
};
use quinn::{Connection, RecvStream, SendStream, VarInt};
use tokio::{
    sync::{Semaphore, mpsc, watch},
    time::{sleep, timeout},
};
use tracing::{info, warn};

use super::{Link, LinkError, MAX_UNACKNOWLEDGED, endpoint::ANSWER_TIMEOUT, renewal, streams};
use crate::facts;

/// How often the facts are looked at for changes.
const FACTS_EVERY: Duration = Duration::from_mins(5);
/// Control messages that wait to be sent, at most.
const CONTROL_QUEUE: usize = 8;
/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_secs(2);

/// What ended a session.
#[derive(Debug)]
pub(super) enum Ended {
    /// The agent is to stop.
    Stopped,
    /// The control plane said why.
    Goodbye(Goodbye),
    /// A new certificate is there, or other roots: connect again with them.
    Renewed,
    /// The connection broke.
    Lost(LinkError),
}

/// An open session.
pub(super) struct Session<'a> {
    link: &'a Link,
    connection: Connection,
    facts: HostFacts,
    send: SendStream,
    receive: RecvStream,
    version: u16,
    pub(super) id: SessionId,
}

impl<'a> Session<'a> {
    /// Introduces the host on a fresh connection.
    pub(super) async fn open(link: &'a Link, connection: Connection) -> Result<Self, LinkError> {
        let mut facts = facts::read();
        facts.inner_ip = own_address(connection.remote_address()).map(|ip| ip.to_string());
        facts.docker_version.clone_from(&link.ports.engine.borrow());
        let hello = Hello {
            versions: VERSIONS,
            facts: facts.clone(),
            now: link.resident.wall.now(),
            seal_public_key: link.seal_public_key(),
        };
        let greet = async {
            let (mut send, mut receive) = connection.open_bi().await?;
            write_frame(&mut send, &AgentControl::Hello(Box::new(hello))).await?;
            match read_frame(&mut receive).await? {
                Some(ServerControl::Welcome(welcome)) => Ok(Ok((send, receive, *welcome))),
                Some(ServerControl::Goodbye(goodbye)) => Ok(Err(goodbye)),
                Some(_) | None => Err(LinkError::HungUp),
            }
        };
        let (send, receive, welcome) = match timeout(ANSWER_TIMEOUT, greet).await {
            Ok(Ok(Ok(opened))) => opened,
            Ok(Ok(Err(goodbye))) => return Err(LinkError::Goodbye(goodbye)),
            // The reason for a connection's end says more than that a stream failed.
            Ok(Err(error)) => return Err(connection.close_reason().map_or(error, LinkError::Lost)),
            Err(_) => return Err(LinkError::HungUp),
        };
        let (id, version) = (welcome.session, welcome.version);
        link.welcome(welcome);
        Ok(Self {
            link,
            connection,
            facts,
            send,
            receive,
            version,
            id,
        })
    }

    /// Runs the session until something ends it.
    pub(super) async fn run(self) -> Ended {
        let Self {
            link,
            connection,
            facts,
            send,
            receive,
            version,
            id: _,
        } = self;
        let (control_tx, control_rx) = mpsc::channel(CONTROL_QUEUE);
        let (renewed_tx, renewed_rx) = mpsc::channel(1);
        let window = Arc::new(Semaphore::new(MAX_UNACKNOWLEDGED));
        link.ports.reports.begin_session(version);
        let _present = link.ports.downloads.over(&connection);
        // Each of these is one future that is never dropped half way while the session lasts.
        let mut heard = pin!(read_control(link, receive, &window, renewed_tx, &control_tx));
        let done = async {
            tokio::select! {
                ended = write_control(link, send, control_rx) => ended,
                error = send_reports(link, &connection, &window) => Ended::Lost(error),
                error = accept_streams(link, &connection) => Ended::Lost(error),
                never = watch_facts(facts, link.ports.engine.clone(), &control_tx) => never,
                never = tell_cloud(link.ports.cloud.clone(), version, &control_tx) => never,
                () = renewal::keep_fresh(link, &control_tx, renewed_rx) => Ended::Renewed,
            }
        };
        let ended = tokio::select! {
            ended = &mut heard => ended,
            ended = done => match ended {
                // A control plane that says goodbye does not read any more: a stream may break before its word is here.
                Ended::Lost(error) => match timeout(FAREWELL, &mut heard).await {
                    Ok(Ended::Goodbye(goodbye)) => Ended::Goodbye(goodbye),
                    _ => Ended::Lost(error),
                },
                other => other,
            },
        };
        let ended = match ended {
            Ended::Lost(error) => Ended::Lost(connection.close_reason().map_or(error, LinkError::Lost)),
            other => other,
        };
        connection.close(VarInt::from_u32(0), b"");
        ended
    }
}

/// The address that this host reaches `server` from. Sends nothing: it asks the routing table.
fn own_address(server: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(server).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

/// Hears the control plane.
async fn read_control(
    link: &Link,
    mut receive: RecvStream,
    window: &Semaphore,
    renewed: mpsc::Sender<RenewReply>,
    control: &mpsc::Sender<AgentControl>,
) -> Ended {
    loop {
        match read_frame(&mut receive).await {
            Ok(Some(ServerControl::Ack(ack))) => {
                link.ports.reports.acknowledged(ack.batch).await;
                window.add_permits(1);
            }
            Ok(Some(ServerControl::Config(config))) => {
                link.ports.config.send_replace(config);
            }
            Ok(Some(ServerControl::Renewed(reply))) => {
                if renewed.try_send(reply).is_err() {
                    warn!("a certificate came that nobody asked for");
                }
            }
            Ok(Some(ServerControl::Keys(notice))) => {
                let FleetKeysNotice {
                    signing_keys,
                    roots_der,
                } = *notice;
                let taken = link.take_keys(signing_keys, roots_der);
                if control.send(AgentControl::KeysTaken(taken)).await.is_err() {
                    return Ended::Lost(LinkError::HungUp);
                }
            }
            Ok(Some(ServerControl::Goodbye(goodbye))) => return Ended::Goodbye(goodbye),
            Ok(Some(ServerControl::Welcome(_))) => {
                warn!("a second welcome came");
                return Ended::Lost(LinkError::HungUp);
            }
            Ok(None) => return Ended::Lost(LinkError::HungUp),
            Err(error) => return Ended::Lost(error.into()),
        }
    }
}

/// Speaks to the control plane; says farewell when the agent stops.
async fn write_control(link: &Link, mut send: SendStream, mut queue: mpsc::Receiver<AgentControl>) -> Ended {
    loop {
        let message = tokio::select! {
            message = queue.recv() => message,
            () = link.resident.stop.cancelled() => None,
        };
        let Some(message) = message else { break };
        if let Err(error) = write_frame(&mut send, &message).await {
            return Ended::Lost(error.into());
        }
    }
    let farewell = async {
        if write_frame(&mut send, &AgentControl::Bye).await.is_ok() && send.finish().is_ok() {
            drop(send.stopped().await);
        }
    };
    drop(timeout(FAREWELL, farewell).await);
    Ended::Stopped
}

/// Sends what the spool has, with a bounded number on their way.
async fn send_reports(link: &Link, connection: &Connection, window: &Semaphore) -> LinkError {
    let mut stream = None;
    loop {
        match window.acquire().await {
            Ok(permit) => permit.forget(),
            Err(_) => return LinkError::HungUp,
        }
        let report = link.ports.reports.next().await;
        let send = match &mut stream {
            Some(send) => send,
            None => match connection.open_uni().await {
                Ok(opened) => stream.insert(opened),
                Err(error) => return error.into(),
            },
        };
        if let Err(error) = write_frame(send, &report).await {
            return error.into();
        }
        point!("reports.sent");
    }
}

/// Takes the streams that the control plane opens; each lives on its own.
async fn accept_streams(link: &Link, connection: &Connection) -> LinkError {
    loop {
        match connection.accept_bi().await {
            Ok((send, receive)) => {
                drop(
                    link.resident
                        .tasks
                        .spawn(streams::serve(send, receive, link.ports.clone())),
                );
            }
            Err(error) => return error.into(),
        }
    }
}

/// Tells of facts that change.
async fn watch_facts(
    mut known: HostFacts,
    mut engine: watch::Receiver<Option<String>>,
    control: &mpsc::Sender<AgentControl>,
) -> Ended {
    loop {
        // Whoever watches the engine may be gone while the agent stops.
        let engine_changes = async {
            if engine.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = sleep(FACTS_EVERY) => {}
            () = engine_changes => {}
        }
        let mut facts = facts::read();
        facts.inner_ip.clone_from(&known.inner_ip);
        facts.docker_version.clone_from(&engine.borrow());
        if facts != known {
            info!("facts changed");
            known = facts.clone();
            if control.send(AgentControl::Facts(Box::new(facts))).await.is_err() {
                return Ended::Lost(LinkError::HungUp);
            }
        }
    }
}

/// Tells what the cloud says of the machine: once, and when it changes. An older control plane can't be told.
async fn tell_cloud(
    mut cloud: watch::Receiver<Option<CloudFacts>>,
    version: u16,
    control: &mpsc::Sender<AgentControl>,
) -> Ended {
    if version < CLOUD_SINCE {
        return std::future::pending().await;
    }
    loop {
        let told = cloud.borrow_and_update().clone();
        if let Some(facts) = told
            && control.send(AgentControl::Cloud(Box::new(facts))).await.is_err()
        {
            return Ended::Lost(LinkError::HungUp);
        }
        // On a machine of no cloud nobody asks.
        if cloud.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
