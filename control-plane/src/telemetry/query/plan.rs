//! From parameters to a plan.

use muster_base::UnixMs;
use muster_metrics::{Series, Subject};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    error::FieldError,
    telemetry::{TelemetryError, keeping::KeptDays},
};

const MAX_SERIES: usize = 64;
const MAX_POINTS: i64 = 5_000;
/// Without a step, the narrowest one that gives no more points than this.
const USUAL_POINTS: i64 = 400;
/// Steps that divide an hour or a day, so that points stand at round times.
const STEPS_S: [i64; 16] = [
    1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400,
];
const DEFAULT_SPAN_MS: i64 = UnixMs::HOUR;
/// Spans up to here are answered from raw samples, unless a step says otherwise.
const RAW_SPAN_MS: i64 = 36 * UnixMs::HOUR;
/// Spans up to here are answered from hours.
const HOUR_SPAN_MS: i64 = 60 * UnixMs::DAY;

/// Where points come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Samples.
    #[default]
    Raw,
    /// Hourly rollups.
    Hour,
    /// Daily rollups.
    Day,
}

/// What is told of the values in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Stat {
    Avg,
    Min,
    Max,
    P95,
    Last,
    Count,
}

impl Stat {
    const ALL: [Self; 6] = [
        Self::Avg,
        Self::Min,
        Self::Max,
        Self::P95,
        Self::Last,
        Self::Count,
    ];

    /// What it is called.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Avg => "avg",
            Self::Min => "min",
            Self::Max => "max",
            Self::P95 => "p95",
            Self::Last => "last",
            Self::Count => "count",
        }
    }
}

/// Which readings.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MetricsQuery {
    /// Names of series, separated by commas, such as `cpu.total,disk.*.used`; `*` stands for every instance. For a
    /// container the leading `container.` may be left out.
    pub series: String,
    /// From this time on: RFC 3339, or milliseconds since the epoch. An hour before `to` by default.
    pub from: Option<String>,
    /// Before this time; now by default.
    pub to: Option<String>,
    /// Seconds between points, or `30s`, `5m`, `1h`, `1d`. Chosen to fit by default. A step of an hour or a day asks for
    /// the hourly or daily rollups.
    pub step: Option<String>,
    /// Statistics, separated by commas: avg, min, max, p95, last, count. `avg,min,max` by default.
    pub stats: Option<String>,
}

/// What is to be read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    pub(super) series: Vec<Series>,
    /// A multiple of the step.
    pub(super) from: UnixMs,
    pub(super) to: UnixMs,
    pub(super) step_ms: i64,
    pub(super) tier: Tier,
    pub(super) stats: Vec<Stat>,
}

impl Tier {
    pub(super) const fn width_ms(self) -> i64 {
        match self {
            Self::Raw => UnixMs::SECOND,
            Self::Hour => UnixMs::HOUR,
            Self::Day => UnixMs::DAY,
        }
    }
}

pub(super) fn plan(
    query: &MetricsQuery,
    subject: &Subject,
    now: UnixMs,
    kept: KeptDays,
) -> Result<Plan, TelemetryError> {
    let mut wrong = Vec::new();
    let mut take = |field: &str, result: Result<_, String>| {
        result.map_err(|message| {
            wrong.push(FieldError::new(field, message));
        })
    };
    let to = take("to", parse_time(query.to.as_deref(), now));
    let default_from = to.unwrap_or(now).plus_ms(-DEFAULT_SPAN_MS);
    let from = take("from", parse_time(query.from.as_deref(), default_from));
    let wanted_step = parse_step(query.step.as_deref());
    let series = parse_series(&query.series, subject);
    let stats = parse_stats(query.stats.as_deref());
    for (field, error) in [
        ("step", wanted_step.as_ref().err()),
        ("series", series.as_ref().err()),
        ("stats", stats.as_ref().err()),
    ] {
        if let Some(message) = error {
            wrong.push(FieldError::new(field, message.clone()));
        }
    }
    let (Ok(from), Ok(to), Ok(wanted_step), Ok(series), Ok(stats)) = (from, to, wanted_step, series, stats)
    else {
        return Err(TelemetryError::Invalid(wrong));
    };
    let span_ms = to.ms_since(from);
    if span_ms <= 0 {
        return Err(TelemetryError::invalid("from", "must be before `to`"));
    }
    let tier = tier(from, span_ms, wanted_step, now, kept);
    let step_ms = match wanted_step {
        Some(step_ms) => round_up(step_ms.max(tier.width_ms()), tier.width_ms()),
        None => usual_step(span_ms, tier),
    };
    let points = span_ms / step_ms;
    if points > MAX_POINTS {
        let message = format!("gives {points} points, more than {MAX_POINTS}; ask for a wider step");
        return Err(TelemetryError::invalid("step", message));
    }
    Ok(Plan {
        series,
        from: from.floor_to(step_ms),
        to,
        step_ms,
        tier,
        stats,
    })
}

