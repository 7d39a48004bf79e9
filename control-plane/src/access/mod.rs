//! People and what they may do.
//!
//! A *platform* is a realm of users; an *org* owns everything else. A user is a *member* of an org in one role, and a
//! role is a set of *operations*. The super administrator stands in the configuration file, not in the database, and
//! may do everything in every org. There is one place that decides: [`enter_org`] reads the member row for each
//! request, so that a revoked session, a disabled user or a changed role counts from the next request on.
//!
//! | table | holds |
//! |---|---|
//! | `platforms` | realms; `default` is made at setup |
//! | `users` | people; argon2id hash |
//! | `orgs`, `members` | orgs and their people; one `OWNER` at most by a unique index, kept at one by the use-cases |
//! | `sessions` | sign-ins: bearer (rotating refresh token; reuse of an old one ends it) or cookie |
//! | `api_keys` | `dw_…`, only hashes; bound to one org and one person, never more than that person may |
//!
//! Sign-in answers the same for an unknown account and a wrong password, takes the same work for both, and is
//! throttled per account and per address.

mod api;
mod api_key;
mod authenticate;
mod caller;
mod error;
mod member;
mod operation;
mod org;
mod password;
mod role;
mod session;
mod store;
#[cfg(test)]
mod tests;
mod throttle;
mod token;
mod user;

pub use self::{
    api::router,
    authenticate::{Credential, Identified, enter_org, identify},
    caller::{Actor, Caller, Identity},
    error::AccessError,
    operation::{Operation, Operations},
    org::{Org, ensure_defaults, list_all_ids as list_org_ids},
    password::hash as hash_password,
    role::Role,
    throttle::Throttle,
};

/// What this room does by schedule.
pub fn jobs() -> Vec<crate::schedule::Job> {
    let run = session::forget_ended;
    vec![crate::schedule::Job {
        name: "access.forget-sessions",
        every_ms: muster_base::UnixMs::DAY,
        run,
    }]
}
