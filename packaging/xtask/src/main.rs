//! The project's own commands: `cargo demo`, `cargo verify`, `cargo measure`, `cargo packages`.

mod cargo_tool;
mod demo;
mod interrupt;
mod measure;
mod packages;
mod project;
mod say;
mod verify;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(bin_name = "cargo", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build and start everything on this machine, or run the whole main job once (--check).
    Demo(demo::Args),
    /// Measure something, with a peer in the same run.
    Measure(measure::Args),
    /// Make the Debian packages.
    Packages(packages::Args),
    /// Run every check and every test, with the real services that they need.
    Verify(verify::Args),
}

fn main() -> ExitCode {
    run(Cli::parse().command).unwrap_or_else(|error| {
        say::note(format_args!("error: {error:#}"));
        ExitCode::FAILURE
    })
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    let interrupt = interrupt::Interrupt::install()?;
    match command {
        Command::Demo(args) => demo::run(args, &interrupt),
        Command::Measure(args) => measure::run(&args, &interrupt),
        Command::Packages(args) => packages::run(&args, &interrupt),
        Command::Verify(args) => verify::run(args, &interrupt),
    }
}
