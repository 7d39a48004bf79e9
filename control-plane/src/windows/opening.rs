//! Where an environment's maintenance windows stand at a time, and when the next one opens: a function of what people
//! wrote and the time, without memory and without a clock.
//!
//! People write times of a clock on the wall. `22:00` is the first moment at which the clock there shows 22:00 or later: so
//! a time that is skipped when clocks are put forward is the moment when they are, and of one that comes twice
//! the first counts. A window that lies wholly in what is skipped doesn't come on that day.

use chrono::{DateTime, Days, Duration, LocalResult, NaiveDate, NaiveDateTime, TimeDelta, TimeZone as _};
use chrono_tz::Tz;
use muster_base::UnixMs;

use super::{MaintenanceWindows, Weekday, WeeklyWindow};

/// Windows come every week; one that is empty on a day comes the week after.
const LOOK_AHEAD_DAYS: u64 = 15;
/// Windows that follow one another for longer than this always do.
const ALWAYS_DAYS: i64 = 8;

/// Where windows stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Things may begin, until it closes; it never does if that is none.
    Open { closes: Option<UnixMs> },
    /// Nothing may begin until one opens; none ever does if that is none.
    Shut { opens: Option<UnixMs> },
}

/// Where they stand at this time.
pub(crate) fn at(windows: &MaintenanceWindows, time: UnixMs) -> Standing {
    match next(windows, time) {
        Some(opens) if opens <= time => Standing::Open {
            closes: closes(windows, time),
        },
        opens => Standing::Shut { opens },
    }
}

/// The first time from this one on at which something may begin: this one if a window is open.
pub(crate) fn next(windows: &MaintenanceWindows, from: UnixMs) -> Option<UnixMs> {
    let mut time = from;
    // Each turn leaves a freeze behind, or goes to a window's beginning.
    for _ in 0..2 * windows.freezes.len() + 2 {
        if let Some(freeze) = windows
            .freezes
            .iter()
            .find(|freeze| freeze.from <= time && time < freeze.to)
        {
            time = freeze.to;
            continue;
        }
        let opens = next_of_week(windows, time)?;
        if opens == time {
            return Some(time);
        }
        time = opens;
    }
    None
}

/// When what is open at this time closes.
fn closes(windows: &MaintenanceWindows, time: UnixMs) -> Option<UnixMs> {
    let freezes = windows.freezes.iter().map(|freeze| freeze.from);
    let frozen = freezes.filter(|from| *from > time).min();
    [closes_of_week(windows, time), frozen]
        .into_iter()
        .flatten()
        .min()
}

fn closes_of_week(windows: &MaintenanceWindows, time: UnixMs) -> Option<UnixMs> {
    if windows.weekly.is_empty() {
        return None;
    }
    let tz = windows.tz();
    let mut spans: Vec<_> = days_around(tz, time, 1, LOOK_AHEAD_DAYS)
        .flat_map(|day| spans_of(windows, tz, day))
        .collect();
    spans.sort_unstable();
    let mut closes = time;
    for (from, to) in spans {
        if from <= closes {
            closes = closes.max(to);
        }
    }
    (closes.ms_since(time) <= ALWAYS_DAYS * UnixMs::DAY).then_some(closes)
}

fn next_of_week(windows: &MaintenanceWindows, time: UnixMs) -> Option<UnixMs> {
    if windows.weekly.is_empty() {
        return Some(time);
    }
    let tz = windows.tz();
    days_around(tz, time, 1, LOOK_AHEAD_DAYS).find_map(|day| {
        let spans = spans_of(windows, tz, day).filter(|(_, to)| *to > time);
        spans.map(|(from, _)| from.max(time)).min()
    })
}

/// The days there around this time, in their order.
fn days_around(tz: Tz, time: UnixMs, before: u64, after: u64) -> impl Iterator<Item = NaiveDate> {
    let today = DateTime::from_timestamp_millis(time.0).map(|utc| utc.with_timezone(&tz).date_naive());
    let first = today.and_then(|today| today.checked_sub_days(Days::new(before)));
    first.into_iter().flat_map(move |first| {
        first
            .iter_days()
            .take(usize::try_from(before + after + 1).unwrap_or(usize::MAX))
    })
}

/// The windows that open on this day: when they open and close.
fn spans_of(windows: &MaintenanceWindows, tz: Tz, day: NaiveDate) -> impl Iterator<Item = (UnixMs, UnixMs)> {
    let name = weekday(day);
    let that_day = windows
        .weekly
        .iter()
        .filter(move |window| window.days.contains(&name));
    that_day
        .filter_map(move |window| span(window, tz, day))
        .filter(|(from, to)| from < to)
}

