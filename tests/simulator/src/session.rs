//! One session, from `Hello` to whatever ends it.

use crate::agent::{Agent, Shared};
use crate::orders;
use anyhow::{Context, Error, Result, bail};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use muster_protocol::{
    VERSIONS,
    latest::{AgentControl, Hello, ServerControl, Welcome},
    read_frame, write_frame,
};
use quinn::{Connection, RecvStream, VarInt};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// As the agent's.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
const MAX_UNACKNOWLEDGED: usize = 8;

/// Connects and stays, and says what ended the session. An error means that no session came of it.
pub(crate) async fn run(agent: &Agent) -> Result<Error> {
    let connection = agent.gate.connect(agent.host.config.clone()).await?;
    let (mut send, mut receive) = connection.open_bi().await?;
    let hello = Hello {
        versions: VERSIONS,
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
    agent
        .config
        .send_if_modified(|present| std::mem::replace(present, config) != config);
    agent.memory.begin_session(version);
    let window = Semaphore::new(MAX_UNACKNOWLEDGED);
    let _connected = Connected::new(&agent.shared);
    let ended = tokio::select! {
        error = hear(agent, receive, &window) => error,
        error = report(agent, &connection, &window) => error,
        error = serve(agent, &connection) => error,
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

async fn hear(agent: &Agent, mut receive: RecvStream, window: &Semaphore) -> Error {
    loop {
        match read_frame(&mut receive).await {
            Ok(Some(ServerControl::Ack(ack))) => {
                if let Some(took) = agent.memory.acknowledge(ack.batch, &agent.books) {
                    agent.shared.waited(took);
                    window.add_permits(1);
                }
            }
            // It has no door to find again and checks orders by the keys it joined with.
            Ok(Some(ServerControl::Keys(_))) => {}
            Ok(Some(ServerControl::Config(config))) => drop(agent.config.send_replace(config)),
            Ok(other) => return Error::msg(format!("the control plane said {other:?}")),
            Err(error) => return error.into(),
        }
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
async fn serve(agent: &Agent, connection: &Connection) -> Error {
    let mut open = FuturesUnordered::new();
    loop {
        tokio::select! {
            accepted = connection.accept_bi() => match accepted {
                Ok((send, receive)) => open.push(orders::serve(agent, send, receive)),
                Err(error) => return error.into(),
            },
            // A stream that broke comes again with its order.
            Some(_) = open.next() => {}
        }
    }
}
