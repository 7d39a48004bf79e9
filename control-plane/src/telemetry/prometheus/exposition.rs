//! The text that Prometheus scrapes.

use std::{collections::HashMap, fmt::Write as _, sync::Arc};

use muster_base::{HostId, OrgId};
use muster_metrics::{Sample, Series, Subject};
use serde::Deserialize;
use utoipa::IntoParams;

use super::names::{self, push_label};
use crate::{
    access::{Caller, Operation},
    app::App,
    fleet::{self, HostPlace},
    telemetry::{Reading, TelemetryError, readings_of},
};

/// Readings in one answer.
const MOST_READINGS: usize = 100_000;
/// Readings that a shard is made for.
const SHARD_READINGS: usize = 40_000;
const MOST_SHARDS: u32 = 1_000;
const MAX_SERIES: usize = 64;

/// Which present values.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExpositionQuery {
    /// Names of series as `GET /api/v1/metrics/series` has them, separated by commas; `*` stands for every instance. All by
    /// default.
    pub series: Option<String>,
    /// `2/5`: only the second of five equal parts of the hosts.
    pub shard: Option<String>,
}

/// A part of the hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shard {
    number: u32,
    of: u32,
}

/// What is written of a host.
struct Page {
    place: HostPlace,
    cluster: Option<String>,
    /// The newest sample, with whether the host still sends.
    newest: Option<(Arc<Sample>, bool)>,
}

/// The newest readings of the hosts in reach.
pub(in crate::telemetry) async fn exposition(
    app: &App,
    caller: &Caller,
    query: &ExpositionQuery,
) -> Result<String, TelemetryError> {
    caller.require(Operation::TelemetryRead)?;
    let wanted = wanted(query.series.as_deref())?;
    let shard = query.shard.as_deref().map(Shard::read).transpose()?;
    let mut pages = pages(app, caller).await?;
    if let Some(shard) = shard {
        pages.retain(|page| shard.holds(page.place.id));
    }
    let readings: usize = pages.iter().map(|page| page.readings(&wanted)).sum();
    if readings > MOST_READINGS {
        let parts = readings.div_ceil(SHARD_READINGS);
        let message = format!(
            "there are {readings} readings, more than {MOST_READINGS}: ask for fewer series, or for a part, as in \
             shard=1/{parts}; /api/v1/prometheus/shards tells Prometheus of all parts"
        );
        return Err(TelemetryError::invalid("shard", message));
    }
    // Some thousand hosts are some dozen milliseconds: not on the event loop.
    Ok(tokio::task::spawn_blocking(move || render(&pages, &wanted)).await?)
}

/// In how many parts the org's hosts are to be asked for.
pub(super) fn parts(app: &App, org: OrgId) -> u32 {
    let readings = readings_of(app, org);
    let all: usize = readings
        .iter()
        .map(|reading| reading.sample.layout.columns())
        .sum();
    let parts = u32::try_from(all.div_ceil(SHARD_READINGS)).unwrap_or(MOST_SHARDS);
    parts.clamp(1, MOST_SHARDS)
}

async fn pages(app: &App, caller: &Caller) -> Result<Vec<Page>, TelemetryError> {
    let org = caller.org();
    let fail = |error: fleet::FleetError| TelemetryError::Caller(Box::new(error.into()));
    let mut places = fleet::host_places(app, Some(org)).await.map_err(fail)?;
    let clusters = fleet::cluster_names(app, org).await.map_err(fail)?;
    let mut readings: HashMap<HostId, Reading> = readings_of(app, org)
        .into_iter()
        .map(|reading| (reading.host, reading))
        .collect();
    let (now, silence_ms) = (app.clock.now(), fleet::silence_ms(app));
    let page = |place: HostPlace| Page {
        newest: readings.remove(&place.id).map(|reading| {
            let fresh = now.ms_since(reading.heard) <= silence_ms;
            (reading.sample, fresh)
        }),
        cluster: place.cluster.and_then(|id| clusters.get(&id).cloned()),
        place,
    };
    let places = places.remove(&org).unwrap_or_default().into_iter();
    Ok(places
        .filter(|place| caller.reaches(&place.object()))
        .map(page)
        .collect())
}

fn wanted(series: Option<&str>) -> Result<Vec<Series>, TelemetryError> {
    let Some(series) = series.filter(|text| !text.is_empty()) else {
        return Ok(Vec::new());
    };
    let names: Vec<&str> = series.split(',').collect();
    if names.len() > MAX_SERIES {
        let message = format!("names more than {MAX_SERIES} series");
        return Err(TelemetryError::invalid("series", message));
    }
    let parsed: Result<_, _> = names.iter().map(|name| name.trim().parse()).collect();
    parsed
        .map_err(|error: muster_metrics::UnknownSeries| TelemetryError::invalid("series", error.to_string()))
}

