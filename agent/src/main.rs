//! `muster-agent`: joins a host to a fleet, and is the resident that runs on it.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use muster_agent::{config::RunConfig, resident};

#[derive(Parser)]
#[command(name = "muster-agent", version, about = "Muster's agent for one host")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the agent until it is told to stop
    Run(RunConfig),
}

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into()),
        )
        .with_writer(std::io::stderr)
        .init();
    match execute(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn execute(command: Command) -> anyhow::Result<()> {
    // One thread is plenty, and keeps the resident small.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    match command {
        Command::Run(config) => runtime.block_on(resident::run_until_signal(config)),
    }
}
