//! The wish to prove a change on a scratch database, and what comes of it. Since protocol version 6.

use muster_base::{HostId, OrderId, OrgId, UnixMs};
use serde::{Deserialize, Serialize};

use super::{SqlStatement, SqlTarget};

/// A wish to run a change on a database that is made for it beside the target, and dropped again; it travels signed
/// ([`super::SignedLook`]). Nothing of the target but its character set is looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofLook {
    /// Its own id; what is sealed is bound to it.
    pub id: OrderId,
    /// The org that asks.
    pub org: OrgId,
    /// The host that is asked.
    pub host: HostId,
    /// Not begun after this time.
    pub expires: UnixMs,
    /// The database that the change is for.
    pub target: SqlTarget,
    /// Encoded [`super::SealedSecrets`]: the password.
    pub sealed: Vec<u8>,
    /// What makes the state that the change was computed against.
    pub before: Vec<String>,
    /// The change, statement by statement as a release would have it.
    pub change: Vec<SqlStatement>,
    /// What takes it back; empty if nothing does.
    pub back: Vec<String>,
    /// A statement ends after this time.
    pub statement_timeout_ms: u64,
}

/// A part of a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ProofPart {
    /// The state that the change was computed against is made.
    Before,
    /// The change.
    Change,
    /// The way back.
    Back,
}

/// What is said of a proof; the rows of the scratch database's catalogue come between ([`super::TailFrame::Schema`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProofNote {
    /// All of this part has run; the catalogue's rows as they are then follow.
    Ran(ProofPart),
    /// All rows of that have been told.
    Read(ProofPart),
    /// A statement of this part failed, and no more is tried.
    Failed {
        /// Of which part.
        part: ProofPart,
        /// Which statement, from 0; none if it was none in particular.
        statement: Option<u32>,
        /// What the server says.
        error: String,
    },
    /// It can't be tried here, and why.
    Untried(String),
    /// It is over.
    Ended {
        /// What the server says of itself; empty where it never answered.
        version: String,
        /// The scratch database, if it could not be dropped; it is tried again at the next proof.
        left: Option<String>,
    },
}
