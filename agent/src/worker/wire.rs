//! What resident and worker say to each other, in the same frames that travel to the control plane: one request,
//! then answers; a cancel may follow an order, and the bytes that its worker asks for. Over a child's stdin and stdout, or the socket that systemd passes as
//! both.

use muster_protocol::latest::{
    BytesReply, ContainerFacts, LogEnd, LogLine, OrderReply, ProofNote, SchemaRows, SignedLook, SignedOrder,
    SigningKeyNotice,
};
use serde::{Deserialize, Serialize};

/// Resident → worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Do this order, or finish or undo it if it was begun.
    Order {
        /// The order as the control plane sent it.
        order: Box<SignedOrder>,
        /// The signing keys that the control plane named; the worker pins those that a pinned key vouches for.
        keys: Vec<SigningKeyNotice>,
    },
    /// Stop the order that this worker does.
    Cancel,
    /// Describe the engine and the host's containers.
    Containers,
    /// Read a container's log, until it ends or nobody listens any more.
    Log {
        /// What is to be read, as the control plane signed it.
        look: SignedLook,
        /// As with an order.
        keys: Vec<SigningKeyNotice>,
    },
    /// Read a database's catalogue.
    Schema {
        /// What is to be read, as the control plane signed it.
        look: SignedLook,
        /// As with an order.
        keys: Vec<SigningKeyNotice>,
    },
    /// To [`Answer::WantBytes`]: pieces, in order, and at last an end.
    Bytes(Coming),
    /// Count the rows that a statement would touch.
    Count {
        /// What is to be counted, as the control plane signed it.
        look: SignedLook,
        /// As with an order.
        keys: Vec<SigningKeyNotice>,
    },
    /// Prove a change on a scratch database.
    Prove {
        /// What is to be proven, as the control plane signed it.
        look: SignedLook,
        /// As with an order.
        keys: Vec<SigningKeyNotice>,
    },
    /// As [`Request::Containers`], to whoever has these facts from the last look, half a minute ago at most: only what may have
    /// changed is asked about.
    ContainersSince(Vec<ContainerFacts>),
}

/// What comes of bytes that a worker wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Coming {
    /// The control plane says this.
    Said(BytesReply),
    /// The control plane says nothing more. Says why.
    Away(String),
}

/// Worker → resident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// To an order: accepted, events, and at last a refusal or an outcome.
    Reply(OrderReply),
    /// To [`Request::Containers`] and [`Request::ContainersSince`].
    Containers {
        /// The engine's version.
        engine: Option<String>,
        /// In order of names.
        containers: Vec<ContainerFacts>,
    },
    /// The worker can't do what was asked; nothing was begun.
    Failed(String),
    /// To [`Request::Log`]: lines, in order.
    Log(Vec<LogLine>),
    /// To [`Request::Log`]: there are no more.
    LogEnd(LogEnd),
    /// To [`Request::Schema`]: rows, question by question.
    Schema(SchemaRows),
    /// To [`Request::Schema`]: that was all, of a server of this version.
    SchemaEnd(String),
    /// The order's file is wanted from here on. Not said again before the bytes that were asked for have ended.
    WantBytes {
        /// So many bytes are here.
        offset: u64,
    },
    /// To [`Request::Count`].
    Counted(u64),
    /// To [`Request::Prove`]: what there is to say, with [`Answer::Schema`] between; the last says that it is over.
    Proof(ProofNote),
}
