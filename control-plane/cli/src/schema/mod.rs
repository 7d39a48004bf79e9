//! `musterctl schema …`: work on SQL files, databases and documents, and the way of a change through a control plane.
//!
//! `diff`, `drift`, `export` and `lint` need no control plane; the others ask one, by an API key.
//!
//! Exit codes: 0 nothing found, 2 something found, 3 refused (the reason is on standard error), 1 failure.

mod answer;
mod apply;
mod database;
mod diff;
mod drift;
mod execute;
mod export;
mod input;
mod lint;
mod propose;
mod server;
mod side;
mod sources;
mod ticket;

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
    /// Publish designed tables: print what would run on each server, and open the ticket that others approve
    Publish(propose::Publish),
    /// Propose SQL as text, in the same way
    Propose(propose::Propose),
    /// List tickets, or show one with its SQL, its risk and who approves it
    Tickets(ticket::Tickets),
    /// Approve a ticket's current step; the last one makes the release
    Approve(ticket::Approve),
    /// Give a ticket back to its author
    Reject(ticket::Reject),
    /// Take one's own ticket back
    Withdraw(ticket::Withdraw),
    /// List releases, or show one
    Releases(ticket::Releases),
    /// Execute a release on one of its servers, or try it
    Execute(execute::Execute),
    /// Show how an execution stands, statement by statement
    Execution(execute::Show),
    /// Call an execution off
    Cancel(execute::Cancel),
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
        Command::Publish(args) => propose::publish(&args),
        Command::Propose(args) => propose::propose(&args),
        Command::Tickets(args) => ticket::tickets(&args),
        Command::Approve(args) => ticket::approve(&args),
        Command::Reject(args) => ticket::reject(&args),
        Command::Withdraw(args) => ticket::withdraw(&args),
        Command::Releases(args) => ticket::releases(&args),
        Command::Execute(args) => execute::execute(&args),
        Command::Execution(args) => execute::show(&args),
        Command::Cancel(args) => execute::cancel(&args),
        Command::Lint(args) => lint::run(&args),
    }
}
