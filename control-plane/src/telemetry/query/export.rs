//! Readings as a table: every sample of a time, or every hour or day, for spreadsheets and programs.
//!
//! A table has a row for each time and a column for each series that there was in between; a series that a row has
//! nothing of leaves its field empty. It is read and sent in pieces, and before each the caller is asked again whether
//! they may see it. So what it takes of memory does not depend on its length, and somebody who reads slowly holds one piece.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use muster_base::{HostId, UnixMs};
use muster_metrics::{CATALOGUE, Series, Subject};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::{IntoParams, ToSchema};

use super::{
    SeriesPoints, Stat, Tier,
    columnar::Columnar,
    plan::{self, Plan},
    read,
};
use crate::{
    access::{self, Caller},
    app::App,
    error::{Error, FieldError},
    seats::{Seat, Seats},
    telemetry::TelemetryError,
};

/// Exports at a time: each holds a piece in memory.
const AT_A_TIME: usize = 4;
/// Of them, a person's.
const EACH: usize = 2;
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// The exports under way.
#[derive(Debug)]
pub struct Exports(Seats);

impl Default for Exports {
    fn default() -> Self {
        Self(Seats::new(AT_A_TIME, EACH))
    }
}

/// Which readings, and how they are written.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// Names of series, separated by commas, such as `cpu.total,disk.*.used`; `*` stands for every instance. All of them
    /// by default.
    pub series: Option<String>,
    /// From this time on: RFC 3339, or milliseconds since the epoch. An hour before `to` by default.
    pub from: Option<String>,
    /// Before this time; now by default.
    pub to: Option<String>,
    /// `raw` (by default): each sample, of at most 31 days; `hour` and `day`: the rollups, of at most 2 and 20 years.
    #[serde(default)]
    #[param(inline)]
    pub tier: Tier,
    /// Of hours and days: statistics, separated by commas: avg, min, max, p95, last, count. `avg,min,max` by default.
    pub stats: Option<String>,
    /// `csv` (by default), `jsonl`: an object in each line, or `parquet`.
    #[serde(default)]
    #[param(inline)]
    pub format: ExportFormat,
}

/// How a table is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExportFormat {
    /// Comma-separated values with a line of names (RFC 4180).
    #[default]
    Csv,
    /// JSON lines.
    Jsonl,
    /// Apache Parquet: times as timestamps, numbers as doubles.
    Parquet,
}

impl ExportFormat {
    /// Its media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Jsonl => "application/jsonl",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }

    /// What its files' names end with.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
            Self::Parquet => "parquet",
        }
    }
}

/// A table that is being read.
pub(in crate::telemetry) struct Export {
    app: App,
    caller: Caller,
    host: HostId,
    subject: Subject,
    plan: Plan,
    format: ExportFormat,
    columns: Vec<Series>,
    /// The file of a table that is written by columns.
    columnar: Option<Columnar>,
    /// Where the next piece begins; nowhere yet if the line of names was not written.
    next: Option<UnixMs>,
    _seat: Seat,
}

/// Begins to read a table: all that can be refused is refused here.
pub(in crate::telemetry) async fn begin(
    app: &App,
    caller: Caller,
    host: HostId,
    subject: Subject,
    query: &ExportQuery,
) -> Result<Export, TelemetryError> {
    super::require_subject(app, &caller, host, &subject).await?;
    let plan = plan_of(query, &subject, app.clock.now())?;
    let seat = app.exports.0.try_take(caller.actor.person()).ok_or_else(|| {
        TelemetryError::from(Error::RateLimited {
            retry_after: ASK_AGAIN,
        })
    })?;
    let mut columns = BTreeSet::new();
    // The names alone are short, and those of a day stand together.
    for piece in pieces(&plan, spans(plan.tier).0.max(UnixMs::DAY)) {
        columns.extend(read::names(app, caller.org(), host, &subject, &piece).await?);
    }
    let columns: Vec<Series> = columns.into_iter().collect();
    let columnar = match query.format {
        ExportFormat::Csv | ExportFormat::Jsonl => None,
        ExportFormat::Parquet => Some(Columnar::new(&names_of(&columns, &plan)).map_err(Error::internal)?),
    };
    Ok(Export {
        app: app.clone(),
        caller,
        host,
        subject,
        plan,
        format: query.format,
        columns,
        columnar,
        next: None,
        _seat: seat,
    })
}

