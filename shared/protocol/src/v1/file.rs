//! Files that are put onto hosts: the order, and how its bytes come.

use muster_base::{FileSendId, OrderId};
use serde::{Deserialize, Serialize};

/// Put a file onto the host. Its bytes are not in the order: the agent asks for them ([`AgentStream::Bytes`]), and the
/// worker believes the digest alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileOrder {
    /// What it is part of.
    pub send: FileSendId,
    /// Where it goes: an absolute path with the file's name.
    pub path: String,
    /// Permission bits, at most 0o777.
    pub mode: u32,
    /// Whether a file that is there is replaced.
    pub replace: bool,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the bytes.
    pub sha256: [u8; 32],
}

/// First frame on a stream that an agent opens beside its control stream. Since protocol version 4.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AgentStream {
    /// The bytes of an order's file.
    Bytes(BytesWish),
}

/// Which bytes are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BytesWish {
    /// The order that they are of.
    pub order: OrderId,
    /// From here to the end.
    pub offset: u64,
}

/// Control plane → agent, to [`AgentStream::Bytes`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum BytesReply {
    /// The next bytes, in order; far less than a frame can hold.
    Piece(Vec<u8>),
    /// That was all.
    End,
    /// Not now: ask again, from where it broke off. Says why.
    NotNow(String),
    /// Never. Says why.
    Never(String),
}