/// What the step asks for, or what suits the span; coarser where the finer is not kept any more.
fn tier(from: UnixMs, span_ms: i64, step_ms: Option<i64>, now: UnixMs, kept: KeptDays) -> Tier {
    let suits = match step_ms {
        Some(step) if step >= UnixMs::DAY => Tier::Day,
        Some(step) if step >= UnixMs::HOUR => Tier::Hour,
        Some(_) => Tier::Raw,
        None if span_ms <= RAW_SPAN_MS => Tier::Raw,
        None if span_ms <= HOUR_SPAN_MS => Tier::Hour,
        None => Tier::Day,
    };
    let age_ms = now.ms_since(from);
    let outlived = |days: u32| age_ms > i64::from(days).saturating_mul(UnixMs::DAY);
    let finest = if outlived(kept.hour) {
        Tier::Day
    } else if outlived(kept.raw) {
        Tier::Hour
    } else {
        Tier::Raw
    };
    suits.max(finest)
}

fn usual_step(span_ms: i64, tier: Tier) -> i64 {
    STEPS_S
        .iter()
        .map(|seconds| seconds * UnixMs::SECOND)
        .filter(|step| step % tier.width_ms() == 0)
        .find(|step| span_ms / step <= USUAL_POINTS)
        .unwrap_or_else(|| round_up(span_ms / USUAL_POINTS, UnixMs::DAY))
}

fn round_up(number: i64, multiple: i64) -> i64 {
    number.saturating_add(multiple - 1) / multiple * multiple
}

/// A time as people and programs write it.
pub(in crate::telemetry) fn parse_time(text: Option<&str>, default: UnixMs) -> Result<UnixMs, String> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(default);
    };
    // Far beyond these, adding a step would overflow.
    let sane = UnixMs(-UnixMs::DAY * 36_500)..UnixMs(UnixMs::DAY * 365_000);
    let time = text.parse().map(UnixMs).or_else(|_| text.parse());
    time.ok().filter(|time| sane.contains(time)).ok_or_else(|| {
        "must be a time such as 2026-01-31T09:30:00Z or milliseconds since the epoch".to_owned()
    })
}

fn parse_step(text: Option<&str>) -> Result<Option<i64>, String> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let (digits, unit) = match text.strip_suffix(['s', 'm', 'h', 'd']) {
        Some(digits) => (digits, &text[digits.len()..]),
        None => (text, "s"),
    };
    let unit_ms = match unit {
        "m" => UnixMs::MINUTE,
        "h" => UnixMs::HOUR,
        "d" => UnixMs::DAY,
        _ => UnixMs::SECOND,
    };
    let number: Option<i64> = digits
        .parse()
        .ok()
        .filter(|number| (1..=1_000_000).contains(number));
    number
        .and_then(|number| number.checked_mul(unit_ms))
        .map(Some)
        .ok_or_else(|| "must be a number of seconds, or such as 30s, 5m, 1h, 1d".to_owned())
}

