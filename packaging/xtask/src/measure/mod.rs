//! `cargo measure`: numbers, each with its peer measured in the same run.

mod agent_footprint;
mod usage;

use crate::interrupt::Interrupt;
use crate::say;
use anyhow::{Result, bail};
use serde_json::Value;
use std::process::ExitCode;
use std::time::Duration;

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
    /// How long to measure, in seconds.
    #[arg(long = "for", default_value_t = 60, value_parser = clap::value_parser!(u64).range(10..))]
    seconds: u64,
    /// The measurement.
    name: Option<String>,
}

/// Does what was asked for.
pub fn run(args: &Args, interrupt: &Interrupt) -> Result<ExitCode> {
    let span = Duration::from_secs(args.seconds);
    let numbers = match args.name.as_deref() {
        _ if args.list => {
            say::line("agent-footprint  memory and CPU of the agent, beside prometheus-node-exporter's");
            return Ok(ExitCode::SUCCESS);
        }
        Some("agent-footprint") => agent_footprint::measure(args.containers, span, interrupt)?,
        Some(other) => bail!("there is no measurement {other}; cargo measure --list names them"),
        None => bail!("say which measurement; cargo measure --list names them"),
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
