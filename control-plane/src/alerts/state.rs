//! The state machine of one alert: what is the case now, what was seen, what follows.

use muster_base::UnixMs;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::db::DbError;

/// What a container or series that is not there any more is worth waiting for.
pub(super) const GONE_MS: i64 = 10 * UnixMs::MINUTE;

/// Where an alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum AlertState {
    /// It is so, but not for long enough.
    Pending,
    /// It is so.
    Firing,
    /// It was so.
    Resolved,
}

/// Why an alert is resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Reason {
    /// It is all right again.
    Ok,
    /// The container, disk or host is not there any more.
    Gone,
    /// The rule does not select the host any more.
    Unselected,
    /// The rule was deleted or switched off.
    RuleChanged,
}

macro_rules! words {
    ($name:ident $column:literal: $($variant:ident $word:literal),*) => {
        impl $name {
            pub(super) const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            pub(super) fn read(text: &str) -> Result<Self, DbError> {
                match text {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(DbError::Corrupt($column.to_owned())),
                }
            }
        }
    };
}

words!(AlertState "alerts.state": Pending "pending", Firing "firing", Resolved "resolved");
words!(Reason "alerts.reason": Ok "ok", Gone "gone", Unselected "unselected", RuleChanged "ruleChanged");

/// What was seen of the thing that a rule looks at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Seen {
    /// It is as the rule says.
    Wrong,
    /// It isn't.
    Right,
    /// The host sends nothing.
    Silent,
    /// The host sends, but nothing of this.
    Absent,
    /// It can't be told yet.
    Unknown,
    /// The rule has nothing to do with it any more.
    Off(Reason),
}

/// A rule's times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "milliseconds are ms everywhere")]
pub(super) struct Timing {
    /// It fires when it is so for so long.
    pub(super) for_ms: i64,
    /// It is over when it has been all right for so long.
    pub(super) resolve_ms: i64,
    /// It is told again after so long; never, if 0.
    pub(super) repeat_ms: i64,
    /// Others are told if nobody acknowledges it for so long; never, if 0.
    pub(super) escalate_ms: i64,
}

/// What keeps an alert quiet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Muted {
    /// A silence matches.
    pub(super) silenced: bool,
    /// The host is down, and something else says so.
    pub(super) inhibited: bool,
}

/// An alert that is pending or fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Open {
    pub(super) pending_since: UnixMs,
    /// When it began to fire; none while it is pending.
    pub(super) fired_at: Option<UnixMs>,
    /// Since when it has been all right.
    pub(super) clearing_since: Option<UnixMs>,
    /// Since when there have been no readings.
    pub(super) no_data_since: Option<UnixMs>,
    /// When it was last told that it fires.
    pub(super) told_at: Option<UnixMs>,
    /// Whether it was told that the readings stopped.
    pub(super) no_data_told: bool,
    /// When it was first told that it fires.
    pub(super) first_told_at: Option<UnixMs>,
    /// Since when somebody sees to it.
    pub(super) acked_at: Option<UnixMs>,
    /// When others were told because nobody did.
    pub(super) escalated_at: Option<UnixMs>,
}

impl Open {
    /// Whether it was told, nobody sees to it, and others were not told of that yet.
    fn escalates(&self, timing: Timing, now: UnixMs) -> bool {
        timing.escalate_ms > 0
            && self.acked_at.is_none()
            && self.escalated_at.is_none()
            && self
                .first_told_at
                .is_some_and(|told| now.ms_since(told) >= timing.escalate_ms)
    }
}

/// What is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Say {
    Fires,
    /// Nobody has acknowledged it; told to others.
    Escalates,
    Silent,
    Over,
}

/// What follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing was there and nothing is.
    Nothing,
    /// It is open, and to be told of or not.
    Open(Open, Option<Say>),
    /// It was pending and is forgotten.
    Dropped,
    /// It fired and is over.
    Resolved(Reason, Option<Say>),
}

