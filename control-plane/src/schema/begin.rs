//! When an execution begins: a function of the environment's windows and of what was asked for.

use muster_base::UnixMs;

use super::{MaintenanceWindows, OutsideWindows, SchemaError};
use crate::windows::opening::{self, Standing};

/// An order for a host that is away waits this long.
pub(super) const PATIENCE_MS: i64 = UnixMs::DAY;
/// One that is given although no window is open: whoever hurries means now.
const HURRIED_PATIENCE_MS: i64 = UnixMs::HOUR;
/// An execution does not wait for a window longer than this after the time that it was asked for.
pub(super) const WAIT_MS: i64 = 31 * UnixMs::DAY;

/// A wait is looked at so often at least, whatever its row says.
pub(super) const LOOK_AGAIN_MS: i64 = 10 * UnixMs::MINUTE;

/// What was asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) now: UnixMs,
    pub(super) not_before: Option<UnixMs>,
    /// It is to begin now, whether or not a window is open.
    pub(super) hurries: bool,
}

/// When it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// Now.
    Now {
        /// Its order does not begin after that.
        expires: UnixMs,
        /// If its host can't be reached by then, it waits for other windows until this.
        wait_until: Option<UnixMs>,
        /// No window is open.
        hurried: bool,
    },
    /// Not yet.
    Later {
        /// When a window is open, as of now.
        opens: UnixMs,
        /// It is given up then.
        wait_until: UnixMs,
    },
}

/// When an execution begins that is asked for.
pub(super) fn start(windows: Option<&MaintenanceWindows>, asked: Asked) -> Result<Start, SchemaError> {
    let time = asked.not_before.unwrap_or(asked.now).max(asked.now);
    let wait_until = time.plus_ms(WAIT_MS);
    let opens = match windows {
        None => time,
        Some(windows) => match opening::at(windows, time) {
            Standing::Open { .. } => time,
            Standing::Shut { .. } if asked.hurries => {
                return Ok(Start::Now {
                    expires: asked.now.plus_ms(HURRIED_PATIENCE_MS),
                    wait_until: None,
                    hurried: true,
                });
            }
            Standing::Shut { opens } => match opens.filter(|opens| *opens <= wait_until) {
                Some(opens) if windows.outside == OutsideWindows::Refuse => {
                    return Err(SchemaError::OutsideWindows(opens));
                }
                Some(opens) => opens,
                None => return Err(SchemaError::NoWindow),
            },
        },
    };
    if opens > asked.now {
        return Ok(Start::Later { opens, wait_until });
    }
    Ok(now(windows, asked.now, wait_until))
}

/// It begins now: until when its order holds.
fn now(windows: Option<&MaintenanceWindows>, now: UnixMs, wait_until: UnixMs) -> Start {
    let patience = now.plus_ms(PATIENCE_MS);
    let closes = windows.and_then(|windows| match opening::at(windows, now) {
        Standing::Open { closes } => closes,
        Standing::Shut { .. } => None,
    });
    Start::Now {
        expires: closes.map_or(patience, |closes| closes.min(patience)),
        wait_until: windows.map(|_| wait_until),
        hurried: false,
    }
}