fn span(window: &WeeklyWindow, tz: Tz, day: NaiveDate) -> Option<(UnixMs, UnixMs)> {
    let end = if window.to > window.from {
        day
    } else {
        day.checked_add_days(Days::new(1))?
    };
    let moment = |day: NaiveDate, minutes: u16| {
        let midnight = day.and_hms_opt(0, 0, 0)?;
        Some(first_moment(
            tz,
            midnight.checked_add_signed(TimeDelta::minutes(minutes.into()))?,
        ))
    };
    Some((
        moment(day, window.from.minutes())?,
        moment(end, window.to.minutes())?,
    ))
}

/// The first moment at which a clock there shows this time or a later one.
fn first_moment(tz: Tz, shown: NaiveDateTime) -> UnixMs {
    match tz.from_local_datetime(&shown) {
        LocalResult::Single(moment) | LocalResult::Ambiguous(moment, _) => UnixMs(moment.timestamp_millis()),
        LocalResult::None => skipped(tz, shown),
    }
}

/// When the clocks were put forward past this time, which they never show.
fn skipped(tz: Tz, shown: NaiveDateTime) -> UnixMs {
    let reached = |seconds: i64| {
        DateTime::from_timestamp(seconds, 0).is_none_or(|utc| utc.with_timezone(&tz).naive_local() >= shown)
    };
    let near = shown.and_utc().timestamp();
    // Clocks differ from UTC by less than a day, and are not changed back within one.
    let (mut before, mut after) = (
        near - Duration::days(1).num_seconds(),
        near + Duration::days(1).num_seconds(),
    );
    while after - before > 1 {
        let middle = i64::midpoint(before, after);
        if reached(middle) {
            after = middle;
        } else {
            before = middle;
        }
    }
    UnixMs(after.saturating_mul(UnixMs::SECOND))
}

fn weekday(day: NaiveDate) -> Weekday {
    use chrono::{Datelike as _, Weekday as Day};
    match day.weekday() {
        Day::Mon => Weekday::Monday,
        Day::Tue => Weekday::Tuesday,
        Day::Wed => Weekday::Wednesday,
        Day::Thu => Weekday::Thursday,
        Day::Fri => Weekday::Friday,
        Day::Sat => Weekday::Saturday,
        Day::Sun => Weekday::Sunday,
    }
}

#[cfg(test)]
mod tests {
    use chrono::Timelike as _;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::windows::Freeze;

    const DAYS: [Weekday; 7] = [
        Weekday::Monday,
        Weekday::Tuesday,
        Weekday::Wednesday,
        Weekday::Thursday,
        Weekday::Friday,
        Weekday::Saturday,
        Weekday::Sunday,
    ];

    fn windows(zone: &str, weekly: Value) -> MaintenanceWindows {
        serde_json::from_value(json!({"zone": zone, "weekly": weekly})).unwrap()
    }

    fn ms(text: &str) -> UnixMs {
        text.parse().unwrap()
    }

    fn sundays(from: &str, to: &str) -> MaintenanceWindows {
        windows(
            "Europe/Berlin",
            json!([{"days": ["sunday"], "from": from, "to": to}]),
        )
    }

    /// Where it stands, as text: when it closes or opens.
    fn stands(windows: &MaintenanceWindows, time: &str) -> String {
        match at(windows, ms(time)) {
            Standing::Open { closes } => format!("closes {}", said(closes)),
            Standing::Shut { opens } => format!("opens {}", said(opens)),
        }
    }

    fn said(time: Option<UnixMs>) -> String {
        time.map_or_else(|| "never".to_owned(), |time| time.to_string())
    }

    #[test]
    fn a_window_over_midnight_is_of_the_day_on_which_it_opens() {
        let nights = windows(
            "Europe/Berlin",
            json!([{"days": ["monday"], "from": "22:00", "to": "04:00"}]),
        );
        // Summer: two hours before UTC.
        assert_eq!(
            stands(&nights, "2026-07-06T19:59:59Z"),
            "opens 2026-07-06T20:00:00.000Z"
        );
        assert_eq!(
            stands(&nights, "2026-07-06T20:00:00Z"),
            "closes 2026-07-07T02:00:00.000Z"
        );
        assert_eq!(
            stands(&nights, "2026-07-07T01:59:59Z"),
            "closes 2026-07-07T02:00:00.000Z"
        );
        assert_eq!(
            stands(&nights, "2026-07-07T02:00:00Z"),
            "opens 2026-07-13T20:00:00.000Z"
        );
    }

