//! The audit log: every change and every refused attempt.
//!
//! Who, from where, on what object, which operation, how it ended, what it was before and after (without secrets).
//! Append-only. The rows of one scope (an org, or `platform` for what is above orgs) are numbered without a gap and
//! each row's hash covers the row and the hash before it: a row that was changed or removed breaks the chain, which
//! [`verify()`] and the export show.
//!
//! A change's row is written in the change's own transaction ([`record`]): neither is there without the other.
//! Refused attempts are written by themselves ([`record_refusal`]); losing one to a crash is accepted.
//!
//! Tables: `audit_log`, `audit_heads`. Reading an org's log needs `audit:read`; the platform's is the super
//! administrator's.

mod api;
mod chain;
mod log;
mod store;
#[cfg(test)]
mod tests;
mod verify;

pub use self::{
    api::router,
    log::{
        AuditRow, Entry, Filter, Outcome, Scope, list, list_from, record, record_refusal, verify, verify_all,
    },
    verify::Chain,
};
