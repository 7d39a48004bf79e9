//! One session, from `Hello` to whatever ends it.

use crate::agent::{Agent, Shared};
use crate::orders;
use crate::release;
use anyhow::{Context, Error, Result, bail, ensure};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use muster_identity::{certificate::PrivateKey, tls::Credentials};
use muster_protocol::{
    latest::{AgentControl, Hello, RenewReply, ServerControl, Welcome},
    read_frame, write_frame,
};
use quinn::{Connection, RecvStream, SendStream, VarInt};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;

/// As the agent's.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
const MAX_UNACKNOWLEDGED: usize = 8;

/// Connects and stays, and says what ended the session. An error means that no session came of it.
pub(crate) async fn run(agent: &Agent) -> Result<Error> {
    let speaks = agent.release.speaks();
    let connection = agent.gate.connect(agent.host.config()).await?;
    let (mut send, mut receive) = connection.open_bi().await?;
    let hello = Hello {
        versions: release::versions(speaks),
        facts: agent.host.facts.clone(),
        now: agent.clock.now(),
        seal_public_key: agent.host.seal_public_key.clone(),
    };
    write_frame(&mut send, &AgentControl::Hello(Box::new(hello))).await?;
    let welcome = timeout(ANSWER_TIMEOUT, read_frame(&mut receive))
        .await
        .context("no welcome")??;
    let Some(ServerControl::Welcome(welcome)) = welcome else {
        bail!("not welcome: {welcome:?}");
    };
    let Welcome { config, version, .. } = *welcome;
    ensure!(
        version == speaks,
        "version {speaks} was offered and {version} was chosen"
    );
    agent
        .config
        .send_if_modified(|present| std::mem::replace(present, config) != config);
    agent.memory.begin_session(version);
    let window = Semaphore::new(MAX_UNACKNOWLEDGED);
    let (renewed, replies) = mpsc::channel(1);
    let _connected = Connected::new(&agent.shared);
    let ended = tokio::select! {
        error = hear(agent, (receive, version), &window, &renewed) => error,
        error = report(agent, &connection, &window) => error,
        error = serve(agent, &connection, version) => error,
        error = renew(agent, send, replies) => error,
        () = agent.release.changed() => Error::msg("the agent became one of another release"),
    };
    connection.close(VarInt::from_u32(0), b"");
    Ok(ended)
}

/// Counts a session for as long as it lives.
struct Connected<'a>(&'a Shared);

impl<'a> Connected<'a> {
    fn new(shared: &'a Shared) -> Self {
        shared.connected.fetch_add(1, Ordering::Relaxed);
        Self(shared)
    }
}

impl Drop for Connected<'_> {
    fn drop(&mut self) {
        self.0.connected.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn hear(
    agent: &Agent,
    (mut receive, version): (RecvStream, u16),
    window: &Semaphore,
    renewed: &mpsc::Sender<RenewReply>,
) -> Error {
    loop {
        let heard = read_frame(&mut receive).await;
        if let Ok(Some(message)) = &heard
            && let Err(error) = release::knows_control(version, message)
        {
            agent.shared.refused();
            return error;
        }
        match heard {
            Ok(Some(ServerControl::Ack(ack))) => {
                if let Some(took) = agent.memory.acknowledge(ack.batch, &agent.books) {
                    agent.shared.waited(took);
                    window.add_permits(1);
                }
            }
            // It has no door to find again and checks orders by the keys it joined with.
            Ok(Some(ServerControl::Keys(_))) => {}
            Ok(Some(ServerControl::Config(config))) => drop(agent.config.send_replace(config)),
            Ok(Some(ServerControl::Renewed(reply))) => drop(renewed.try_send(reply)),
            Ok(other) => return Error::msg(format!("the control plane said {other:?}")),
            Err(error) => return error.into(),
        }
    }
}

/// Asks for another certificate when it is told to, and ends the session when it has one: to connect again with it.
async fn renew(agent: &Agent, mut send: SendStream, mut replies: mpsc::Receiver<RenewReply>) -> Error {
    agent.release.renewal().await;
    let asked = async {
        let key = PrivateKey::generate()?;
        let csr_der = key.request_der()?;
        write_frame(&mut send, &AgentControl::Renew { csr_der }).await?;
        let reply = timeout(ANSWER_TIMEOUT, replies.recv()).await;
        let Some(RenewReply::Certificate {
            certificate_der,
            roots_der,
        }) = reply.context("no certificate")?
        else {
            bail!("the certificate was not renewed");
        };
        let credentials = Credentials {
            certificate_der,
            key,
            roots_der,
        };
        agent.host.renew(&credentials, &agent.clock)
    };
    match asked.await {
        Ok(()) => {
            agent.release.renewed();
            Error::msg("the certificate was renewed")
        }
        Err(error) => error,
    }
}

async fn report(agent: &Agent, connection: &Connection, window: &Semaphore) -> Error {
    let mut stream = match connection.open_uni().await {
        Ok(stream) => stream,
        Err(error) => return error.into(),
    };
    loop {
        match window.acquire().await {
            Ok(permit) => permit.forget(),
            Err(error) => return error.into(),
        }
        let report = agent.memory.next().await;
        if let Err(error) = write_frame(&mut stream, &report).await {
            return error.into();
        }
    }
}

/// Serves the streams that the control plane opens.
async fn serve(agent: &Agent, connection: &Connection, version: u16) -> Error {
    let mut open = FuturesUnordered::new();
    loop {
        tokio::select! {
            accepted = connection.accept_bi() => match accepted {
                Ok((send, receive)) => open.push(orders::serve(agent, send, receive, version)),
                Err(error) => return error.into(),
            },
            // A stream that broke comes again with its order.
            Some(_) = open.next() => {}
        }
    }
}