pub(super) fn parse_series(text: &str, subject: &Subject) -> Result<Vec<Series>, String> {
    let names: Vec<&str> = text
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect();
    if names.is_empty() {
        return Err("names no series; ask for some, such as cpu.total,memory.used".to_owned());
    }
    if names.len() > MAX_SERIES {
        return Err(format!("names {} series, more than {MAX_SERIES}", names.len()));
    }
    names
        .into_iter()
        .map(|name| match subject {
            Subject::Container(_) if !name.starts_with("container.") => format!("container.{name}").parse(),
            Subject::Container(_) | Subject::Host => name.parse(),
        })
        .collect::<Result<Vec<Series>, _>>()
        .map_err(|error| format!("{error}; `GET /api/v1/metrics/series` lists them"))
}

pub(super) fn parse_stats(text: Option<&str>) -> Result<Vec<Stat>, String> {
    let text = text.filter(|text| !text.is_empty()).unwrap_or("avg,min,max");
    let mut stats = Vec::new();
    for name in text.split(',') {
        let name = name.trim();
        let Some(stat) = Stat::ALL.into_iter().find(|stat| stat.name() == name) else {
            return Err(format!("`{name}` is none of avg, min, max, p95, last, count"));
        };
        if !stats.contains(&stat) {
            stats.push(stat);
        }
    }
    Ok(stats)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TelemetryConfig;

    const NOW: UnixMs = UnixMs(1_780_000_000_000);

    fn planned(from_hours_ago: i64, step: Option<&str>) -> (Tier, i64) {
        let query = MetricsQuery {
            series: "cpu.total".into(),
            from: Some(NOW.plus_ms(-from_hours_ago * UnixMs::HOUR).0.to_string()),
            step: step.map(str::to_owned),
            ..MetricsQuery::default()
        };
        let plan = plan(
            &query,
            &Subject::Host,
            NOW,
            KeptDays::from(&TelemetryConfig::default()),
        )
        .unwrap();
        (plan.tier, plan.step_ms / 1_000)
    }

    #[test]
    fn the_tier_follows_span_step_and_retention() {
        assert_eq!(planned(1, None), (Tier::Raw, 10));
        assert_eq!(planned(24, None), (Tier::Raw, 300));
        assert_eq!(planned(7 * 24, None), (Tier::Hour, 3_600));
        assert_eq!(planned(90 * 24, None), (Tier::Day, 86_400));
        assert_eq!(planned(24, Some("1h")), (Tier::Hour, 3_600));
        assert_eq!(planned(48, Some("1d")), (Tier::Day, 86_400));
        assert_eq!(planned(6 * 24, Some("5m")), (Tier::Raw, 300));
        assert_eq!(planned(8 * 24, Some("5m")), (Tier::Hour, 3_600));
        assert_eq!(planned(91 * 24, Some("90m")), (Tier::Day, 86_400));
        assert_eq!(planned(24, Some("90m")), (Tier::Hour, 7_200));
    }

    #[test]
    fn every_mistake_is_said_at_once() {
        let query = MetricsQuery {
            series: "cpu.totl".into(),
            from: Some("yesterday".into()),
            step: Some("0".into()),
            stats: Some("median".into()),
            ..MetricsQuery::default()
        };
        let Err(TelemetryError::Invalid(wrong)) = plan(
            &query,
            &Subject::Host,
            NOW,
            KeptDays::from(&TelemetryConfig::default()),
        ) else {
            panic!("accepted");
        };
        let fields: Vec<_> = wrong.iter().map(|wrong| wrong.field.as_str()).collect();
        assert_eq!(fields, ["from", "step", "series", "stats"]);
    }

    #[test]
    fn too_many_points_are_refused() {
        let query = MetricsQuery {
            series: "cpu.total".into(),
            from: Some(NOW.plus_ms(-UnixMs::DAY).0.to_string()),
            step: Some("1".into()),
            ..MetricsQuery::default()
        };
        assert!(
            plan(
                &query,
                &Subject::Host,
                NOW,
                KeptDays::from(&TelemetryConfig::default())
            )
            .is_err()
        );
    }
}
