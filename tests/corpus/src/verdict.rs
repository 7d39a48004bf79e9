//! What became of a case, and the sums.

use serde::Serialize;
use serde_json::{Value, json};

/// What became of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The database became what was wanted, and again what it was.
    Converged,
    /// There was no plan, and a reason was given. Never wrong, and never of use.
    Refused,
    /// It is not for this server.
    Skipped,
    /// A plan failed, did not lead there, or was empty when it should not have been.
    Wrong,
}

/// A case's verdict with the reason for it.
#[derive(Debug, Clone, Serialize)]
pub struct Judged {
    /// `mysql` or `postgres`.
    pub engine: String,
    /// The file that the case is from.
    pub file: String,
    /// The case's name.
    pub name: String,
    /// What became of it.
    pub verdict: Verdict,
    /// Why; empty for what converged.
    pub reason: String,
}

/// How many of each there are.
pub fn sums(judged: &[Judged]) -> Value {
    let count = |verdict| judged.iter().filter(|case| case.verdict == verdict).count();
    json!({
        "cases": judged.len(),
        "converged": count(Verdict::Converged),
        "refused": count(Verdict::Refused),
        "skipped": count(Verdict::Skipped),
        "wrong": count(Verdict::Wrong),
    })
}