/// What the columns after the times are called.
fn names_of(columns: &[Series], plan: &Plan) -> Vec<String> {
    let stats = |series: &Series| -> Vec<String> {
        match plan.tier {
            Tier::Raw => vec![series.to_string()],
            Tier::Hour | Tier::Day => {
                let named = plan.stats.iter();
                named.map(|stat| format!("{series}:{}", stat.name())).collect()
            }
        }
    };
    columns.iter().flat_map(stats).collect()
}

impl Export {
    /// The next piece of text; none at the end.
    pub(in crate::telemetry) async fn next(&mut self) -> Result<Option<Vec<u8>>, TelemetryError> {
        let Some(from) = self.next else {
            self.next = Some(self.plan.from);
            let head = match self.format {
                ExportFormat::Csv => csv([self.head()])?,
                ExportFormat::Jsonl | ExportFormat::Parquet => Vec::new(),
            };
            return Ok(Some(head));
        };
        if from >= self.plan.to {
            let Some(columnar) = self.columnar.take() else {
                return Ok(None);
            };
            let rest = tokio::task::spawn_blocking(|| columnar.finish()).await?;
            return Ok(Some(rest.map_err(Error::internal)?));
        }
        self.caller = access::ask_again(&self.app, &self.caller)
            .await
            .map_err(Error::from)?;
        super::require_host(&self.app, &self.caller, self.host).await?;
        let (width, _) = spans(self.plan.tier);
        let piece = piece(&self.plan, from, width);
        self.next = Some(piece.to);
        let subject = self.subject.clone();
        let found = read::read(&self.app, self.caller.org(), self.host, subject, &piece).await?;
        let Some(mut columnar) = self.columnar.take() else {
            return Ok(Some(self.write(&found)?));
        };
        for (at, row) in self.rows(&found) {
            columnar.push(at, self.numbers(&row));
        }
        let writing = tokio::task::spawn_blocking(move || columnar.written().map(|bytes| (columnar, bytes)));
        let (columnar, bytes) = writing.await?.map_err(Error::internal)?;
        self.columnar = Some(columnar);
        Ok(Some(bytes))
    }

    fn head(&self) -> Vec<String> {
        let mut head = vec!["time".to_owned()];
        head.extend(names_of(&self.columns, &self.plan));
        head
    }

    /// Each time with what the columns have of it.
    fn rows<'a>(&self, found: &'a [SeriesPoints]) -> BTreeMap<UnixMs, Vec<Option<&'a [f64]>>> {
        let places: BTreeMap<String, usize> = self
            .columns
            .iter()
            .enumerate()
            .map(|(place, series)| (series.to_string(), place))
            .collect();
        let mut rows: BTreeMap<UnixMs, Vec<Option<&[f64]>>> = BTreeMap::new();
        for series in found {
            // A series that came while this was read has no column.
            let Some(place) = places.get(&series.name) else {
                continue;
            };
            for point in &series.points {
                let row = rows
                    .entry(UnixMs(point.at_ms))
                    .or_insert_with(|| vec![None; self.columns.len()]);
                row[*place] = Some(&point.stats);
            }
        }
        rows
    }

    fn write(&self, found: &[SeriesPoints]) -> Result<Vec<u8>, TelemetryError> {
        let rows = self.rows(found);
        if self.format == ExportFormat::Csv {
            return csv(rows.iter().map(|(at, row)| self.fields(*at, row)));
        }
        Ok(rows
            .iter()
            .flat_map(|(at, row)| format!("{}\n", self.object(*at, row)).into_bytes())
            .collect())
    }

    /// A row's numbers, one for each column.
    fn numbers<'a>(&'a self, row: &'a [Option<&'a [f64]>]) -> impl Iterator<Item = Option<f64>> + 'a {
        row.iter().flat_map(|stats| {
            (0..self.plan.stats.len()).map(move |place| {
                let number = stats.and_then(|stats| stats.get(place))?;
                super::rounded(*number).as_f64()
            })
        })
    }

    fn fields(&self, at: UnixMs, row: &[Option<&[f64]>]) -> Vec<String> {
        let mut fields = vec![at.to_string()];
        for stats in row {
            match stats {
                Some(stats) => fields.extend(stats.iter().map(|number| super::rounded(*number).to_string())),
                None => fields.extend(self.plan.stats.iter().map(|_| String::new())),
            }
        }
        fields
    }

    fn object(&self, at: UnixMs, row: &[Option<&[f64]>]) -> Value {
        let mut values = Map::new();
        for (series, stats) in self.columns.iter().zip(row) {
            let Some(stats) = stats else { continue };
            let mut named = self
                .plan
                .stats
                .iter()
                .zip(*stats)
                .map(|(stat, number)| (stat.name().to_owned(), Value::from(super::rounded(*number))));
            let value = match self.plan.tier {
                Tier::Raw => named.next().map_or(Value::Null, |(_, number)| number),
                Tier::Hour | Tier::Day => Value::Object(named.collect()),
            };
            values.insert(series.to_string(), value);
        }
        json!({ "time": at, "values": values })
    }
}

