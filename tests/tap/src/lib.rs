//! What somebody could do who listens between resident and worker on a host: record the orders that are handed
//! over, and present them to the worker again, as they were or changed. The worker has to refuse.
//!
//! `muster-tap` stands in for `muster-worker` (`muster-agent run --worker …`), writes each order down and starts
//! the real worker; `muster-present` presents a recorded order.

use anyhow::{Context, Result, bail};
use muster_agent::worker::wire::{Answer, Request};
use std::io::{Read, Write};

/// The real worker's path, for `muster-tap`.
pub const WORKER_VARIABLE: &str = "MUSTER_TAP_WORKER";
/// Where `muster-tap` puts the orders that it sees.
pub const DIR_VARIABLE: &str = "MUSTER_TAP_DIR";

/// Reads one frame's bytes, its length prefix included; nothing at the end of the input.
pub fn read_frame(input: &mut impl Read) -> Result<Option<Vec<u8>>> {
    let mut frame = vec![0; 4];
    if input.read(&mut frame[..1])? == 0 {
        return Ok(None);
    }
    input.read_exact(&mut frame[1..])?;
    let length = u32::from_be_bytes([frame[0], frame[1], frame[2], frame[3]]);
    let length = usize::try_from(length)?;
    if length > muster_protocol::MAX_FRAME_BYTES {
        bail!("a frame of {length} bytes");
    }
    frame.resize(4 + length, 0);
    input.read_exact(&mut frame[4..])?;
    Ok(Some(frame))
}

/// The request in a frame.
pub fn request(frame: &[u8]) -> Result<Request> {
    Ok(muster_protocol::decode(frame.get(4..).context("a torn frame")?)?)
}

/// The answer in a frame.
pub fn answer(frame: &[u8]) -> Result<Answer> {
    Ok(muster_protocol::decode(frame.get(4..).context("a torn frame")?)?)
}

/// Writes a request as a frame.
pub fn write_request(output: &mut impl Write, request: &Request) -> Result<()> {
    let body = muster_protocol::encode(request)?;
    output.write_all(&u32::try_from(body.len())?.to_be_bytes())?;
    output.write_all(&body)?;
    output.flush()?;
    Ok(())
}
