//! The ledger's rows, alike on both kinds of server.

use muster_base::UnixMs;
use muster_protocol::latest::SqlSpec;
use serde::{Deserialize, Serialize};

use super::{SqlError, decide::State};

/// The table's name.
pub(super) const TABLE: &str = "muster_release_ledger";

/// What one statement did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StepResult {
    pub(super) duration_ms: u64,
    pub(super) rows: Option<u64>,
}

/// A row as it is selected: `first_step, last_step, sql_sha256, status, before_state, results, ended_at_ms`.
pub(super) type StoredRow = (
    i64,
    i64,
    String,
    String,
    Option<String>,
    Option<String>,
    Option<i64>,
);

/// How far a row's statements have come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Status {
    /// Begun, and whether it ended is not known.
    Starting {
        /// What the catalogue said before, if it was asked.
        before: Option<State>,
    },
    /// Happened.
    Done {
        at: Option<UnixMs>,
        results: Vec<StepResult>,
    },
    /// Did not happen.
    Failed,
}

/// A row, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) first: usize,
    pub(super) last: usize,
    pub(super) status: Status,
}

impl Row {
    /// Reads a row, and makes sure that it is about the same text.
    pub(super) fn read(stored: StoredRow, spec: &SqlSpec) -> Result<Self, SqlError> {
        let (first, last, sql_sha256, status, before_state, results, ended_at_ms) = stored;
        let number = |value: i64| {
            usize::try_from(value).map_err(|_| SqlError::Ledger(format!("step {value} makes no sense")))
        };
        if sql_sha256 != hex::encode(spec.sql_sha256) {
            return Err(SqlError::Ledger(format!(
                "it knows the release {} with another text, so somebody has changed the ledger",
                spec.release
            )));
        }
        let status = match status.as_str() {
            "starting" => Status::Starting {
                before: before_state.and_then(|json| serde_json::from_str(&json).ok()),
            },
            "done" => Status::Done {
                at: ended_at_ms.map(UnixMs),
                results: results
                    .and_then(|json| serde_json::from_str(&json).ok())
                    .unwrap_or_default(),
            },
            "failed" => Status::Failed,
            other => return Err(SqlError::Ledger(format!("it holds the unknown status {other:?}"))),
        };
        Ok(Self {
            first: number(first)?,
            last: number(last)?,
            status,
        })
    }
}

/// What is kept as JSON. Only our own plain types go in, so this can't fail.
pub(super) fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// `it ran already, at …`
pub(super) fn ran_at(at: Option<UnixMs>) -> String {
    at.map_or_else(
        || "the ledger says that it ran already".to_owned(),
        |at| format!("the ledger says that it ran already, at {at}"),
    )
}
