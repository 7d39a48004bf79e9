//! The project's own commands: `cargo demo`, `cargo verify`, `cargo measure`.

mod interrupt;
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
    /// Run every check and every test, with the real services that they need.
    Verify(verify::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let interrupt = interrupt::Interrupt::install();
    let result = match cli.command {
        Command::Verify(args) => verify::run(args, &interrupt),
    };
    result.unwrap_or_else(|error| {
        say::note(format_args!("error: {error:#}"));
        ExitCode::FAILURE
    })
}
