//! Bytes that an order needs and does not hold: asked for on a stream of their own, of the connection that is there.

use std::{sync::Arc, time::Duration};

use muster_protocol::{
    latest::{AgentStream, BytesReply, BytesWish},
    read_frame, write_frame,
};
use quinn::{Connection, RecvStream, SendStream};
use tokio::{sync::watch, time::timeout};

use super::LinkError;

/// The control plane lets two streams be open at a time; another download may be ending.
const OPEN_TIMEOUT: Duration = Duration::from_secs(30);
/// A control plane that says nothing for so long has lost the wish.
const SILENCE: Duration = Duration::from_mins(1);

/// Asks for bytes on the present connection. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Downloads(Arc<watch::Sender<Option<Connection>>>);

impl Default for Downloads {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }
}

impl Downloads {
    /// Asks for what `wish` says.
    pub async fn open(&self, wish: BytesWish) -> Result<Download, LinkError> {
        let connection = self.0.borrow().clone().ok_or(LinkError::HungUp)?;
        let open = async {
            let (mut send, receive) = connection.open_bi().await?;
            write_frame(&mut send, &AgentStream::Bytes(wish)).await?;
            Ok(Download { _send: send, receive })
        };
        timeout(OPEN_TIMEOUT, open)
            .await
            .unwrap_or(Err(LinkError::HungUp))
    }

    /// Uses this connection until what is returned is dropped.
    pub(super) fn over(&self, connection: &Connection) -> Present {
        self.0.send_replace(Some(connection.clone()));
        Present(Arc::clone(&self.0))
    }
}

/// The connection that downloads use is there.
pub(super) struct Present(Arc<watch::Sender<Option<Connection>>>);

impl Drop for Present {
    fn drop(&mut self) {
        self.0.send_replace(None);
    }
}

/// Bytes on their way. Dropped, they are not sent any more.
#[derive(Debug)]
pub struct Download {
    _send: SendStream,
    receive: RecvStream,
}

impl Download {
    /// What comes next; `None` when the control plane has ended the stream. Not cancel-safe.
    pub async fn next(&mut self) -> Result<Option<BytesReply>, LinkError> {
        match timeout(SILENCE, read_frame(&mut self.receive)).await {
            Ok(read) => Ok(read?),
            Err(_) => Err(LinkError::HungUp),
        }
    }
}
