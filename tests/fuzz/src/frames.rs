//! Frames of the protocol, message by message.

use futures_util::FutureExt as _;
use muster_agent::worker::wire;
use muster_protocol::{decode, encode, latest as v, read_frame};
use serde::{Serialize, de::DeserializeOwned};

use crate::{choose, memory::within};

/// The emptiest element takes one byte on the wire, three words in memory, and a list that grows holds it thrice.
const BYTES_PER_BYTE: u64 = 96;
/// serde reserves up to a mebibyte for a list before its elements come; four lists deep.
const RESERVED: u64 = 8 << 20;

/// A message that has gone over the wire.
type RoundTrip = fn(&[u8]);

const MESSAGES: &[RoundTrip] = &[
    round_trip::<v::AgentControl>,
    round_trip::<v::ServerControl>,
    round_trip::<v::JoinRequest>,
    round_trip::<v::JoinReply>,
    round_trip::<v::Report>,
    round_trip::<v::ServerStream>,
    round_trip::<v::OrderReply>,
    round_trip::<v::OrderPayload>,
    round_trip::<v::SealedSecrets>,
    round_trip::<v::SecretValues>,
    round_trip::<v::TailFrame>,
    round_trip::<wire::Request>,
    round_trip::<wire::Answer>,
    round_trip::<v::LogLook>,
];

/// The first byte chooses the message; the rest is its frame's body, and once more a stream of frames with lengths.
pub fn frames(data: &[u8]) {
    if let Some((message, body)) = choose(data, MESSAGES.len()) {
        MESSAGES[message](body);
    }
}

fn round_trip<T: Serialize + DeserializeOwned + PartialEq>(body: &[u8]) {
    let limit = RESERVED + BYTES_PER_BYTE * body.len() as u64;
    if let Ok(message) = within(limit, || decode::<T>(body)) {
        let again = encode(&message).expect("what was decoded can be encoded");
        assert!(again.len() <= body.len(), "an encoding grew");
        let decoded: T = decode(&again).expect("what was encoded can be decoded");
        assert!(decoded == message, "decoding does not undo encoding");
    }
    within(limit, || {
        let mut stream = body;
        while !stream.is_empty() {
            let before = stream.len();
            let read = read_frame::<T>(&mut stream).now_or_never();
            match read.expect("bytes that are there are not waited for") {
                Ok(Some(_)) => assert!(stream.len() < before, "a frame has a length"),
                Ok(None) => panic!("only no bytes are no frame"),
                Err(_) => return,
            }
        }
    });
}
