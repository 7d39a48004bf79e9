//! Streams that the control plane opens: one for each work order and each tail.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use muster_protocol::{
    latest::{OrderReply, ServerStream, TailFrame},
    read_frame, write_frame,
};
use quinn::{Connection, RecvStream, SendStream, VarInt};
use tokio::time::timeout;

use super::{LinkError, peer::Carrier};

const OPEN_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an agent may take to notice that its outcome is stored.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(10);
/// Stream error code: given up.
const GIVEN_UP: VarInt = VarInt::from_u32(1);

/// Something is on its way to or from a host, until this is dropped.
#[derive(Debug)]
pub(super) struct Busy(Arc<AtomicUsize>);

impl Busy {
    pub(super) fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(count.clone())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

pub(super) async fn open(
    connection: &Connection,
    first: &ServerStream,
) -> Result<(SendStream, RecvStream), LinkError> {
    let open = async {
        let (mut send, receive) = connection.open_bi().await?;
        write_frame(&mut send, first).await?;
        Ok((send, receive))
    };
    timeout(OPEN_TIMEOUT, open)
        .await
        .map_err(|_| LinkError::TimedOut)?
}

/// A work order's stream. Store what comes, then [`OrderStream::settle`]: only then does the agent count it as stored.
/// Dropped before that, the stream is reset and the agent keeps its outcome for the next time.
#[derive(Debug)]
pub struct OrderStream {
    send: SendStream,
    receive: RecvStream,
    settled: bool,
    _busy: Option<Busy>,
}

impl OrderStream {
    pub(super) fn new((send, receive): (SendStream, RecvStream), busy: Option<Busy>) -> Self {
        Self {
            send,
            receive,
            settled: false,
            _busy: busy,
        }
    }

    /// The agent's next reply; `None` when there are no more. Not cancel-safe: give the stream a task of its own.
    pub async fn next(&mut self) -> Result<Option<OrderReply>, LinkError> {
        Ok(read_frame(&mut self.receive).await?)
    }

    /// Tells the agent that everything it sent is stored.
    pub async fn settle(mut self) -> Result<(), LinkError> {
        self.settled = true;
        if self.send.finish().is_err() {
            return Err(LinkError::Refused);
        }
        match timeout(SETTLE_TIMEOUT, self.send.stopped()).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(LinkError::TimedOut),
        }
    }
}

impl Drop for OrderStream {
    fn drop(&mut self) {
        if !self.settled {
            // An error means that the stream is closed already.
            drop(self.send.reset(GIVEN_UP));
        }
    }
}

/// Live data of a host. Dropping it ends the tail.
#[derive(Debug)]
pub struct TailStream {
    _send: SendStream,
    receive: RecvStream,
    /// The connection to the control plane that has the host, if it is another one.
    _carrier: Option<Carrier>,
    /// None: the host is at another control plane, which counts it there.
    _busy: Option<Busy>,
}

impl TailStream {
    pub(super) fn new((send, receive): (SendStream, RecvStream), busy: Option<Busy>) -> Self {
        Self {
            _send: send,
            receive,
            _carrier: None,
            _busy: busy,
        }
    }

    /// The same, over a connection that ends with it.
    pub(super) fn over(self, carrier: Carrier) -> Self {
        Self {
            _carrier: Some(carrier),
            ..self
        }
    }

    /// The next frame; `None` when the agent ended the tail. Not cancel-safe: give the stream a task of its own.
    pub async fn next(&mut self) -> Result<Option<TailFrame>, LinkError> {
        Ok(read_frame(&mut self.receive).await?)
    }
}
