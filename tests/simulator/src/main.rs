//! `muster-simulator`: runs of the simulated fleet whose numbers `cargo measure` shows. It finds the programs to
//! measure as the tests do (`MUSTER_TEST_BIN_DIR`), and ends with the numbers as one line of JSON.

mod run;

use clap::Parser;
use mimalloc::MiMalloc;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[derive(Parser)]
#[command(about, disable_help_subcommand = true)]
enum Command {
    /// A fleet that connects, reports, and comes back after its control plane was away.
    Fleet(run::fleet::Args),
    /// Orders to a connected fleet, one at a time.
    Dispatch(run::dispatch::Args),
    /// A host's past, delivered as after an outage: what it takes at rest, and how quickly it is answered.
    Storage(run::storage::Args),
    /// Rows of readings into PostgreSQL and out of it, as now and as before its tables had partitions.
    Readings(run::readings::Args),
    /// The API's lists and searches, with many users in many orgs.
    Api(run::api::Args),
    /// Wrong passwords in great number.
    Flood(run::flood::Args),
    /// A storm of webhook calls, each several times.
    Webhook(run::webhook::Args),
    /// A control plane's data directory with many hosts in it.
    Fill(run::fill::Args),
    /// Simulated hosts of a control plane that runs already, until the standard input ends.
    Hosts(run::hosts::Args),
}

fn main() -> ExitCode {
    let ran = match Command::parse() {
        Command::Fleet(args) => run::fleet::run(&args),
        Command::Dispatch(args) => run::dispatch::run(&args),
        Command::Storage(args) => run::storage::run(&args),
        Command::Readings(args) => run::readings::run(&args),
        Command::Api(args) => run::api::run(&args),
        Command::Flood(args) => run::flood::run(&args),
        Command::Webhook(args) => run::webhook::run(&args),
        Command::Fill(args) => run::fill::run(&args),
        Command::Hosts(args) => run::hosts::run(&args),
    };
    match ran {
        Ok(numbers) => {
            say(&numbers.to_string());
            ExitCode::SUCCESS
        }
        Err(error) => {
            complain(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "this program's answer")]
fn say(text: &str) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "a command's own news and errors")]
fn complain(text: &str) {
    eprintln!("{text}");
}