    #[test]
    fn a_time_that_clocks_skip_is_the_moment_when_they_are_put_forward() {
        // 2026-03-29 in Berlin: at 02:00 it is 03:00, which is 01:00 UTC.
        let opens_in_it = sundays("02:30", "04:00");
        assert_eq!(
            stands(&opens_in_it, "2026-03-29T00:00:00Z"),
            "opens 2026-03-29T01:00:00.000Z"
        );
        assert_eq!(
            stands(&opens_in_it, "2026-03-29T01:00:00Z"),
            "closes 2026-03-29T02:00:00.000Z"
        );
        let closes_in_it = sundays("01:00", "02:30");
        assert_eq!(
            stands(&closes_in_it, "2026-03-29T00:30:00Z"),
            "closes 2026-03-29T01:00:00.000Z"
        );
        let lies_in_it = sundays("02:10", "02:50");
        assert_eq!(
            stands(&lies_in_it, "2026-03-28T12:00:00Z"),
            "opens 2026-04-05T00:10:00.000Z"
        );
    }

    #[test]
    fn of_a_time_that_comes_twice_the_first_counts() {
        // 2026-10-25 in Berlin: 02:00 to 03:00 comes at 00:00 UTC and again at 01:00 UTC.
        let within = sundays("02:15", "02:45");
        assert_eq!(
            stands(&within, "2026-10-24T12:00:00Z"),
            "opens 2026-10-25T00:15:00.000Z"
        );
        assert_eq!(
            stands(&within, "2026-10-25T00:15:00Z"),
            "closes 2026-10-25T00:45:00.000Z"
        );
        assert_eq!(
            stands(&within, "2026-10-25T01:15:00Z"),
            "opens 2026-11-01T01:15:00.000Z"
        );
        let around = sundays("01:00", "04:00");
        assert_eq!(
            stands(&around, "2026-10-24T23:00:00Z"),
            "closes 2026-10-25T03:00:00.000Z"
        );
    }

    #[test]
    fn a_day_that_a_country_left_out_has_no_window() {
        // Samoa went from the evening of the 29th to the 31st of December 2011.
        let friday = windows(
            "Pacific/Apia",
            json!([{"days": ["friday"], "from": "08:00", "to": "10:00"}]),
        );
        assert_eq!(
            stands(&friday, "2011-12-30T08:00:00Z"),
            "opens 2012-01-05T18:00:00.000Z"
        );
    }

    #[test]
    fn windows_that_touch_are_one_and_a_full_week_never_closes() {
        let touching = windows(
            "UTC",
            json!([{"days": ["monday"], "from": "20:00", "to": "00:00"}, {"days": ["tuesday"], "from": "00:00", "to": "02:00"}]),
        );
        assert_eq!(
            stands(&touching, "2026-07-06T21:00:00Z"),
            "closes 2026-07-07T02:00:00.000Z"
        );
        let always = windows("UTC", json!([{"days": DAYS, "from": "06:00", "to": "06:00"}]));
        assert_eq!(stands(&always, "2026-07-06T21:00:00Z"), "closes never");
    }

    #[test]
    fn freezes_shut_what_is_open_and_the_windows_come_after_them() {
        let mut windows = windows(
            "UTC",
            json!([{"days": ["monday"], "from": "20:00", "to": "22:00"}]),
        );
        let freeze = |from: &str, to: &str| Freeze {
            from: ms(from),
            to: ms(to),
            reason: String::new(),
        };
        windows.freezes = vec![
            freeze("2026-07-12T00:00:00Z", "2026-07-13T21:00:00Z"),
            freeze("2026-07-06T21:00:00Z", "2026-07-12T12:00:00Z"),
        ];
        assert_eq!(
            stands(&windows, "2026-07-06T20:00:00Z"),
            "closes 2026-07-06T21:00:00.000Z"
        );
        assert_eq!(
            stands(&windows, "2026-07-06T21:00:00Z"),
            "opens 2026-07-13T21:00:00.000Z"
        );
        assert_eq!(
            stands(&windows, "2026-07-13T21:30:00Z"),
            "closes 2026-07-13T22:00:00.000Z"
        );
        windows.weekly.clear();
        assert_eq!(
            stands(&windows, "2026-07-01T00:00:00Z"),
            "closes 2026-07-06T21:00:00.000Z"
        );
        assert_eq!(stands(&windows, "2026-07-14T00:00:00Z"), "closes never");
    }

    #[test]
    fn times_beyond_the_calendar_are_no_trouble() {
        let nights = windows(
            "Europe/Berlin",
            json!([{"days": ["monday"], "from": "22:00", "to": "04:00"}]),
        );
        for time in [i64::MIN, i64::MAX, 253_402_300_799_000].map(UnixMs) {
            at(&nights, time);
        }
    }

