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
}

/// What is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Say {
    Fires,
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
            Seen::Silent | Seen::Absent => quiet(open, muted, now),
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
    let due = match open.told_at {
        None => true,
        Some(told) => timing.repeat_ms > 0 && now.ms_since(told) >= timing.repeat_ms,
    };
    let say = due && !muted.silenced && !muted.inhibited;
    let open = Open {
        clearing_since: None,
        no_data_since: None,
        no_data_told: false,
        told_at: if say { Some(now) } else { open.told_at },
        ..open
    };
    Next::Open(open, say.then_some(Say::Fires))
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

fn quiet(open: Open, muted: Muted, now: UnixMs) -> Next {
    let say = open.told_at.is_some() && !open.no_data_told && !muted.silenced && !muted.inhibited;
    let open = Open {
        clearing_since: None,
        no_data_since: open.no_data_since.or(Some(now)),
        no_data_told: open.no_data_told || say,
        ..open
    };
    Next::Open(open, say.then_some(Say::Silent))
}

/// What was told as firing is told as over, silenced or not: nobody is left waiting.
fn over(open: &Open, reason: Reason) -> Next {
    Next::Resolved(reason, open.told_at.map(|_| Say::Over))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMING: Timing = Timing {
        for_ms: 60_000,
        resolve_ms: 120_000,
        repeat_ms: 3_600_000,
    };

    /// Goes through what is seen, ten seconds apart, and notes what is told and when.
    struct Alert {
        open: Option<Open>,
        now: UnixMs,
        muted: Muted,
        told: Vec<(i64, Say)>,
        ended: Option<Reason>,
    }

    impl Alert {
        fn new() -> Self {
            Self {
                open: None,
                now: UnixMs(0),
                muted: Muted::default(),
                told: Vec::new(),
                ended: None,
            }
        }

        fn see(&mut self, seen: Seen, times: usize) -> &mut Self {
            for _ in 0..times {
                match next(self.open, seen, TIMING, self.muted, self.now) {
                    Next::Nothing => {}
                    Next::Open(open, say) => {
                        self.open = Some(open);
                        self.told.extend(say.map(|say| (self.now.0 / 1_000, say)));
                    }
                    Next::Dropped => self.open = None,
                    Next::Resolved(reason, say) => {
                        self.open = None;
                        self.ended = Some(reason);
                        self.told.extend(say.map(|say| (self.now.0 / 1_000, say)));
                    }
                }
                self.now = self.now.plus_ms(10_000);
            }
            self
        }
    }

    #[test]
    fn it_fires_after_its_time_and_is_over_after_its_time() {
        let mut alert = Alert::new();
        alert.see(Seen::Wrong, 6);
        assert!(alert.told.is_empty() && alert.open.unwrap().fired_at.is_none());
        alert.see(Seen::Wrong, 10).see(Seen::Right, 13);
        assert_eq!(alert.told, [(60, Say::Fires), (280, Say::Over)]);
        assert_eq!(alert.ended, Some(Reason::Ok));
    }

    #[test]
    fn what_passes_before_its_time_was_never_there() {
        let mut alert = Alert::new();
        alert.see(Seen::Wrong, 5).see(Seen::Right, 1).see(Seen::Wrong, 6);
        assert!(alert.told.is_empty() && alert.open.unwrap().fired_at.is_none());
        alert.see(Seen::Silent, 1);
        assert_eq!(alert.open, None);
    }

    #[test]
    fn a_flapping_value_fires_once_and_is_over_once() {
        let mut alert = Alert::new();
        alert.see(Seen::Wrong, 7);
        for _ in 0..20 {
            alert.see(Seen::Right, 6).see(Seen::Wrong, 2);
        }
        assert_eq!(alert.told.len(), 1);
        alert.see(Seen::Right, 13);
        assert_eq!(alert.told.len(), 2);
    }

    #[test]
    fn it_is_told_again_as_often_as_the_rule_says() {
        let mut alert = Alert::new();
        alert.see(Seen::Wrong, 7 + 360 + 360);
        let times: Vec<_> = alert.told.iter().map(|(at, _)| *at).collect();
        assert_eq!(times, [60, 3_660, 7_260]);
    }

    #[test]
    fn readings_that_stop_are_said_once_each_time_and_nothing_is_over() {
        let mut alert = Alert::new();
        alert
            .see(Seen::Wrong, 7)
            .see(Seen::Silent, 100)
            .see(Seen::Wrong, 1);
        alert.see(Seen::Silent, 3);
        assert_eq!(
            alert.told,
            [(60, Say::Fires), (70, Say::Silent), (1_080, Say::Silent)]
        );
        alert.see(Seen::Unknown, 3).see(Seen::Right, 13);
        assert_eq!(alert.ended, Some(Reason::Ok));
    }

    #[test]
    fn what_is_not_there_any_more_is_gone_after_a_while() {
        let mut alert = Alert::new();
        alert.see(Seen::Wrong, 7).see(Seen::Absent, 61);
        assert_eq!(alert.ended, Some(Reason::Gone));
        assert_eq!(alert.told.last().unwrap().1, Say::Over);
    }

    #[test]
    fn a_host_that_is_down_has_no_other_alerts() {
        let mut alert = Alert::new();
        alert.muted.inhibited = true;
        alert.see(Seen::Wrong, 20);
        assert_eq!(alert.open, None);
        alert.muted.inhibited = false;
        alert.see(Seen::Wrong, 7);
        alert.muted.inhibited = true;
        alert.see(Seen::Silent, 20);
        assert_eq!(
            alert.told,
            [(260, Say::Fires)],
            "it does not say that its readings stopped"
        );
    }

    #[test]
    fn what_fires_under_a_silence_is_told_when_that_ends_and_then_over() {
        let mut alert = Alert::new();
        alert.muted.silenced = true;
        alert.see(Seen::Wrong, 20);
        assert!(alert.open.unwrap().fired_at.is_some() && alert.told.is_empty());
        alert.muted.silenced = false;
        alert.see(Seen::Wrong, 1);
        alert.muted.silenced = true;
        alert.see(Seen::Right, 13);
        assert_eq!(alert.told, [(200, Say::Fires), (330, Say::Over)]);
    }

    #[test]
    fn what_was_never_told_is_not_told_as_over() {
        let mut alert = Alert::new();
        alert.muted.silenced = true;
        alert.see(Seen::Wrong, 20).see(Seen::Right, 13);
        assert!(alert.told.is_empty());
        assert_eq!(alert.ended, Some(Reason::Ok));
    }

    #[test]
    fn words_are_read_back() {
        for state in [AlertState::Pending, AlertState::Firing, AlertState::Resolved] {
            assert_eq!(AlertState::read(state.as_str()).unwrap(), state);
        }
        assert!(Reason::read("x").is_err());
    }
}
