//! Streams that the control plane opens: work orders and tails, each handed to the room that serves it.

use std::time::Duration;

use muster_base::point;
use muster_protocol::{
    FrameError,
    latest::{OrderReply, ServerStream, TailFrame, TailRequest},
    read_frame, write_frame,
};
use quinn::{RecvStream, SendStream, VarInt};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};
use tracing::debug;

use super::{IncomingOrder, IncomingTail, OrderRequest, Ports};

/// Who opens a stream says at once what it is for.
const FIRST_FRAME_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the control plane may take to store an outcome before the stream is given up. The outcome is kept and
/// comes again with the order's next stream.
const STORE_TIMEOUT: Duration = Duration::from_mins(1);
const REPLY_QUEUE: usize = 64;
const TAIL_QUEUE: usize = 8;
/// Stream error code: this side has no use for the stream.
const REFUSED: VarInt = VarInt::from_u32(1);

/// Serves one stream to its end.
pub(super) async fn serve(mut send: SendStream, mut receive: RecvStream, ports: Ports) {
    let first = timeout(FIRST_FRAME_TIMEOUT, read_frame::<ServerStream>(&mut receive)).await;
    let served = match first {
        Ok(Ok(Some(ServerStream::Order(order)))) => {
            serve_order(&mut send, &mut receive, OrderRequest::Run(order), &ports).await
        }
        Ok(Ok(Some(ServerStream::Cancel(order)))) => {
            serve_order(&mut send, &mut receive, OrderRequest::Cancel(order), &ports).await
        }
        Ok(Ok(Some(ServerStream::Tail(request)))) => {
            serve_tail(&mut send, &mut receive, request, &ports).await
        }
        Ok(Ok(None)) | Err(_) => Ok(()),
        Ok(Err(error)) => Err(error),
    };
    if let Err(error) = served {
        debug!(%error, "stream ended early");
        drop(send.reset(REFUSED));
        drop(receive.stop(REFUSED));
    }
}

async fn serve_order(
    send: &mut SendStream,
    receive: &mut RecvStream,
    request: OrderRequest,
    ports: &Ports,
) -> Result<(), FrameError> {
    let (replies, mut outbox) = mpsc::channel::<OrderReply>(REPLY_QUEUE);
    let (stored_tx, stored) = oneshot::channel();
    if ports
        .orders
        .send(IncomingOrder {
            request,
            replies,
            stored,
        })
        .await
        .is_err()
    {
        return Err(FrameError::Malformed("nobody takes orders".to_owned()));
    }
    while let Some(reply) = outbox.recv().await {
        write_frame(send, &reply).await?;
    }
    point!("orders.replies.sent");
    drop(send.finish());
    // The control plane ends its half once it has stored what it got.
    if timeout(STORE_TIMEOUT, ended_cleanly(receive)).await == Ok(true) {
        stored_tx.send(()).unwrap_or_default();
    }
    point!("orders.replies.stored");
    Ok(())
}

async fn serve_tail(
    send: &mut SendStream,
    receive: &mut RecvStream,
    request: TailRequest,
    ports: &Ports,
) -> Result<(), FrameError> {
    let (frames, mut outbox) = mpsc::channel::<TailFrame>(TAIL_QUEUE);
    if ports.tails.send(IncomingTail { request, frames }).await.is_err() {
        return write_frame(
            send,
            &TailFrame::Refused("this agent serves no live data".to_owned()),
        )
        .await;
    }
    let forward = async {
        while let Some(frame) = outbox.recv().await {
            write_frame(send, &frame).await?;
        }
        Ok::<_, FrameError>(())
    };
    tokio::select! {
        done = forward => done?,
        _ = ended_cleanly(receive) => {}
    }
    drop(send.finish());
    Ok(())
}

/// Waits until the other side's half ends; whether it ended by being finished.
async fn ended_cleanly(receive: &mut RecvStream) -> bool {
    let mut rest = [0; 64];
    loop {
        match receive.read(&mut rest).await {
            Ok(Some(_)) => {}
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}