fn csv(rows: impl IntoIterator<Item = Vec<String>>) -> Result<Vec<u8>, TelemetryError> {
    let mut text = csv::Writer::from_writer(Vec::new());
    for row in rows {
        text.write_record(&row)
            .map_err(|cause| TelemetryError::from(Error::internal(cause)))?;
    }
    text.into_inner()
        .map_err(|cause| TelemetryError::from(Error::internal(cause.into_error())))
}

/// How much is read at a time, and of how much at most.
const fn spans(tier: Tier) -> (i64, i64) {
    match tier {
        Tier::Raw => (UnixMs::HOUR, 31 * UnixMs::DAY),
        Tier::Hour => (10 * UnixMs::DAY, 2 * 366 * UnixMs::DAY),
        Tier::Day => (366 * UnixMs::DAY, 20 * 366 * UnixMs::DAY),
    }
}

fn piece(plan: &Plan, from: UnixMs, width: i64) -> Plan {
    Plan {
        from,
        to: from.floor_to(width).plus_ms(width).min(plan.to),
        ..plan.clone()
    }
}

fn pieces(plan: &Plan, width: i64) -> impl Iterator<Item = Plan> {
    std::iter::successors(Some(piece(plan, plan.from, width)), move |last| {
        (last.to < plan.to).then(|| piece(plan, last.to, width))
    })
}

fn plan_of(query: &ExportQuery, subject: &Subject, now: UnixMs) -> Result<Plan, TelemetryError> {
    let mut wrong = Vec::new();
    let mut fault = |field: &str, message: &String| wrong.push(FieldError::new(field, message.clone()));
    let to = plan::parse_time(query.to.as_deref(), now);
    let hour_before = to.as_ref().map_or(now, |to| *to).plus_ms(-UnixMs::HOUR);
    let from = plan::parse_time(query.from.as_deref(), hour_before);
    let series = match query.series.as_deref().filter(|names| !names.is_empty()) {
        Some(names) => plan::parse_series(names, subject),
        None => Ok(every_series(subject)),
    };
    let stats = match query.tier {
        Tier::Raw => Ok(vec![Stat::Last]),
        Tier::Hour | Tier::Day => plan::parse_stats(query.stats.as_deref()),
    };
    for (field, error) in [
        ("from", from.as_ref().err()),
        ("to", to.as_ref().err()),
        ("series", series.as_ref().err()),
        ("stats", stats.as_ref().err()),
    ] {
        if let Some(message) = error {
            fault(field, message);
        }
    }
    let (Ok(from), Ok(to), Ok(series), Ok(stats)) = (from, to, series, stats) else {
        return Err(TelemetryError::Invalid(wrong));
    };
    if to <= from {
        return Err(TelemetryError::invalid("from", "must be before `to`"));
    }
    let (_, longest) = spans(query.tier);
    if to.ms_since(from) > longest {
        let days = longest / UnixMs::DAY;
        return Err(TelemetryError::invalid(
            "from",
            format!("asks for more than {days} days at once; ask for less, or for a coarser `tier`"),
        ));
    }
    let step_ms = query.tier.width_ms();
    Ok(Plan {
        series,
        from: from.floor_to(step_ms),
        to,
        step_ms,
        tier: query.tier,
        stats,
    })
}

fn every_series(subject: &Subject) -> Vec<Series> {
    let of_container = matches!(subject, Subject::Container(_));
    CATALOGUE
        .iter()
        .filter(|info| info.pattern.starts_with("container.") == of_container)
        .filter_map(|info| info.pattern.parse().ok())
        .collect()
}
