//! `cargo measure`: numbers, each with its peer measured in the same run where there is one.
//!
//! What is measured is built as it is shipped, and only that: the control plane with the profile `release`, the agent with
//! `release-small`.

mod agent_footprint;
mod built;
mod cold_start;
mod deploy;
mod engine;
mod handover;
mod schema_corpus;
mod schema_diff;
mod simulated;
mod storage;

use crate::interrupt::Interrupt;
use crate::say;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

const NAMES: &[(&str, &str)] = &[
    (
        "agent-footprint",
        "memory and CPU of the agent, beside prometheus-node-exporter's",
    ),
    (
        "api",
        "the API's lists and searches with 10,000 users in 50 orgs, on SQLite and PostgreSQL",
    ),
    (
        "cold-start",
        "from the start of agent and control plane until they are of use",
    ),
    ("deploy", "replacing a container, beside docker stop, rm and run"),
    (
        "dispatch",
        "from an order's API call until its host would start it, with a fleet connected",
    ),
    (
        "flood",
        "10,000 wrong passwords in a minute: whether owners get in, and what others wait for their calls",
    ),
    (
        "fleet",
        "a simulated fleet: losses, acknowledgements, the control plane's memory and CPU",
    ),
    (
        "handover",
        "requests that fail while a service is handed over ten times under 200 clients, and its agent restarted",
    ),
    (
        "readings",
        "rows of readings into PostgreSQL and a day of 2,000 hosts out of it, beside how it was done without partitions",
    ),
    (
        "schema-corpus",
        "other people's changes of schemas, planned and run on PostgreSQL and MariaDB (--corpus DIR)",
    ),
    (
        "schema-diff",
        "a plan for 1,000 tables with 10 changes, in memory and with introspection, beside migra",
    ),
    (
        "storage",
        "bytes for each sample at rest, beside VictoriaMetrics and Prometheus; charts",
    ),
    (
        "webhook",
        "10,000 webhook calls, repeated and in no order, to a control plane on one core, on SQLite and PostgreSQL",
    ),
];

/// What `cargo measure` takes.
#[derive(clap::Args)]
pub struct Args {
    /// Names the measurements.
    #[arg(long)]
    list: bool,
    /// Ends with the numbers as one line of JSON.
    #[arg(long)]
    json: bool,
    /// agent-footprint: how many containers run on the host.
    #[arg(long, default_value_t = 20)]
    containers: u32,
    /// fleet, dispatch: how many agents; 2000 and 500 by default.
    #[arg(long)]
    agents: Option<usize>,
    /// handover: how many clients ask at a time; half of them keep their connections.
    #[arg(long, default_value_t = 200)]
    clients: usize,
    /// fleet: sqlite, or a postgres that is started for it.
    #[arg(long, default_value = "sqlite", value_parser = ["sqlite", "postgres"])]
    database: String,
    /// fleet: seconds between samples.
    #[arg(long, default_value_t = 10)]
    interval: u16,
    /// How long to measure, in seconds.
    #[arg(long = "for", default_value_t = 60, value_parser = clap::value_parser!(u64).range(10..))]
    seconds: u64,
    /// deploy: how many deploys, 20 by default; fleet, dispatch, readings: how many times (the numbers are the medians), once by
    /// default.
    #[arg(long)]
    rounds: Option<usize>,
    /// storage: a recording of a real host, as `GET /api/v1/hosts/{id}/metrics/export` gives it; else a week of simulated readings.
    #[arg(long)]
    trace: Option<PathBuf>,
    /// schema-corpus: the folder that holds the cases, in folders mysql and postgres.
    #[arg(long)]
    corpus: Option<PathBuf>,
    /// schema-corpus: only the cases in whose file or name this stands, with reasons.
    #[arg(long)]
    filter: Option<String>,
    /// schema-corpus: only mysql or postgres.
    #[arg(long)]
    dialect: Option<String>,
    /// schema-diff: how many tables.
    #[arg(long, default_value_t = 1_000)]
    tables: usize,
    /// The measurement.
    name: Option<String>,
}

/// Does what was asked for.
pub fn run(args: &Args, interrupt: &Interrupt) -> Result<ExitCode> {
    if args.list {
        for (name, what) in NAMES {
            say::line(format_args!("{name:16} {what}"));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let name = args
        .name
        .as_deref()
        .context("say which measurement; cargo measure --list names them")?;
    let numbers = match name {
        "agent-footprint" => {
            agent_footprint::measure(args.containers, Duration::from_secs(args.seconds), interrupt)?
        }
        "cold-start" => cold_start::measure(args, interrupt)?,
        "handover" => handover::measure(args.clients, Duration::from_secs(args.seconds), interrupt)?,
        "deploy" => deploy::measure(args.rounds.unwrap_or(20), interrupt)?,
        "schema-corpus" => schema_corpus::measure(args, interrupt)?,
        "schema-diff" => schema_diff::measure(args, interrupt)?,
        "storage" => storage::measure(args, interrupt)?,
        "dispatch" => simulated::dispatch(args, interrupt)?,
        "api" => simulated::api(interrupt)?,
        "webhook" => simulated::webhook(interrupt)?,
        "flood" => simulated::on_both_databases("flood", interrupt)?,
        "fleet" => simulated::fleet(args, interrupt)?,
        "readings" => simulated::readings(args, interrupt)?,
        other => bail!("there is no measurement {other}; cargo measure --list names them"),
    };
    if args.json {
        say::line(&numbers);
    } else if let Value::Object(numbers) = &numbers {
        numbers
            .iter()
            .for_each(|(name, value)| say::line(format_args!("{name:20} {value}")));
    }
    Ok(ExitCode::SUCCESS)
}

/// The middle one.
fn median(mut numbers: Vec<f64>) -> Option<f64> {
    numbers.sort_unstable_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied()
}

/// The value below which a share of the values are; 0 if there are none.
fn percentile(numbers: &mut [f64], share: f64) -> f64 {
    numbers.sort_unstable_by(f64::total_cmp);
    let last = numbers.len().saturating_sub(1);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place in a list"
    )]
    let place = (last as f64 * share).round() as usize;
    numbers.get(place).copied().unwrap_or_default()
}

/// Three decimals.
fn rounded(number: f64) -> f64 {
    (number * 1_000.0).round() / 1_000.0
}
