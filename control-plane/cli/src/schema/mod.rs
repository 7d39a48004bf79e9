//! `musterctl schema …`: work on SQL files, databases and documents. Only `apply` asks a control plane.
//!
//! Exit codes: 0 nothing found, 2 something found, 3 refused (the reason is on standard error), 1 failure.

mod apply;
mod database;
mod diff;
mod drift;
mod export;
mod input;
mod lint;
mod server;
mod side;
mod sources;

use clap::Subcommand;

/// Nothing was found.
pub const NOTHING: u8 = 0;
/// It did not work.
pub const FAILURE: u8 = 1;
/// Something was found.
pub const FOUND: u8 = 2;
/// The input can't be read.
pub const REFUSED: u8 = 3;

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Apply documents of databases, tables, servers, … to a control plane: all of them, or none
    Apply(apply::Args),
    /// Print the SQL that makes one schema of another: DDL files or databases
    Diff(diff::Args),
    /// List what differs in a database from what it should be, one object on each line
    Drift(drift::Args),
    /// Print a database's schema as DDL
    Export(export::Args),
    /// Find what people regret later in a file of SQL: one `rule severity line message` on each line
    Lint(lint::Args),
}

/// Does it; the answer is the exit code.
pub fn run(command: Command) -> anyhow::Result<u8> {
    match command {
        Command::Apply(args) => apply::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Drift(args) => drift::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Lint(args) => lint::run(&args),
    }
}
