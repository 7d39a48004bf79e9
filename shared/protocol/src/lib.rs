//! What control plane and agent say to each other: versioned messages in length-prefixed frames.
//!
//! Transport-agnostic: anything that reads and writes bytes will do. The only crate that knows bincode, and of it
//! only `frame.rs`.
//!
//! # Streams
//!
//! | stream | opened by | first frame | then |
//! |---|---|---|---|
//! | join (ALPN [`ALPN_JOIN`]) | agent, bidirectional | [`latest::JoinRequest`] | [`latest::JoinReply`] |
//! | control | agent, bidirectional | [`latest::AgentControl::Hello`] | [`latest::ServerControl::Welcome`], then either side's control messages |
//! | reports | agent, unidirectional | [`latest::Report`] | more reports; each is acknowledged on the control stream once it is stored |
//! | work order | control plane, bidirectional | [`latest::ServerStream::Order`] | [`latest::OrderReply`] frames, the last an outcome |
//! | bytes | agent, bidirectional | [`latest::AgentStream::Bytes`] | [`latest::BytesReply`]s, the last of them an end |
//! | tail | control plane, bidirectional | [`latest::ServerStream::Tail`] | [`latest::TailFrame`]s until either side ends it |
//!
//! # Versions
//!
//! One folder for each protocol version; business code sees only [`latest`]. Enums are append-only: a variant's
//! number is its place, so nothing is ever reordered or removed. Golden-byte tests pin every message.
//! `Hello` carries the range of versions the agent speaks; the control plane picks the highest it shares.
//!
//! A version that only adds messages stays in the folder, and is a number by which nobody is sent what it can't read:
//! version 2 is version 1 with [`latest::ServerControl::Keys`] and [`latest::AgentControl::KeysTaken`], version 3 is
//! version 2 with [`latest::OrderPayload::Handover`], [`latest::OrderPayload::Container`] and [`latest::TailRequest::Log`],
//! version 4 is version 3 with [`latest::TailRequest::Schema`], [`latest::OrderPayload::File`] and [`latest::AgentStream`],
//! version 5 is version 4 with [`latest::OrderPayload::FullDeploy`], [`latest::OrderPayload::GuardedSql`] and
//! [`latest::TailRequest::Count`], version 6 is version 5 with [`latest::AgentControl::Cloud`] and
//! [`latest::TailRequest::Prove`], version 7 is version 6 with reports that continue the one before them.
//!
//! All of them are served. `tests/older.rs` holds this build to the bytes that each of them wrote when it was the newest,
//! and the story `tests/tests/older.rs` to their agents.
#![deny(missing_docs)]

mod frame;
pub mod v1;

pub use frame::{FrameError, MAX_FRAME_BYTES, decode, encode, read_frame, write_frame};
/// The newest version's messages.
pub use v1 as latest;

/// ALPN of the agents' connections.
pub const ALPN: &[u8] = b"muster/1";
/// ALPN of enrolment: the server is authenticated by its pinned CA, the client by its join token.
pub const ALPN_JOIN: &[u8] = b"muster-join/1";
/// ALPN between control planes on one database; both sides are of the same version, or one newer.
pub const ALPN_PEER: &[u8] = b"muster-peer/1";
/// The oldest and newest protocol version that this build speaks.
pub const VERSIONS: (u16, u16) = (1, 7);
/// The first version whose agents can be told of other keys in the middle of a session.
pub const KEYS_SINCE: u16 = 2;
/// The first version whose agents are sure to hand services over: the order came while version 2 was the newest, and an
/// agent of that version may be older than it.
pub const HANDOVERS_SINCE: u16 = 3;
/// The first version whose agents start and stop containers and read their logs.
pub const CONTAINERS_SINCE: u16 = 3;
/// The first version whose agents read a database's catalogue.
pub const SCHEMAS_SINCE: u16 = 4;
/// The first version whose agents take files.
pub const FILES_SINCE: u16 = 4;
/// The first version whose agents know all of a container's settings.
pub const FULL_DEPLOYS_SINCE: u16 = 5;
/// The first version whose agents hold statements on rows in, and count rows.
pub const GUARDS_SINCE: u16 = 5;
/// The first version in which agents say what their cloud says of the machine.
pub const CLOUD_SINCE: u16 = 6;
/// The first version whose agents prove a change on a scratch database.
pub const PROOFS_SINCE: u16 = 6;
/// The first version in which a report may continue the one before it on its stream.
pub const CONTINUED_REPORTS_SINCE: u16 = 7;

/// The highest version that both ranges hold.
///
/// ```
/// assert_eq!(muster_protocol::agree((1, 3), (2, 5)), Some(3));
/// assert_eq!(muster_protocol::agree((1, 1), (2, 5)), None);
/// ```
pub fn agree(ours: (u16, u16), theirs: (u16, u16)) -> Option<u16> {
    let highest = ours.1.min(theirs.1);
    (highest >= ours.0.max(theirs.0)).then_some(highest)
}