/// What follows from what is the case and what was seen.
pub(super) fn next(open: Option<Open>, seen: Seen, timing: Timing, muted: Muted, now: UnixMs) -> Next {
    match open {
        None => match seen {
            Seen::Wrong if !muted.inhibited => begin(timing, muted, now),
            Seen::Wrong | Seen::Right | Seen::Silent | Seen::Absent | Seen::Unknown | Seen::Off(_) => {
                Next::Nothing
            }
        },
        Some(open) if open.fired_at.is_none() => match seen {
            Seen::Wrong if !muted.inhibited => wait(open, timing, muted, now),
            Seen::Unknown => Next::Open(open, None),
            Seen::Wrong | Seen::Right | Seen::Silent | Seen::Absent | Seen::Off(_) => Next::Dropped,
        },
        Some(open) => match seen {
            Seen::Wrong => still(open, timing, muted, now),
            Seen::Right => clear(open, timing, now),
            Seen::Absent
                if open
                    .no_data_since
                    .is_some_and(|since| now.ms_since(since) >= GONE_MS) =>
            {
                over(&open, Reason::Gone)
            }
            Seen::Silent | Seen::Absent => quiet(open, timing, muted, now),
            Seen::Unknown => Next::Open(open, None),
            Seen::Off(reason) => over(&open, reason),
        },
    }
}

fn begin(timing: Timing, muted: Muted, now: UnixMs) -> Next {
    let open = Open {
        pending_since: now,
        fired_at: None,
        clearing_since: None,
        no_data_since: None,
        told_at: None,
        no_data_told: false,
        first_told_at: None,
        acked_at: None,
        escalated_at: None,
    };
    wait(open, timing, muted, now)
}

fn wait(open: Open, timing: Timing, muted: Muted, now: UnixMs) -> Next {
    if now.ms_since(open.pending_since) < timing.for_ms {
        return Next::Open(open, None);
    }
    let fired = Open {
        fired_at: Some(now),
        ..open
    };
    still(fired, timing, muted, now)
}

fn still(open: Open, timing: Timing, muted: Muted, now: UnixMs) -> Next {
    // Whoever sees to it needs not be told again.
    let again = timing.repeat_ms > 0 && open.acked_at.is_none();
    let due = match open.told_at {
        None => true,
        Some(told) => again && now.ms_since(told) >= timing.repeat_ms,
    };
    let say = if muted.silenced || muted.inhibited {
        None
    } else if due {
        Some(Say::Fires)
    } else {
        open.escalates(timing, now).then_some(Say::Escalates)
    };
    let told = (say == Some(Say::Fires)).then_some(now);
    let open = Open {
        clearing_since: None,
        no_data_since: None,
        no_data_told: false,
        told_at: told.or(open.told_at),
        first_told_at: open.first_told_at.or(told),
        escalated_at: if say == Some(Say::Escalates) {
            Some(now)
        } else {
            open.escalated_at
        },
        ..open
    };
    Next::Open(open, say)
}

fn clear(open: Open, timing: Timing, now: UnixMs) -> Next {
    let since = open.clearing_since.unwrap_or(now);
    if now.ms_since(since) >= timing.resolve_ms {
        return over(&open, Reason::Ok);
    }
    let open = Open {
        clearing_since: Some(since),
        no_data_since: None,
        no_data_told: false,
        ..open
    };
    Next::Open(open, None)
}

fn quiet(open: Open, timing: Timing, muted: Muted, now: UnixMs) -> Next {
    let say = if open.told_at.is_none() || muted.silenced || muted.inhibited {
        None
    } else if open.no_data_told {
        open.escalates(timing, now).then_some(Say::Escalates)
    } else {
        Some(Say::Silent)
    };
    let open = Open {
        clearing_since: None,
        no_data_since: open.no_data_since.or(Some(now)),
        no_data_told: open.no_data_told || say == Some(Say::Silent),
        escalated_at: if say == Some(Say::Escalates) {
            Some(now)
        } else {
            open.escalated_at
        },
        ..open
    };
    Next::Open(open, say)
}

/// What was told as firing is told as over, silenced or not: nobody is left waiting.
fn over(open: &Open, reason: Reason) -> Next {
    Next::Resolved(reason, open.told_at.map(|_| Say::Over))
}

#[cfg(test)]
mod tests;
