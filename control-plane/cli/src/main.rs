//! `musterctl`: the command line for people and CI. What it prints on standard output is for programs to read; what is
//! meant for people goes to standard error.

mod schema;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "musterctl", version, about = "Muster's command line")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Database change
    #[command(subcommand)]
    Schema(schema::Command),
}

fn main() -> ExitCode {
    let Command::Schema(command) = Cli::parse().command;
    match schema::run(command) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            report(&format!("{error:#}"));
            ExitCode::from(schema::FAILURE)
        }
    }
}

/// A line for a person.
#[expect(clippy::print_stderr, reason = "a command line talks to its user there")]
fn report(text: &str) {
    eprintln!("musterctl: {text}");
}
