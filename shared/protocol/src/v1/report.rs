//! Readings on their way to the control plane.

use serde::{Deserialize, Serialize};

use super::{LogEnd, LogLine, ProofNote, SchemaRows, SignedLook};

/// One batch from the spool. Its parts are encoded by `muster-metrics`, which documents their formats; an empty
/// part is zero bytes long.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Report {
    /// Counts up within a session; acknowledged once everything in it is committed.
    pub batch: u64,
    /// Samples in order of time; the first is complete in itself, the rest are differences. Since protocol version 7 the
    /// first may be a difference from the last one of the report before it on the same stream.
    pub samples: Vec<u8>,
    /// Closed hourly and daily rollups.
    pub rollups: Vec<u8>,
    /// The host's containers as the engine last described them; sent when they change.
    pub containers: Option<Vec<super::ContainerFacts>>,
}

/// Asks for live data until the stream ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TailRequest {
    /// A sample every `interval_ms` (at least 1,000).
    Samples {
        /// Time between samples.
        interval_ms: u32,
    },
    /// A container's log. Since protocol version 3.
    Log(SignedLook),
    /// A database's catalogue. Since protocol version 4.
    Schema(SignedLook),
    /// How many rows a statement would touch. Since protocol version 5.
    Count(SignedLook),
    /// Whether a change does what it is to do, tried on a scratch database. Since protocol version 6.
    Prove(SignedLook),
}

/// Live data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TailFrame {
    /// One complete sample, as in [`Report::samples`].
    Sample(Vec<u8>),
    /// The agent can't serve this tail.
    Refused(String),
    /// Lines of a log, in order.
    Log(Vec<LogLine>),
    /// No more lines come.
    LogEnd(LogEnd),
    /// Rows of a catalogue.
    Schema(SchemaRows),
    /// That was all of the catalogue, of a server of this version.
    SchemaEnd(String),
    /// So many rows, and that was all.
    Count(u64),
    /// What is said of a proof.
    Proof(ProofNote),
}
