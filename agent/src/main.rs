//! `muster-agent`: joins a host to a fleet, and is the resident that runs on it.

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use muster_agent::{
    config::{DataDir, RunConfig},
    doctor,
    identity::{self, JoinOrder},
    link::LinkEnd,
    resident, said, status,
};
use muster_base::{Clock, SecretString, doctor::Report};
use muster_identity::{Fingerprint, token::JoinToken};

/// Tells a supervisor that starting again is of no use: the host was removed from the fleet (`EX_CONFIG`).
const EXIT_REMOVED: u8 = 78;

#[derive(Parser)]
#[command(name = "muster-agent", version, about = "Muster's agent for one host")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Enrols this host in a fleet
    Join(JoinArgs),
    /// Runs the agent until it is told to stop
    Run(RunConfig),
    /// Says whether the agent runs and is connected
    Status {
        #[command(flatten)]
        data: DataDir,
        /// Prints JSON
        #[arg(long)]
        json: bool,
    },
    /// Says what is wrong, why it matters and what to do; exit status 0 nothing, 1 warnings, 2 problems
    Doctor {
        #[command(flatten)]
        patient: doctor::Patient,
        /// Prints JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args)]
struct JoinArgs {
    #[command(flatten)]
    data: DataDir,
    /// HOST:PORT of the control plane (UDP), or several with commas between
    #[arg(long)]
    server: String,
    /// The CA's fingerprint, sha256:HEX, as the join command shows it
    #[arg(long)]
    ca_fingerprint: Fingerprint,
    /// The join token; rather give it as a file or in the environment, where `ps` does not show it
    #[arg(
        long,
        env = "MUSTER_JOIN_TOKEN",
        hide_env_values = true,
        conflicts_with = "token_file"
    )]
    token: Option<SecretString>,
    /// File that holds the join token
    #[arg(long)]
    token_file: Option<PathBuf>,
}

fn main() -> ExitCode {
    said::start("RUST_LOG");
    execute(Cli::parse().command).unwrap_or_else(|error| {
        tracing::error!("{error:#}");
        ExitCode::FAILURE
    })
}

fn execute(command: Command) -> anyhow::Result<ExitCode> {
    // One thread is plenty, and keeps the resident small.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    match command {
        Command::Join(args) => {
            let joined = runtime.block_on(identity::join(args.try_into()?, &Clock::system()))?;
            tracing::info!(host.id = %joined.host, "joined; now run the agent");
            Ok(ExitCode::SUCCESS)
        }
        Command::Run(config) => match runtime.block_on(resident::run_until_signal(config))? {
            LinkEnd::Stopped => Ok(ExitCode::SUCCESS),
            LinkEnd::Removed => Ok(ExitCode::from(EXIT_REMOVED)),
        },
        Command::Status { data, json } => print_status(&data, json),
        Command::Doctor { patient, json } => {
            let report = runtime.block_on(doctor::examine(&patient, &Clock::system()));
            print_report(&report, json)
        }
    }
}

#[expect(clippy::print_stdout, reason = "this command prints its answer")]
fn print_report(report: &Report, json: bool) -> anyhow::Result<ExitCode> {
    if json {
        println!("{}", serde_json::to_string_pretty(report)?);
    } else {
        println!("{report}");
    }
    Ok(ExitCode::from(report.exit_code()))
}

#[expect(clippy::print_stdout, reason = "this command prints its answer")]
fn print_status(data: &DataDir, json: bool) -> anyhow::Result<ExitCode> {
    let status = status::read(data)?;
    if json {
        println!("{}", serde_json::to_string_pretty(&status)?);
    } else {
        println!(
            "host {} of {}: {:?} since {}",
            status.host, status.server, status.link, status.since
        );
        if let Some(error) = &status.last_error {
            println!("last error: {error}");
        }
        if !status.running {
            println!("the agent does not run");
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl TryFrom<JoinArgs> for JoinOrder {
    type Error = anyhow::Error;

    fn try_from(args: JoinArgs) -> anyhow::Result<Self> {
        use muster_base::ExposeSecret as _;
        let token: JoinToken = match (&args.token, &args.token_file) {
            (Some(token), _) => token.expose_secret().parse()?,
            (None, Some(path)) => {
                let text =
                    fs::read_to_string(path).with_context(|| format!("{} can't be read", path.display()))?;
                text.parse()?
            }
            (None, None) => anyhow::bail!("give the join token: --token-file, MUSTER_JOIN_TOKEN or --token"),
        };
        Ok(Self {
            data: args.data,
            server: args.server,
            ca_fingerprint: args.ca_fingerprint,
            token,
        })
    }
}
