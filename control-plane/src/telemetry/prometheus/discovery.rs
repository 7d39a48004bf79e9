//! HTTP service discovery: what Prometheus is to scrape, as its `http_sd_configs` read it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{exposition, names::label_name};
use crate::{
    access::{Caller, Operation},
    app::App,
    fleet::{self, HostSelector, Labels},
    telemetry::TelemetryError,
};

/// Where a node exporter listens.
const USUAL_PORT: u16 = 9_100;

/// Some targets with the same labels.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = PrometheusTargetGroup)]
pub struct TargetGroup {
    /// Host and port.
    pub targets: Vec<String>,
    /// Labels; those that begin with `__` are for relabelling.
    pub labels: BTreeMap<String, String>,
}

/// Which hosts, and what on them.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct HostTargetsQuery {
    /// The port that is scraped on each of them; 9100, a node exporter's, by default.
    #[param(minimum = 1, maximum = 65_535)]
    pub port: Option<u16>,
    /// Only hosts of the environment with this name.
    pub environment: Option<String>,
    /// Only hosts with all these labels: `key=value,key=value`.
    pub label: Option<String>,
}

/// The parts of the fleet's present values, each a target of its own.
pub(in crate::telemetry) fn shards(app: &App, caller: &Caller) -> Result<Vec<TargetGroup>, TelemetryError> {
    caller.require(Operation::TelemetryRead)?;
    let base = app.config.base_url();
    let (scheme, rest) = base.split_once("://").unwrap_or(("http", &base));
    let (target, path) = match rest.split_once('/') {
        Some((target, path)) => (target, format!("/{path}")),
        None => (rest, String::new()),
    };
    let parts = exposition::parts(app, caller.org());
    let group = |number: u32| {
        let shard = format!("{number}/{parts}");
        let labels = [
            ("__scheme__", scheme.to_owned()),
            ("__metrics_path__", format!("{path}/api/v1/prometheus/metrics")),
            ("__param_shard", shard.clone()),
            // By the part alone all targets would be the same instance.
            ("instance", format!("{target} {shard}")),
        ];
        TargetGroup {
            targets: vec![target.to_owned()],
            labels: labels.map(|(name, value)| (name.to_owned(), value)).into(),
        }
    };
    Ok((1..=parts).map(group).collect())
}

/// The hosts in reach that have an address, by name.
pub(in crate::telemetry) async fn hosts(
    app: &App,
    caller: &Caller,
    query: HostTargetsQuery,
) -> Result<Vec<TargetGroup>, TelemetryError> {
    caller.require(Operation::HostRead)?;
    let fail = |error: fleet::FleetError| TelemetryError::Caller(Box::new(error.into()));
    let port = query.port.filter(|port| *port > 0).unwrap_or(USUAL_PORT);
    let selector = HostSelector {
        ids: Vec::new(),
        labels: Labels::from_query(query.label.as_deref().unwrap_or_default()).map_err(fail)?,
        environment: query.environment,
    };
    let org = caller.org();
    let clusters = fleet::cluster_names(app, org).await.map_err(fail)?;
    let mut hosts = fleet::select_hosts(app, org, &selector).await.map_err(fail)?;
    hosts.retain(|host| caller.reaches(&host.object()));
    let group = |host: fleet::Host| {
        let address = host.inner_ip.or(host.public_ip)?;
        let target = if address.contains(':') {
            format!("[{address}]:{port}")
        } else {
            format!("{address}:{port}")
        };
        let cluster = host.cluster_id.and_then(|id| clusters.get(&id).cloned());
        let known = [
            ("host", host.name),
            ("host_id", host.id.to_string()),
            ("hostname", host.hostname),
            ("environment", host.environment.unwrap_or_default()),
            ("cluster", cluster.unwrap_or_default()),
        ];
        let mut labels: BTreeMap<String, String> = known
            .map(|(name, value)| (format!("__meta_muster_{name}"), value))
            .into();
        for (key, value) in host.labels.0 {
            let name = format!("__meta_muster_label_{}", label_name(&key));
            labels.entry(name).or_insert(value);
        }
        Some(TargetGroup {
            targets: vec![target],
            labels,
        })
    };
    Ok(hosts.into_iter().filter_map(group).collect())
}
