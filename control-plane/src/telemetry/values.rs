//! Present values: of every host in one call, and the catalogue that says what can be asked for.

use std::collections::BTreeMap;

use muster_base::{HostId, UnixMs};
use muster_metrics::{CATALOGUE, Sample, Series, Subject, Unit};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::TelemetryError;
use crate::{
    access::{Caller, Operation},
    app::App,
    fleet,
};

const USUAL_SERIES: &str = "cpu.total,load.1,memory.used,memory.total";
const MAX_SERIES: usize = 32;

/// Which present values.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ValuesQuery {
    /// Names of series, separated by commas; `*` stands for every instance. The usual ones by default.
    pub series: Option<String>,
    /// Only so many hosts, those with the greatest values of the first series.
    #[param(minimum = 1)]
    pub top: Option<u32>,
}

/// Present values of every host.
#[derive(Debug, Serialize, ToSchema)]
pub struct FleetValues {
    /// A host each, by id; by value, greatest first, if the top was asked for.
    pub items: Vec<HostValues>,
}

/// Present values of a host.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostValues {
    /// The host.
    pub host_id: HostId,
    /// When they were read.
    pub at: UnixMs,
    /// By series.
    pub values: BTreeMap<String, f64>,
}

/// A kind of series.
#[derive(Debug, Serialize, ToSchema)]
pub struct SeriesInfo {
    /// Name; `*` stands for the instance.
    pub name: &'static str,
    /// Unit of its numbers.
    pub unit: &'static str,
    /// What it is.
    pub meaning: &'static str,
}

/// Every kind of series that there is.
pub(super) fn catalogue() -> Vec<SeriesInfo> {
    CATALOGUE
        .iter()
        .map(|info| SeriesInfo {
            name: info.pattern,
            unit: info.unit.name(),
            meaning: info.meaning,
        })
        .collect()
}

/// The newest values of every host of the caller's org, from memory.
pub(super) async fn fleet(
    app: &App,
    caller: &Caller,
    query: &ValuesQuery,
) -> Result<FleetValues, TelemetryError> {
    caller.require(Operation::TelemetryRead)?;
    let names: Vec<&str> = query
        .series
        .as_deref()
        .unwrap_or(USUAL_SERIES)
        .split(',')
        .collect();
    if names.len() > MAX_SERIES {
        return Err(TelemetryError::invalid(
            "series",
            format!("names more than {MAX_SERIES} series"),
        ));
    }
    let wanted = names
        .iter()
        .map(|name| name.trim().parse())
        .collect::<Result<Vec<Series>, _>>()
        .map_err(|error| TelemetryError::invalid("series", error.to_string()))?;
    let in_reach = fleet::hosts_in_reach(app, caller)
        .await
        .map_err(|error| TelemetryError::Caller(Box::new(error.into())))?;
    let mut newest = app.ingest.latest().of_org(caller.org());
    if let Some(hosts) = in_reach {
        newest.retain(|(host, _)| hosts.contains(host));
    }
    let mut hosts: Vec<(Option<i64>, HostId, std::sync::Arc<Sample>)> = newest
        .into_iter()
        .map(|(host, sample)| (greatest(&sample, wanted.first()), host, sample))
        .collect();
    if let Some(top) = query.top {
        hosts.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        hosts.truncate(usize::try_from(top).unwrap_or(usize::MAX));
    } else {
        hosts.sort_by_key(|(_, host, _)| *host);
    }
    Ok(FleetValues {
        items: hosts
            .into_iter()
            .map(|(_, host_id, sample)| HostValues {
                host_id,
                at: sample.at,
                values: values(&sample, &wanted),
            })
            .collect(),
    })
}

fn own(sample: &Sample) -> impl Iterator<Item = (&Series, i64)> {
    let own = sample.iter().filter(|(subject, ..)| **subject == Subject::Host);
    own.map(|(_, series, value)| (series, value))
}

fn greatest(sample: &Sample, wanted: Option<&Series>) -> Option<i64> {
    let wanted = wanted?;
    own(sample)
        .filter(|(series, _)| wanted.selects(series))
        .map(|(_, value)| value)
        .max()
}

fn values(sample: &Sample, wanted: &[Series]) -> BTreeMap<String, f64> {
    own(sample)
        .filter(|(series, _)| wanted.iter().any(|wanted| wanted.selects(series)))
        .map(|(series, value)| (series.to_string(), shown(series, value)))
        .collect()
}

/// A value in the unit that answers are in.
pub fn shown(series: &Series, value: i64) -> f64 {
    let unit = series.kind().info().map_or(Unit::Count, |info| info.unit);
    unit.shown(value as f64)
}
