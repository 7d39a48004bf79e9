//! `muster-join/1`: one question, one answer. Who is heard when is told in [`super::seats`].

use std::{sync::Arc, time::Duration};

use muster_protocol::{
    latest::{JoinRefusal, JoinReply, JoinRequest},
    read_frame, write_frame,
};
use quinn::{Connection, SendStream, VarInt};
use tokio::time::timeout;
use tracing::{debug, info};

use super::{LinkError, door::Door, seats::Seat};
use crate::{fleet, http::customer};

/// How long the question may take to come, and how long to be decided.
const JOIN_TIMEOUT: Duration = Duration::from_secs(20);
/// Connection error code: busy.
const COME_BACK: VarInt = VarInt::from_u32(3);
/// Addresses that joins came from, before the idle ones are forgotten.
const REMEMBERED_ADDRESSES: usize = 10_000;
/// How long the answer may take to arrive.
const FAREWELL: Duration = Duration::from_secs(5);

/// Serves somebody who wants to join.
pub(super) async fn serve(door: Arc<Door>, connection: Connection) {
    let ip = connection.remote_address().ip().to_canonical();
    let seat = tokio::select! {
        seat = door.crowd.joining.take(ip) => seat,
        _ = connection.closed() => return,
    };
    let Some(seat) = seat else {
        connection.close(COME_BACK, b"too many joins at a time; try again");
        return;
    };
    match answer(&door, &connection, &seat).await {
        Ok(()) => {}
        Err(LinkError::TimedOut) => debug!(peer.ip = %ip, "a join took too long"),
        Err(error) => debug!(%error, peer.ip = %ip, "a join came to nothing"),
    }
    connection.close(VarInt::from_u32(0), b"");
}

/// Waits for the other side only as long as it may keep the seat; what it asked for is decided in any case.
async fn answer(door: &Door, connection: &Connection, seat: &Seat) -> Result<(), LinkError> {
    let ip = connection.remote_address().ip().to_canonical();
    let heard = seat.hold(JOIN_TIMEOUT, hear(connection)).await;
    let (mut send, request) = heard.ok_or(LinkError::TimedOut)??;
    if door.joins.len() > REMEMBERED_ADDRESSES {
        door.joins.retain_recent();
    }
    let reply = if door.joins.check_key(&customer(ip)).is_ok() {
        let keys = door.keys();
        timeout(JOIN_TIMEOUT, fleet::enrol(&door.app, &keys, request, ip))
            .await
            .map_err(|_| LinkError::TimedOut)?
    } else {
        info!(peer.ip = %ip, "too many joins from one address");
        JoinReply::Refused(JoinRefusal::Unavailable)
    };
    let said = seat.hold(FAREWELL, say(&mut send, &reply)).await;
    said.ok_or(LinkError::TimedOut)?
}

async fn hear(connection: &Connection) -> Result<(SendStream, JoinRequest), LinkError> {
    let (send, mut receive) = connection.accept_bi().await?;
    let request = read_frame::<JoinRequest>(&mut receive).await?;
    Ok((send, request.ok_or(LinkError::Refused)?))
}

async fn say(send: &mut SendStream, reply: &JoinReply) -> Result<(), LinkError> {
    write_frame(send, reply).await?;
    if send.finish().is_ok() {
        // Until it has arrived, or they are gone.
        drop(send.stopped().await);
    }
    Ok(())
}
