//! A request of remote write 1.0: <https://prometheus.io/docs/specs/prw/remote_write_spec/>. Protocol buffers, compressed by
//! snappy's block format; labels in order of their names.

use std::collections::BTreeMap;

use muster_base::{HostId, OrgId, UnixMs};
use muster_metrics::{Sample, Series, Subject};
use prost::Message as _;

use super::super::names;
use crate::{app::App, fleet::HostPlace, telemetry::latest::silent};

/// `prometheus.WriteRequest`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    pub(super) timeseries: Vec<TimeSeries>,
}

/// `prometheus.TimeSeries`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    pub(super) labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    pub(super) samples: Vec<Point>,
}

/// `prometheus.Label`
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Label {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) value: String,
}

/// `prometheus.Sample`
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct Point {
    #[prost(double, tag = "1")]
    pub(super) value: f64,
    /// Milliseconds since the epoch.
    #[prost(int64, tag = "2")]
    pub(super) timestamp: i64,
}

type Labels = BTreeMap<String, String>;

/// What is put together for one request.
#[derive(Debug, Default)]
pub(super) struct Message(BTreeMap<Labels, Vec<Point>>);

impl Message {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn readings(&self) -> u64 {
        self.0.values().map(|points| points.len() as u64).sum()
    }

    /// A host's sample; later ones of the host must come later.
    pub(super) fn add_sample(&mut self, org: &str, host: &str, (at, sample): (UnixMs, &Sample)) {
        for (subject, series, stored) in sample.iter() {
            let Some(family) = names::family_of(series) else {
                continue;
            };
            let labels = labels_of(&family.name, (org, host), (subject, series), family.instance);
            self.add(labels, family.value(stored), at);
        }
    }

    /// Whether a host is there, and what it is selected by, as it is now.
    pub(super) fn add_host(&mut self, app: &App, (host, place): (HostId, &(OrgId, HostPlace)), org: &str) {
        let now = app.clock.now();
        let place = &place.1;
        let base = |name: &str| -> Labels {
            let labels = [("__name__", name), ("host", &place.name), ("org", org)];
            labels
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into()
        };
        let up = if silent(app, host, now) { 0.0 } else { 1.0 };
        self.add(base("muster_host_up"), up, now);
        let mut info = base("muster_host_info");
        info.insert("host_id".to_owned(), host.to_string());
        if let Some(environment) = &place.environment {
            info.insert("environment".to_owned(), environment.clone());
        }
        for (key, value) in &place.labels.0 {
            let name = format!("label_{}", names::label_name(key));
            // An empty value is no label in this protocol.
            if !value.is_empty() {
                info.entry(name).or_insert_with(|| value.clone());
            }
        }
        self.add(info, 1.0, now);
    }

    fn add(&mut self, labels: Labels, value: f64, at: UnixMs) {
        let point = Point {
            value,
            timestamp: at.0,
        };
        self.0.entry(labels).or_default().push(point);
    }

    /// As it is sent.
    pub(super) fn request(&self) -> WriteRequest {
        let label = |(name, value): (&String, &String)| Label {
            name: name.clone(),
            value: value.clone(),
        };
        let series = |(labels, samples): (&Labels, &Vec<Point>)| TimeSeries {
            labels: labels.iter().map(label).collect(),
            samples: samples.clone(),
        };
        WriteRequest {
            timeseries: self.0.iter().map(series).collect(),
        }
    }

    /// The body; none if it is beyond what the format can hold.
    pub(super) fn body(&self) -> Option<Vec<u8>> {
        snap::raw::Encoder::new()
            .compress_vec(&self.request().encode_to_vec())
            .ok()
    }
}

fn labels_of(
    name: &str,
    (org, host): (&str, &str),
    (subject, series): (&Subject, &Series),
    instance: Option<&'static str>,
) -> Labels {
    let mut labels = Labels::new();
    let mut add = |name: &str, value: &str| {
        labels.insert(name.to_owned(), value.to_owned());
    };
    add("__name__", name);
    add("host", host);
    add("org", org);
    if let Subject::Container(container) = subject {
        add("container", container);
    }
    if let Some(label) = instance {
        add(label, series.instance());
    }
    labels
}