fn is_wanted(wanted: &[Series], series: &Series) -> bool {
    wanted.is_empty() || wanted.iter().any(|asked| asked.selects(series))
}

impl Shard {
    fn read(text: &str) -> Result<Self, TelemetryError> {
        let read = || {
            let (number, of) = text.split_once('/')?;
            let (number, of): (u32, u32) = (number.parse().ok()?, of.parse().ok()?);
            let good = (1..=MOST_SHARDS).contains(&of) && (1..=of).contains(&number);
            good.then_some(Self { number, of })
        };
        read().ok_or_else(|| {
            let message = format!("must be a part and how many there are, such as 2/5, up to {MOST_SHARDS}");
            TelemetryError::invalid("shard", message)
        })
    }

    /// By the id's random end.
    fn holds(self, host: HostId) -> bool {
        host.as_uuid().as_u128() % u128::from(self.of) + 1 == u128::from(self.number)
    }
}

impl Page {
    fn fresh(&self) -> Option<&Sample> {
        self.newest
            .as_ref()
            .filter(|(_, fresh)| *fresh)
            .map(|(sample, _)| &**sample)
    }

    fn readings(&self, wanted: &[Series]) -> usize {
        self.fresh().map_or(0, |sample| {
            let series = sample.layout.iter();
            series.filter(|(_, series)| is_wanted(wanted, series)).count()
        })
    }
}

/// All series of a family stand together, as the format wants it: each family has a text of its own until the end.
fn render(pages: &[Page], wanted: &[Series]) -> String {
    let mut families = vec![String::new(); names::families().len()];
    let (mut up, mut last, mut info) = (String::new(), String::new(), String::new());
    for page in pages {
        let mut host = String::new();
        push_label(&mut host, "host", &page.place.name);
        let host = host.trim_start_matches(',');
        // A text that is written can't fail.
        writeln!(
            up,
            "muster_host_up{{{host}}} {}",
            u8::from(page.fresh().is_some())
        )
        .ok();
        if let Some((sample, _)) = &page.newest {
            let seconds = sample.at.0 as f64 / 1_000.0;
            writeln!(
                last,
                "muster_host_last_reading_timestamp_seconds{{{host}}} {seconds}"
            )
            .ok();
        }
        push_info(&mut info, page);
        for (subject, series, stored) in page.fresh().into_iter().flat_map(Sample::iter) {
            if is_wanted(wanted, series) {
                push_reading(&mut families, host, (subject, series, stored));
            }
        }
    }
    let own = [
        ("muster_host_up", "Whether the host sends readings", &up),
        (
            "muster_host_last_reading_timestamp_seconds",
            "When the newest reading was taken, by the host's clock",
            &last,
        ),
        ("muster_host_info", "What the host is selected by", &info),
    ];
    let own = own.into_iter();
    let read = names::families().iter().zip(&families);
    let read = read.map(|(family, text)| (family.name.as_str(), family.help, text));
    let mut all = String::with_capacity(families.iter().map(String::len).sum::<usize>() + info.len() * 2);
    for (name, help, text) in own.chain(read).filter(|(_, _, text)| !text.is_empty()) {
        write!(all, "# HELP {name} {help}\n# TYPE {name} gauge\n{text}").ok();
    }
    all
}

fn push_info(text: &mut String, page: &Page) {
    text.push_str("muster_host_info{");
    push_label(text, "host", &page.place.name);
    push_label(text, "host_id", &page.place.id.to_string());
    push_label(
        text,
        "environment",
        page.place.environment.as_deref().unwrap_or_default(),
    );
    push_label(text, "cluster", page.cluster.as_deref().unwrap_or_default());
    let mut taken = Vec::new();
    for (key, value) in &page.place.labels.0 {
        let name = format!("label_{}", names::label_name(key));
        // Two keys may come to one name; the first has it.
        if !taken.contains(&name) {
            push_label(text, &name, value);
            taken.push(name);
        }
    }
    text.push_str("} 1\n");
}

fn push_reading(families: &mut [String], host: &str, (subject, series, stored): (&Subject, &Series, i64)) {
    let Some(family) = names::family_of(series) else {
        return;
    };
    let Some(text) = families.get_mut(usize::from(series.kind().code())) else {
        return;
    };
    text.push_str(&family.name);
    text.push('{');
    text.push_str(host);
    if let Subject::Container(name) = subject {
        push_label(text, "container", name);
    }
    if let Some(label) = family.instance {
        push_label(text, label, series.instance());
    }
    // A text that is written can't fail.
    writeln!(text, "}} {}", family.value(stored)).ok();
}
