//! Questions about readings: which series of which host or container, from when to when, in what steps.
//!
//! [`plan`] turns the parameters into a plan (tier, step, bounds), [`read`] fetches what the plan needs, and
//! [`bucket`] folds values or aggregates into the steps.

mod bucket;
mod columnar;
mod export;
mod plan;
mod read;

use muster_base::HostId;
use muster_metrics::Subject;
use serde::{Serialize, Serializer, ser::SerializeSeq as _};
use serde_json::Number;
use utoipa::ToSchema;

pub use self::{
    export::Exports,
    plan::{MetricsQuery, Stat, Tier},
};
pub(super) use self::{
    export::{ExportQuery, begin as begin_export},
    plan::parse_time,
};
use super::{TelemetryError, keeping, store};
use crate::{
    access::{Caller, Operation},
    app::App,
    fleet,
};

/// The answer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Metrics {
    /// Where the points come from: samples, or hourly or daily rollups.
    pub tier: Tier,
    /// Seconds between points.
    pub step_s: i64,
    /// What a point's numbers are, in order, after its time.
    pub stats: Vec<Stat>,
    /// The series that were asked for and that there are, by name.
    pub series: Vec<SeriesPoints>,
}

/// One series.
#[derive(Debug, Serialize, ToSchema)]
pub struct SeriesPoints {
    /// Its name.
    pub name: String,
    /// The unit of its numbers: percent, load, bytes, bytesPerSecond, perSecond, count or code.
    pub unit: &'static str,
    /// `[timeMs, …stats]`: start of the step in milliseconds since the epoch, then a number for each of `stats`.
    /// A step without readings has no point.
    #[schema(value_type = Vec<Vec<f64>>)]
    pub points: Vec<Point>,
}

/// A step's numbers.
#[derive(Debug)]
pub struct Point {
    pub(super) at_ms: i64,
    pub(super) stats: Vec<f64>,
}

impl Serialize for Point {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(self.stats.len() + 1))?;
        seq.serialize_element(&self.at_ms)?;
        for number in &self.stats {
            seq.serialize_element(&rounded(*number))?;
        }
        seq.end()
    }
}

/// Answers a question about a host or one of its containers.
pub(super) async fn metrics(
    app: &App,
    caller: &Caller,
    host: HostId,
    subject: Subject,
    query: &MetricsQuery,
) -> Result<Metrics, TelemetryError> {
    require_subject(app, caller, host, &subject).await?;
    let kept = keeping::of_org(app, caller.org()).await?;
    let plan = plan::plan(query, &subject, app.clock.now(), kept)?;
    let series = read::read(app, caller.org(), host, subject, &plan).await?;
    Ok(Metrics {
        tier: plan.tier,
        step_s: plan.step_ms / 1_000,
        stats: plan.stats,
        series,
    })
}

/// Passes if the caller may see the host's readings, and there ever was such a container.
async fn require_subject(
    app: &App,
    caller: &Caller,
    host: HostId,
    subject: &Subject,
) -> Result<(), TelemetryError> {
    require_host(app, caller, host).await?;
    if let Subject::Container(name) = subject
        && !store::container::exists(&app.telemetry_db, caller.org(), host, name).await?
        && !read::has_rollups(app, caller.org(), host, subject).await?
    {
        return Err(TelemetryError::NoContainer);
    }
    Ok(())
}

/// A number as it is told: four decimals are beyond what was measured, and whole numbers need none.
fn rounded(number: f64) -> Number {
    let rounded = (number * 10_000.0).round() / 10_000.0;
    let rounded = if rounded.is_finite() { rounded } else { number };
    if rounded.fract() == 0.0 && rounded.abs() < 9_007_199_254_740_992.0 {
        #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
        return Number::from(rounded as i64);
    }
    Number::from_f64(rounded).unwrap_or_else(|| Number::from(0))
}

/// Passes if the caller may see the host's readings.
pub(super) async fn require_host(app: &App, caller: &Caller, host: HostId) -> Result<(), TelemetryError> {
    fleet::find_host_for(app, caller, Operation::TelemetryRead, host)
        .await
        .map(drop)
        .map_err(|error| TelemetryError::Caller(Box::new(error.into())))
}
