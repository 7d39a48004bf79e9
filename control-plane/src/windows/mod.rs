//! Maintenance windows of an environment, as people write them: when releases, or deployments of an application, may begin
//! there. Where they stand at a time is worked out in [`opening`]. Who keeps them, and what they hold up, is said in the
//! rooms [`crate::schema`] and [`crate::delivery`].

pub(crate) mod opening;

use std::{fmt, str::FromStr};

use chrono_tz::Tz;
use muster_base::UnixMs;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

use crate::{error::FieldError, flaw::Flaw};

const MOST_WINDOWS: usize = 20;
const MOST_FREEZES: usize = 50;
const MOST_REASON: usize = 200;
const MINUTES_OF_A_DAY: u16 = 24 * 60;

/// When releases or deployments may begin in an environment. What has begun goes on when a window closes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MaintenanceWindows {
    /// IANA name of the time zone that `weekly` is in, for instance `Europe/Berlin`. A time that the clocks skip there counts
    /// as the moment when they are changed; of one that comes twice, the first counts.
    #[schema(max_length = 64)]
    pub zone: String,
    /// Windows that come every week; one that is empty is always open, but for the freezes.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub weekly: Vec<WeeklyWindow>,
    /// When nothing begins, whatever `weekly` says.
    #[serde(default)]
    #[schema(max_items = 50)]
    pub freezes: Vec<Freeze>,
    /// What becomes of what is asked for while no window is open.
    #[serde(default)]
    pub outside: OutsideWindows,
    /// Whether everybody who may execute a release, or deploy, may begin outside the windows, with a reason; else it takes
    /// `window:override`.
    #[serde(default)]
    pub anyone_may_override: bool,
}

/// Where an environment's windows stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WindowNow {
    /// Whether something may begin.
    pub open: bool,
    /// When that ends; null if it doesn't, or nothing is open.
    #[schema(required)]
    pub closes_at: Option<UnixMs>,
    /// When the next one opens; null if none does, or one is open.
    #[schema(required)]
    pub opens_at: Option<UnixMs>,
    /// The windows.
    pub windows: MaintenanceWindows,
}

impl WindowNow {
    /// Where they stand at this time.
    pub(crate) fn of(windows: MaintenanceWindows, now: UnixMs) -> Self {
        let (open, closes_at, opens_at) = match opening::at(&windows, now) {
            opening::Standing::Open { closes } => (true, closes, None),
            opening::Standing::Shut { opens } => (false, None, opens),
        };
        Self {
            open,
            closes_at,
            opens_at,
            windows,
        }
    }
}

/// A window that comes every week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WeeklyWindow {
    /// The days on which it opens.
    #[schema(min_items = 1, max_items = 7)]
    pub days: Vec<Weekday>,
    /// When it opens.
    pub from: TimeOfDay,
    /// When it closes: on the next day, unless it is later than `from`. The same time twice is a whole day.
    pub to: TimeOfDay,
}

/// Nothing begins from one time to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Freeze {
    /// From then on.
    pub from: UnixMs,
    /// Until then.
    pub to: UnixMs,
    /// Why, for people.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub reason: String,
}

/// What becomes of what is asked for while no window is open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum OutsideWindows {
    /// It waits for the next one.
    #[default]
    Wait,
    /// It is refused.
    Refuse,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "their names say it")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// A time that a clock on the wall shows, to the minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay(u16);

impl TimeOfDay {
    /// Minutes since midnight.
    pub(crate) const fn minutes(self) -> u16 {
        self.0
    }
}

impl FromStr for TimeOfDay {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (hours, minutes) = text.split_once(':').ok_or(())?;
        let number = |digits: &str, below: u16| {
            let plain = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
            let number = digits.parse::<u16>().ok().filter(|number| *number < below);
            number.filter(|_| plain).ok_or(())
        };
        Ok(Self(number(hours, 24)? * 60 + number(minutes, 60)?))
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = self.0 % MINUTES_OF_A_DAY;
        write!(f, "{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

impl Serialize for TimeOfDay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TimeOfDay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|()| D::Error::custom("a time of day such as \"22:30\""))
    }
}

impl PartialSchema for TimeOfDay {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some("^([01][0-9]|2[0-3]):[0-5][0-9]$"))
            .examples(["22:30"])
            .description(Some(
                "A time that a clock on the wall shows, for instance `22:30`.",
            ))
            .into()
    }
}

impl ToSchema for TimeOfDay {}

