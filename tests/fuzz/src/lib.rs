//! What must hold for every input from outside, as functions that panic where it does not.
//!
//! Each function is a fuzz target (`fuzz_targets/`, in cargo-fuzz's layout, for libFuzzer) and at the same time an
//! ordinary test over its seeds (`seeds/<target>/`, `tests/seeds.rs`). `cargo verify fuzz` builds the targets with
//! coverage instrumentation and runs each for some seconds; an input that breaks a law becomes a seed.
//!
//! | target | entrance | law |
//! |---|---|---|
//! | [`frames()`] | every message of the protocol, and the length in front of it | decoding undoes encoding; memory in proportion to the bytes that came |
//! | [`join()`] | a stranger's join request | the certificate says what the CA says, whatever was asked for |
//! | [`certificates()`] | certificates, requests, SPIFFE ids, fingerprints, tokens | one spelling for each; what is read prints as it was |
//! | [`samples()`], [`rollups()`] | a report's parts | decoding undoes encoding; merging commutes |
//! | [`chunks()`] | an hour at rest | decoding undoes encoding; never more memory than an hour may take |
//! | [`documents()`] | YAML of database change | what is read is kept, and what is exported is read, as it was |
//! | [`orders()`] | an order's head, signature, payload, sealed secrets | exactly one encoding; nothing unsigned passes |
//! | [`policy()`] | the host's policy file | unknown keys are refused; what is not listed is not allowed |
//! | [`sql()`] | SQL text | nothing is lost by cutting; what can't be cut or read is never below *unknown* |
//! | [`git_webhook()`] | what Git hosts send, signed as each does | never the server's fault, never the secret in the answer |
//! | [`webhook()`] | the body of `POST /webhook/deploy` | never the server's fault, never the token in the answer |

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a law that is broken shows itself by a panic"
)]

mod certificates;
mod documents;
mod frames;
mod memory;
mod orders;
mod policy;
mod readings;
mod sql;
mod webhook;

pub use self::{
    certificates::{certificates, join},
    documents::documents,
    frames::frames,
    orders::orders,
    policy::policy,
    readings::{chunks, rollups, samples},
    sql::sql,
    webhook::{git_webhook, start_plane, webhook},
};

/// A target's name and law.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] = &[
    ("certificates", certificates),
    ("chunks", chunks),
    ("documents", documents),
    ("frames", frames),
    ("git_webhook", git_webhook),
    ("join", join),
    ("orders", orders),
    ("policy", policy),
    ("rollups", rollups),
    ("samples", samples),
    ("sql", sql),
    ("webhook", webhook),
];

/// The first byte chooses among a target's entrances; the rest goes in.
fn choose(data: &[u8], among: usize) -> Option<(usize, &[u8])> {
    let (first, rest) = data.split_first()?;
    Some((usize::from(*first) % among, rest))
}
