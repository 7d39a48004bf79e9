//! What leaves the house: mail, text messages, calls to webhooks and chats ([`hook`]), all through one outbox.
//!
//! A use-case writes a [`Letter`] in the transaction of what it tells about ([`post`]), so that neither is there
//! without the other. One task ([`worker`]) sends what is due, a few at a time, and writes down what came of it.
//!
//! # States
//! ```text
//!            ┌────────── a fault that may pass: later, twice as long each time, 4 h at most ─────────┐
//!            ▼                                                                                       │
//! post ─→ waiting ─→ claimed (waiting, due again in 90 s) ─→ sent ──────────────→ forgotten after `keep_sent_days`
//!            │                          └─→ dead (refused, expired, or 27 attempts: 3 days) ─→ after `keep_dead_days`
//!            └── expired ─→ dead            └── retried by an administrator ─→ waiting
//! ```
//! A claim moves the time at which the letter is due forward and counts an attempt; only the claim with that count
//! writes the outcome. A process that dies holding one loses nothing: the letter is due again by itself. It may then go
//! out twice, always with the same `Message-ID`.
//!
//! | fault | is | then |
//! |---|---|---|
//! | no connection, no answer in time, cut off, TLS or sign-in fails, 421, 5xx but those below | the server's | later; the rest of the batch waits, too |
//! | 4xx | for now | later |
//! | 550, 551, 552, 553, 556, an address that is none | the letter's | dead at once |
//! | a call: no connection, 408, 409, 423, 425, 429, 5xx, a chat's "too fast" | for now | later; each receiver by itself |
//! | a call: any other status, a chat's other codes, a receiver that is gone | the letter's | dead at once |
//!
//! Without a mail server, or a gateway for text messages, in the configuration its letters wait until there is one, or until
//! they expire. Text messages cost money: a number gets so many a day, and all together so many (`[sms]`); what is
//! beyond that is not posted.
//!
//! # Table
//! `outbox`: kind, recipient, template with its parameters, the code or link sealed ([`SHELVES`]) and wiped once it is
//! sent or worth nothing, state, attempts, when it is due, last error.
//!
//! # Who
//! Other rooms post. Administrators of a platform see its letters, never their codes; its managers send one again and
//! send a test. What belongs to no platform is for the super administrator.
//!
//! # Invariants
//! - Only [`mailer`] names lettre; [`sms`] repeats nothing that the gateway says.
//! - A code or link is in clear nowhere but in memory while it is sent. No error text holds what was sent.
//! - Batches, attempts, waits and rows all have an end.

mod api;
mod error;
mod hook;
mod language;
mod letter;
mod mailer;
mod outbox;
mod sms;
mod store;
mod template;
#[cfg(test)]
pub(crate) mod tests;
mod worker;

use tokio::sync::Notify as Waker;

pub use self::{
    api::router,
    error::NotifyError,
    language::Language,
    letter::{Channel, Letter},
    outbox::{post, post_and_send},
    template::{Template, are_blanks_known},
    worker::start,
};
use crate::keys::{Purpose, Shelf, ShelfKind};

/// What a sealed code or link is bound to, beside its row.
const SEALED: &str = "outbox";

/// Where this room keeps sealed values.
pub const SHELVES: &[Shelf] = &[Shelf {
    table: "outbox",
    column: "secret",
    purpose: Purpose::Outbox,
    org: None,
    kind: ShelfKind::Always(SEALED),
    id: "id",
    version: None,
}];

/// This room's part of the process.
#[derive(Debug, Default)]
pub struct Notify {
    wake: Waker,
}

impl Notify {
    /// Says that something was posted, after it was committed. Without it the letter waits a few seconds.
    pub fn wake(&self) {
        self.wake.notify_one();
    }
}

/// What this room does by schedule.
pub fn jobs() -> Vec<crate::schedule::Job> {
    vec![crate::schedule::Job {
        name: "notify.forget",
        every_ms: muster_base::UnixMs::DAY,
        run: outbox::forget,
    }]
}