impl MaintenanceWindows {
    /// What is wrong with them. `field` is where they stand in the body.
    pub(crate) fn faults(&self, field: &str) -> Vec<FieldError> {
        let mut wrong = Vec::new();
        let mut check = |holds: bool, place: String, flaw: Flaw| {
            if !holds {
                wrong.push(FieldError::new(place, flaw));
            }
        };
        let known = self.zone.parse::<Tz>().is_ok();
        check(known, format!("{field}.zone"), Flaw::NoSuch("time zone"));
        let few = self.weekly.len() <= MOST_WINDOWS;
        check(few, format!("{field}.weekly"), Flaw::TooMany(MOST_WINDOWS));
        for (nth, window) in self.weekly.iter().enumerate() {
            let days = format!("{field}.weekly[{nth}].days");
            check(!window.days.is_empty(), days.clone(), Flaw::Needed);
            check(window.days.len() <= 7, days, Flaw::TooMany(7));
        }
        let few = self.freezes.len() <= MOST_FREEZES;
        check(few, format!("{field}.freezes"), Flaw::TooMany(MOST_FREEZES));
        for (nth, freeze) in self.freezes.iter().enumerate() {
            let place = format!("{field}.freezes[{nth}]");
            check(freeze.from < freeze.to, format!("{place}.to"), Flaw::AfterStart);
            let short = freeze.reason.chars().count() <= MOST_REASON;
            check(short, format!("{place}.reason"), Flaw::TooLong(MOST_REASON));
        }
        wrong
    }

    /// Whether nothing begins from now (or its beginning, if that is to come) to the end of this freeze.
    pub(crate) fn freezes_all_of(&self, freeze: &Freeze, now: UnixMs) -> bool {
        let mut time = freeze.from.max(now);
        while time < freeze.to {
            let here = self
                .freezes
                .iter()
                .filter(|one| one.from <= time && time < one.to);
            let Some(until) = here.map(|one| one.to).max() else {
                return false;
            };
            time = until;
        }
        true
    }

    /// Whether something that the windows keep from beginning may begin more easily after the change: there are none any more,
    /// everybody may begin outside of them, or a freeze ends that has not ended or is cut short.
    pub(crate) fn is_looser(before: Option<&Self>, after: Option<&Self>, now: UnixMs) -> bool {
        let Some(before) = before else {
            return false;
        };
        let Some(after) = after else {
            return true;
        };
        (after.anyone_may_override && !before.anyone_may_override)
            || before
                .freezes
                .iter()
                .any(|freeze| !after.freezes_all_of(freeze, now))
    }

    /// The zone. It was looked at when they were set; a zone that a later version of the database lacks is UTC.
    pub(crate) fn tz(&self) -> Tz {
        self.zone.parse().unwrap_or(Tz::UTC)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day_are_read_as_people_write_them() {
        for good in ["00:00", "09:05", "23:59"] {
            assert_eq!(good.parse::<TimeOfDay>().unwrap().to_string(), good);
        }
        for wrong in ["", "9:05", "24:00", "12:60", "+1:00", "12:00:00", "1２:00", "12"] {
            assert!(wrong.parse::<TimeOfDay>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_freeze_is_kept_by_those_that_cover_what_is_to_come_of_it() {
        let windows: MaintenanceWindows = serde_json::from_value(serde_json::json!({
            "zone": "UTC",
            "freezes": [
                {"from": "2026-12-22T00:00:00Z", "to": "2026-12-28T00:00:00Z"},
                {"from": "2026-12-20T00:00:00Z", "to": "2026-12-24T00:00:00Z"},
            ],
        }))
        .unwrap();
        let ms = |text: &str| text.parse::<UnixMs>().unwrap();
        let kept = |from: &str, to: &str, now: &str| {
            let freeze = Freeze {
                from: ms(from),
                to: ms(to),
                reason: String::new(),
            };
            windows.freezes_all_of(&freeze, ms(now))
        };
        let (early, within) = ("2026-12-01T00:00:00Z", "2026-12-21T00:00:00Z");
        assert!(kept("2026-12-20T00:00:00Z", "2026-12-28T00:00:00Z", early));
        assert!(!kept("2026-12-19T00:00:00Z", "2026-12-28T00:00:00Z", early));
        assert!(kept("2026-12-19T00:00:00Z", "2026-12-28T00:00:00Z", within));
        assert!(!kept("2026-12-20T00:00:00Z", "2026-12-28T00:00:01Z", within));
        assert!(
            kept("2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z", early),
            "it is over"
        );
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let windows: MaintenanceWindows = serde_json::from_value(serde_json::json!({
            "zone": "Mars/Olympus",
            "weekly": [{"days": [], "from": "22:00", "to": "04:00"}],
            "freezes": [{"from": "2026-12-20T00:00:00Z", "to": "2026-12-20T00:00:00Z"}],
        }))
        .unwrap();
        let wrong: Vec<_> = windows
            .faults("windows")
            .into_iter()
            .map(|error| (error.field, error.code))
            .collect();
        let field = |name: &str| format!("windows.{name}");
        assert_eq!(
            wrong,
            [
                (field("zone"), "no-such"),
                (field("weekly[0].days"), "needed"),
                (field("freezes[0].to"), "after-start"),
            ]
        );
    }
}
