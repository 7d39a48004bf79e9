//! Alerts: rules that are held against the newest readings, and telling people what they find, once.
//!
//! # Data
//! | table | one row is |
//! |---|---|
//! | `alert_rules` | what is looked at, on which hosts, when it fires, who hears of it |
//! | `alerts` | one time that a rule found something on a host, container and series: from pending to resolved |
//! | `alert_silences` | from when to when, and on which weekdays, which alerts are not told, by whom, why |
//! | `alert_receivers` | where alerts are told: e-mail, a signed webhook, Slack, DingTalk, Feishu, WeCom; addresses and keys are credentials of the secrets room |
//!
//! A rule is of one kind ([`check::Check`]): *threshold* (a series of the host or of its containers against a number), *host
//! down* (not connected and not heard of), *disk full* (a line through the last hours of free space, [`trend`], reaches zero within
//! so many hours), *container restarting* (so many restarts within so many minutes, [`restarts`]), *certificate expiring* (a host's
//! certificate ends and was not renewed).
//!
//! # States
//! ```text
//!               for `forS`                                    all right for `resolveAfterS`
//! (nothing) ─→ pending ────────────→ firing ─────────────────────────────────────────────→ resolved
//!     ▲           │ all right,         │ ▲  all right (clearing) ─→ wrong again: as if nothing had been
//!     └───────────┘ or no readings     ▼ │  no readings: said once, fires on; if the host is there
//!          (the row is deleted)      told again         and the thing isn't, it is *gone* after 10 min
//!                                    each `repeatS`
//! ```
//! [`state::next`] is the whole machine: no clock, no database. What was told as firing is told as over. A flapping
//! value fires once: it is resolved only when it has been all right for `resolveAfterS` in one piece. What can't be known (after
//! a start, before hosts had time to come back; a trend of less than an hour) changes nothing.
//!
//! *Acknowledging* ([`acknowledge`]): somebody sees to what fires. It is not told again until it is over, and is not escalated.
//! *Escalation*: what was told and nobody acknowledged for `escalateAfterS` is told once to `escalateTo`, who then hear
//! of it when its readings stop and when it is over.
//!
//! *Inhibition*: while a host is down and a rule watches for that, its other alerts neither begin, nor fire, nor say that
//! their readings stopped. *Silences* keep alerts from being told, not from firing; one that fires still when its silence ends is
//! told then.
//!
//! # Evaluation ([`evaluator`])
//! One task, every ten seconds. Each half minute, and at once when somebody changed something, it reads rules, hosts,
//! silences and open alerts: four queries whatever there is ([`book`]). In between it reads nothing but the newest samples in
//! memory: one walk over each host's sample, whatever the number of rules ([`look`]). Only steps are
//! written, all of a round in one transaction with what is told of them, so a restart finds exactly what was
//! told and goes on there. Each write names the version it read: of two processes one takes the step and tells it.
//!
//! # Telling ([`notice`])
//! What one rule finds in one round is one message, with the first hosts by name and the number of the rest. Inboxes get it of
//! those hosts that their owners reach. Everything else leaves by the outbox ([`crate::notify`]), which tries again for three
//! days; what an alert says is worth nothing after one.
//!
//! # Who
//! `alert:read` sees alerts of hosts in reach, rules, silences and receivers (never addresses or keys). `alert:silence` acknowledges alerts of hosts in reach, and silences hosts in
//! reach by name, everything else with permissions that are not narrowed. `alert:write` changes rules and receivers, and
//! must not be narrowed: a rule sees all hosts of the org. Every change is audited.
//!
//! # Fails how
//! The database is away: the round is forgotten and made again, nothing is told twice. A receiver is gone or refuses:
//! its letter is dead in the outbox, with the reason; the others are told. A host's clock is wrong: freshness counts by ours.
//!
//! # Invariants
//! - There is one open alert at most of each rule, host, container and series (a unique index).
//! - No answer, log or audit row holds a receiver's address or key.
//! - Rules, receivers, silences and what a message names have limits ([`limits`]).

mod acknowledge;
mod address;
mod alert;
mod api;
mod book;
mod check;
mod error;
mod evaluator;
mod fields;
mod limits;
mod look;
mod notice;
mod receiver;
mod restarts;
mod rule;
mod selector;
mod silence;
mod silence_repeat;
mod state;
mod store;
#[cfg(test)]
pub(crate) mod tests;
mod trend;

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use muster_base::{AlertId, AlertSilenceId, UnixMs};
use tokio::sync::Notify;

pub use self::{address::Hook, api::router, error::AlertsError, evaluator::start, receiver::ReceiverKind};
pub(crate) use self::{address::hook_of, store::annotation::annotations};
use crate::{
    app::App,
    peers::Peers,
    schedule::{Job, Running},
};

/// This room's part of the process.
#[derive(Debug)]
pub struct Alerts {
    wake: Notify,
    peers: Peers,
    /// What the last round saw of open alerts.
    seen: RwLock<HashMap<AlertId, SeenNow>>,
}

/// What is known of an open alert beyond its row.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct SeenNow {
    value: Option<f64>,
    silenced_by: Option<AlertSilenceId>,
    inhibited: bool,
}

impl Alerts {
    /// Starts nothing; see [`start`].
    pub fn new(peers: Peers) -> Self {
        Self {
            wake: Notify::new(),
            peers,
            seen: RwLock::default(),
        }
    }

    /// Has the rules read again and held against the readings now, at other control planes, too, after a change was
    /// committed.
    fn wake(&self) {
        self.wake_here();
        self.peers.tell_alerts();
    }

    /// Has the rules read again here.
    pub(crate) fn wake_here(&self) {
        self.wake.notify_one();
    }

    fn seen(&self, alert: AlertId) -> Option<SeenNow> {
        let seen = self.seen.read().unwrap_or_else(PoisonError::into_inner);
        seen.get(&alert).copied()
    }

    fn set_seen(&self, now: HashMap<AlertId, SeenNow>) {
        *self.seen.write().unwrap_or_else(PoisonError::into_inner) = now;
    }
}

/// What this room does by schedule.
pub fn jobs() -> Vec<Job> {
    vec![Job {
        name: "alerts.forget",
        every_ms: UnixMs::DAY,
        run: forget,
    }]
}

/// Deletes what was over long ago.
fn forget(app: &App) -> Running<'_> {
    Box::pin(async move {
        let before = app.clock.now().plus_ms(-limits::KEEP_DAYS * UnixMs::DAY);
        let forget = async || -> Result<(), crate::db::DbError> {
            crate::in_tx!(app.db, |tx| {
                store::alert::delete_resolved(tx, before).await?;
                store::silence::delete_ended(tx, before).await?;
            });
            Ok(())
        };
        Ok(forget().await?)
    })
}
