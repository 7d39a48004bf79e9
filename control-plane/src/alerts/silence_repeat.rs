//! Silences that come again: on weekdays, from one time of day to another, in a zone. When they do is worked out as it is for
//! maintenance windows ([`crate::windows`]), so that clocks that change are understood in one place.

use muster_base::UnixMs;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::fields::Fields;
use crate::{
    flaw::Flaw,
    windows::{
        MaintenanceWindows, OutsideWindows, WeeklyWindow,
        opening::{self, Standing},
    },
};

/// When a silence counts between its beginning and its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = AlertSilenceRepeat)]
pub struct Repeat {
    /// IANA name of the time zone of `weekly`, for instance `Europe/Berlin`. A time that the clocks skip there counts as the
    /// moment when they are changed; of one that comes twice, the first counts.
    #[schema(max_length = 64)]
    pub zone: String,
    /// When it counts, every week.
    #[schema(min_items = 1, max_items = 20)]
    pub weekly: Vec<WeeklyWindow>,
}

/// The time that a silence counts for now, or next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AlertSilenceOccurrence)]
pub struct Occurrence {
    /// From when; null if it counts already.
    #[schema(required)]
    pub from: Option<UnixMs>,
    /// Until when.
    pub to: UnixMs,
}

impl Repeat {
    pub(super) fn check(&self, fields: &mut Fields) {
        fields.check(!self.weekly.is_empty(), "repeats.weekly", Flaw::Needed);
        fields.add(self.windows().faults("repeats"));
    }

    /// The occurrence at this time or after it, of a silence that begins and ends at these; none if there is none any more.
    pub(super) fn occurrence(
        &self,
        (starts_at, ends_at): (UnixMs, UnixMs),
        now: UnixMs,
    ) -> Option<Occurrence> {
        let windows = self.windows();
        let earliest = starts_at.max(now);
        let from = opening::next(&windows, earliest).filter(|from| *from < ends_at)?;
        let closes = match opening::at(&windows, from) {
            Standing::Open { closes } => closes,
            Standing::Shut { .. } => return None,
        };
        Some(Occurrence {
            from: (from > now).then_some(from),
            to: closes.map_or(ends_at, |closes| closes.min(ends_at)),
        })
    }

    fn windows(&self) -> MaintenanceWindows {
        MaintenanceWindows {
            zone: self.zone.clone(),
            weekly: self.weekly.clone(),
            freezes: Vec::new(),
            outside: OutsideWindows::Wait,
            anyone_may_override: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ms(text: &str) -> UnixMs {
        text.parse().unwrap()
    }

    fn at(from: &str, to: &str, now: &str) -> Option<(Option<String>, String)> {
        let nights: Repeat = serde_json::from_value(json!({
            "zone": "Europe/Berlin",
            "weekly": [{"days": ["saturday", "sunday"], "from": "02:30", "to": "04:00"}],
        }))
        .unwrap();
        let found = nights.occurrence((ms(from), ms(to)), ms(now))?;
        Some((found.from.map(|from| from.to_string()), found.to.to_string()))
    }

    #[expect(
        clippy::unnecessary_wraps,
        reason = "it is held against an answer that may be none"
    )]
    fn said(from: &str, to: &str) -> Option<(Option<String>, String)> {
        let ms = |text: &str| format!("{text}:00.000Z");
        Some(((!from.is_empty()).then(|| ms(from)), ms(to)))
    }

    #[test]
    fn it_counts_while_a_window_is_open_between_its_beginning_and_end() {
        let (from, to) = ("2026-03-20T00:00:00Z", "2026-10-26T00:00:00Z");
        assert_eq!(
            at(from, to, "2026-03-01T00:00:00Z"),
            said("2026-03-21T01:30", "2026-03-21T03:00")
        );
        assert_eq!(at(from, to, "2026-03-21T01:30:00Z"), said("", "2026-03-21T03:00"));
        assert_eq!(
            at(from, to, "2026-03-21T03:00:00Z"),
            said("2026-03-22T01:30", "2026-03-22T03:00")
        );
        // Clocks are put forward past its beginning: it begins when they are.
        assert_eq!(
            at(from, to, "2026-03-28T12:00:00Z"),
            said("2026-03-29T01:00", "2026-03-29T02:00")
        );
        // And back: of the time that comes twice the first counts.
        assert_eq!(
            at(from, to, "2026-10-24T12:00:00Z"),
            said("2026-10-25T00:30", "2026-10-25T03:00")
        );
        assert_eq!(
            at(from, to, "2026-10-25T03:00:00Z"),
            None,
            "the next one comes after its end"
        );
    }

    #[test]
    fn its_beginning_and_end_cut_an_occurrence() {
        let (from, to) = ("2026-07-04T01:00:00Z", "2026-07-05T01:00:00Z");
        assert_eq!(
            at(from, to, "2026-07-01T00:00:00Z"),
            said("2026-07-04T01:00", "2026-07-04T02:00")
        );
        assert_eq!(
            at(from, to, "2026-07-04T02:00:00Z"),
            said("2026-07-05T00:30", "2026-07-05T01:00")
        );
        assert_eq!(at(from, to, "2026-07-05T01:00:00Z"), None);
    }
}