    fn weekly() -> impl Strategy<Value = Vec<WeeklyWindow>> {
        let time = (0_u16..24 * 60).prop_map(|minutes| {
            let text = format!("{:02}:{:02}", minutes / 60, minutes % 60);
            text.parse().unwrap()
        });
        let days = prop::sample::subsequence(DAYS.to_vec(), 1..=7);
        let window = (days, time.clone(), time).prop_map(|(days, from, to)| WeeklyWindow { days, from, to });
        prop::collection::vec(window, 0..4)
    }

    fn any_windows(zones: &'static [&'static str]) -> impl Strategy<Value = MaintenanceWindows> {
        let freeze = (SPAN, 1_i64..30 * UnixMs::DAY).prop_map(|(from, lasts)| Freeze {
            from: UnixMs(from),
            to: UnixMs(from + lasts),
            reason: String::new(),
        });
        let freezes = prop::collection::vec(freeze, 0..4);
        (prop::sample::select(zones), weekly(), freezes).prop_map(|(zone, weekly, freezes)| {
            MaintenanceWindows {
                zone: zone.to_owned(),
                weekly,
                freezes,
                outside: super::super::OutsideWindows::Wait,
                anyone_may_override: false,
            }
        })
    }

    /// 2026, in milliseconds.
    const SPAN: std::ops::Range<i64> = 1_767_225_600_000..1_798_761_600_000;
    const ZONES: &[&str] = &[
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "America/Havana",
        "Australia/Lord_Howe",
        "Asia/Kolkata",
        "Africa/Casablanca",
        "Pacific/Chatham",
    ];
    const STEADY: &[&str] = &["UTC", "Asia/Kolkata", "Asia/Shanghai", "Asia/Kathmandu"];

    fn is_open(windows: &MaintenanceWindows, time: UnixMs) -> bool {
        matches!(at(windows, time), Standing::Open { .. })
    }

    /// What somebody would say who looks at the clock on the wall; true where clocks are never changed.
    fn wall_says_open(windows: &MaintenanceWindows, time: UnixMs) -> bool {
        let frozen = windows
            .freezes
            .iter()
            .any(|freeze| freeze.from <= time && time < freeze.to);
        let shown = DateTime::from_timestamp_millis(time.0)
            .unwrap()
            .with_timezone(&windows.tz());
        let minutes = u16::try_from(shown.hour() * 60 + shown.minute()).unwrap();
        let today = weekday(shown.date_naive());
        let yesterday = weekday(shown.date_naive().pred_opt().unwrap());
        let in_window = |window: &WeeklyWindow| {
            let (from, to) = (window.from.minutes(), window.to.minutes());
            if from < to {
                window.days.contains(&today) && (from..to).contains(&minutes)
            } else {
                (window.days.contains(&today) && minutes >= from)
                    || (window.days.contains(&yesterday) && minutes < to)
            }
        };
        !frozen && (windows.weekly.is_empty() || windows.weekly.iter().any(in_window))
    }

    proptest! {
        #[test]
        fn it_is_what_the_clock_on_the_wall_says(windows in any_windows(STEADY), time in SPAN) {
            let time = UnixMs(time);
            prop_assert_eq!(is_open(&windows, time), wall_says_open(&windows, time));
        }

        #[test]
        fn the_next_opening_is_open_and_nothing_before_it_is(
            windows in any_windows(ZONES), time in SPAN, part in 0.0..1.0_f64,
        ) {
            let time = UnixMs(time);
            let opens = next(&windows, time);
            prop_assert!(opens.is_some(), "windows come every week");
            let opens = opens.unwrap();
            prop_assert!(opens >= time);
            prop_assert!(is_open(&windows, opens));
            #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "any time between")]
            let between = time.plus_ms((opens.ms_since(time) as f64 * part) as i64);
            prop_assert!(between >= opens || !is_open(&windows, between));
        }

        #[test]
        fn it_is_open_until_it_closes_and_shut_then(
            windows in any_windows(ZONES), time in SPAN, part in 0.0..1.0_f64,
        ) {
            let opens = next(&windows, UnixMs(time)).unwrap();
            if let Standing::Open { closes: Some(closes) } = at(&windows, opens) {
                prop_assert!(closes > opens);
                prop_assert!(!is_open(&windows, closes));
                #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "any time between")]
                let between = opens.plus_ms((closes.ms_since(opens) as f64 * part) as i64);
                prop_assert_eq!(at(&windows, between), Standing::Open { closes: Some(closes) });
            }
        }
    }
}
