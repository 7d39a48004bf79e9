//! Bytes that agents ask for: one stream of an agent is served at a time, in small pieces, as fast as it reads, and not
//! for long when others may wait: who is sent away asks again, from where it broke off.

use std::time::Duration;

use futures_util::StreamExt as _;
use muster_protocol::{
    FrameError,
    latest::{AgentStream, BytesReply},
    read_frame, write_frame,
};
use quinn::{RecvStream, SendStream};
use tokio::time::{Instant, timeout};
use tracing::debug;

use super::{LinkError, registry::SessionHandle, streams::Busy};
use crate::{
    app::App,
    files::{self, NoBytes},
};

/// Who opens a stream says at once what it is for.
const FIRST_FRAME_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an agent may take for a piece.
const PIECE_TIMEOUT: Duration = Duration::from_mins(1);
const PIECE_BYTES: usize = 64 << 10;
/// How long an agent has its seat: then it is the others' turn.
const TURN: Duration = Duration::from_mins(5);

/// Serves the session's agent until the connection ends, or the agent says something else.
pub(super) async fn serve(app: &App, session: &SessionHandle) -> LinkError {
    loop {
        let (send, receive) = match session.connection.accept_bi().await {
            Ok(opened) => opened,
            Err(error) => return error.into(),
        };
        match Box::pin(answer(app, session, send, receive)).await {
            Ok(()) => {}
            Err(error @ LinkError::Frame(FrameError::Malformed(_) | FrameError::TooLarge(_))) => {
                return error;
            }
            Err(error) => debug!(host.id = %session.host, %error, "bytes for a host broke off"),
        }
    }
}

async fn answer(
    app: &App,
    session: &SessionHandle,
    mut send: SendStream,
    mut receive: RecvStream,
) -> Result<(), LinkError> {
    let wish = match timeout(FIRST_FRAME_TIMEOUT, read_frame(&mut receive)).await {
        Ok(Ok(Some(AgentStream::Bytes(wish)))) => wish,
        Ok(Ok(None)) => return Ok(()),
        Ok(Err(error)) => return Err(error.into()),
        Err(_) => return Err(LinkError::TimedOut),
    };
    let _busy = Busy::new(&session.busy);
    let until = Instant::now() + TURN;
    let last = match files::bytes_for_host(app, session.org, session.host, wish).await {
        Ok(mut bytes) => loop {
            if Instant::now() >= until {
                break BytesReply::NotNow("it is the turn of others".to_owned());
            }
            match bytes.next().await {
                None => break BytesReply::End,
                Some(Ok(bytes)) => {
                    for piece in bytes.chunks(PIECE_BYTES) {
                        say(&mut send, &BytesReply::Piece(piece.to_vec())).await?;
                    }
                }
                Some(Err(error)) => {
                    debug!(order.id = %wish.order, %error, "a file for a host can't be read now");
                    break NoBytes::from(error).into();
                }
            }
        },
        Err(no) => no.into(),
    };
    say(&mut send, &last).await?;
    // An error means that the stream is closed already.
    drop(send.finish());
    Ok(())
}

async fn say(send: &mut SendStream, reply: &BytesReply) -> Result<(), LinkError> {
    timeout(PIECE_TIMEOUT, write_frame(send, reply))
        .await
        .map_err(|_| LinkError::TimedOut)??;
    Ok(())
}

impl From<NoBytes> for BytesReply {
    fn from(no: NoBytes) -> Self {
        match no {
            NoBytes::NotNow(why) => Self::NotNow(why),
            NoBytes::Never(why) => Self::Never(why),
        }
    }
}
