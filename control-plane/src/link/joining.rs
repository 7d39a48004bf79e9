//! `muster-join/1`: one question, one answer.

use std::{net::IpAddr, sync::Arc, time::Duration};

use muster_protocol::{
    latest::{JoinRefusal, JoinReply, JoinRequest},
    read_frame, write_frame,
};
use quinn::{Connection, VarInt};
use tokio::time::timeout;
use tracing::{debug, info};

use super::{LinkError, door::Door};
use crate::fleet;

/// From the handshake to the last byte.
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
    let Some(_seat) = door.joining.take(ip) else {
        connection.close(COME_BACK, b"too many joins at a time; try again");
        return;
    };
    match timeout(JOIN_TIMEOUT, answer(&door, &connection, ip)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(%error, peer.ip = %ip, "a join came to nothing"),
        Err(_) => debug!(peer.ip = %ip, "a join took too long"),
    }
    connection.close(VarInt::from_u32(0), b"");
}

async fn answer(door: &Door, connection: &Connection, ip: IpAddr) -> Result<(), LinkError> {
    let (mut send, mut receive) = connection.accept_bi().await?;
    let request = read_frame::<JoinRequest>(&mut receive)
        .await?
        .ok_or(LinkError::Refused)?;
    if door.joins.len() > REMEMBERED_ADDRESSES {
        door.joins.retain_recent();
    }
    let reply = if door.joins.check_key(&ip).is_ok() {
        fleet::enrol(&door.app, &door.keys(), request, ip).await
    } else {
        info!(peer.ip = %ip, "too many joins from one address");
        JoinReply::Refused(JoinRefusal::Unavailable)
    };
    write_frame(&mut send, &reply).await?;
    if send.finish().is_ok() {
        drop(timeout(FAREWELL, send.stopped()).await);
    }
    Ok(())
}