/// Where an execution stands that waits: it begins now, or is looked at again when a window opens; nothing if none
/// does in time.
pub(super) fn start_of_waiting(
    windows: Option<&MaintenanceWindows>,
    time: UnixMs,
    (not_before, wait_until): (Option<UnixMs>, UnixMs),
) -> Option<Start> {
    let from = not_before.unwrap_or(time).max(time);
    let opens = match windows {
        None => Some(from),
        Some(windows) => opening::next(windows, from),
    };
    match opens.filter(|opens| *opens < wait_until) {
        Some(opens) if opens <= time => Some(now(windows, time, wait_until)),
        Some(opens) => Some(Start::Later { opens, wait_until }),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ms(text: &str) -> UnixMs {
        text.parse().unwrap()
    }

    fn mondays(outside: &str) -> MaintenanceWindows {
        serde_json::from_value(json!({
            "zone": "UTC",
            "weekly": [{"days": ["monday"], "from": "20:00", "to": "22:00"}],
            "outside": outside,
        }))
        .unwrap()
    }

    fn asked(now: &str, not_before: Option<&str>) -> Asked {
        Asked {
            now: ms(now),
            not_before: not_before.map(ms),
            hurries: false,
        }
    }

    #[test]
    fn without_windows_it_begins_when_it_is_asked_to() {
        let now = asked("2026-07-06T12:00:00Z", None);
        let expires = ms("2026-07-07T12:00:00Z");
        let begins = Start::Now {
            expires,
            wait_until: None,
            hurried: false,
        };
        assert_eq!(start(None, now).unwrap(), begins);
        let past = asked("2026-07-06T12:00:00Z", Some("2026-07-01T12:00:00Z"));
        assert_eq!(start(None, past).unwrap(), begins);
        let later = asked("2026-07-06T12:00:00Z", Some("2026-07-08T12:00:00Z"));
        let begins = start(None, later).unwrap();
        assert!(matches!(begins, Start::Later { opens, .. } if opens == ms("2026-07-08T12:00:00Z")));
    }

    #[test]
    fn an_order_holds_until_the_window_closes() {
        let begins = start(Some(&mondays("refuse")), asked("2026-07-06T20:30:00Z", None)).unwrap();
        let Start::Now {
            expires,
            wait_until,
            hurried: false,
        } = begins
        else {
            panic!("{begins:?}")
        };
        assert_eq!(expires, ms("2026-07-06T22:00:00Z"));
        assert_eq!(wait_until, Some(ms("2026-08-06T20:30:00Z")));
    }

    #[test]
    fn outside_it_waits_is_refused_or_hurries() {
        let early = asked("2026-07-06T12:00:00Z", None);
        let begins = start(Some(&mondays("wait")), early).unwrap();
        assert!(matches!(begins, Start::Later { opens, .. } if opens == ms("2026-07-06T20:00:00Z")));
        let refused = start(Some(&mondays("refuse")), early).unwrap_err();
        assert!(matches!(refused, SchemaError::OutsideWindows(opens) if opens == ms("2026-07-06T20:00:00Z")));
        let hurried = Asked {
            hurries: true,
            ..early
        };
        let begins = start(Some(&mondays("refuse")), hurried).unwrap();
        assert_eq!(
            begins,
            Start::Now {
                expires: ms("2026-07-06T13:00:00Z"),
                wait_until: None,
                hurried: true,
            }
        );
        // Asked for in a window that comes, it waits for its time whatever the policy says.
        let planned = asked("2026-07-06T12:00:00Z", Some("2026-07-06T21:00:00Z"));
        let begins = start(Some(&mondays("refuse")), planned).unwrap();
        assert!(matches!(begins, Start::Later { opens, .. } if opens == ms("2026-07-06T21:00:00Z")));
    }

    #[test]
    fn what_can_t_begin_for_a_month_is_refused_and_what_waited_for_one_is_given_up() {
        let mut frozen = mondays("wait");
        frozen.freezes = serde_json::from_value(json!([
            {"from": "2026-07-01T00:00:00Z", "to": "2026-09-01T00:00:00Z"},
        ]))
        .unwrap();
        let refused = start(Some(&frozen), asked("2026-07-06T12:00:00Z", None)).unwrap_err();
        assert!(matches!(refused, SchemaError::NoWindow));
        let (now, until) = (ms("2026-07-06T12:00:00Z"), ms("2026-08-06T12:00:00Z"));
        assert_eq!(start_of_waiting(Some(&frozen), now, (None, until)), None);
        assert_eq!(start_of_waiting(None, until, (None, until)), None);
        let opens = ms("2026-07-06T20:00:00Z");
        let windows = mondays("wait");
        assert_eq!(
            start_of_waiting(Some(&windows), now, (None, until)),
            Some(Start::Later {
                opens,
                wait_until: until
            })
        );
        let begins = start_of_waiting(Some(&windows), opens, (Some(now), until));
        assert!(matches!(begins, Some(Start::Now { expires, .. }) if expires == ms("2026-07-06T22:00:00Z")));
    }
}
