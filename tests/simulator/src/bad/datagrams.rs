//! Datagrams that are no connection: random bytes, and first packets of one that nobody can open.

use super::{Target, address};
use anyhow::Result;
use muster_base::random_array;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::time::sleep;

/// So many are sent at a time, so often.
const BURST: usize = 20;
const PAUSE: Duration = Duration::from_millis(400);
/// As long as a first packet must be at least.
const FIRST: usize = 1_200;
const LONGEST: usize = 1_400;
const QUIC_1: u32 = 1;

/// Random bytes of random length.
pub(super) async fn noise(target: Arc<Target>, from: IpAddr) -> Result<()> {
    let socket = UdpSocket::bind((from, 0)).await?;
    loop {
        for _ in 0..BURST {
            let bytes: [u8; LONGEST] = random_array();
            let length = 1 + usize::from(u16::from_be_bytes([bytes[0], bytes[1]])) % (LONGEST - 1);
            // Sockets may be full; that is no fault.
            drop(socket.send_to(&bytes[..length], target.link).await);
            target.made("random datagrams");
        }
        sleep(PAUSE).await;
    }
}

/// Packets that look like the first of a connection.
pub(super) async fn forged(target: Arc<Target>) -> Result<()> {
    let socket = UdpSocket::bind((address(1, 1), 0)).await?;
    loop {
        for nth in 0..BURST {
            let (version, kind) = if nth.is_multiple_of(4) {
                (u32::from_be_bytes(random_array()), "packets of unknown versions")
            } else {
                (QUIC_1, "first packets of garbage")
            };
            drop(socket.send_to(&first(version), target.link).await);
            target.made(kind);
        }
        sleep(PAUSE).await;
    }
}

/// An Initial packet (RFC 9000, 17.2.2) whose header can be read and whose rest is random.
fn first(version: u32) -> [u8; FIRST] {
    let mut bytes: [u8; FIRST] = random_array();
    bytes[0] = 0xc0 | (bytes[0] & 0x0f);
    bytes[1..5].copy_from_slice(&version.to_be_bytes());
    // Ids of eight bytes each, no token, and a length of two bytes.
    bytes[5] = 8;
    bytes[14] = 8;
    bytes[23] = 0;
    let [high, low] = u16::try_from(FIRST - 26).unwrap_or(u16::MAX).to_be_bytes();
    bytes[24] = 0x40 | high;
    bytes[25] = low;
    bytes
}
