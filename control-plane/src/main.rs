//! `muster`: the control plane.

mod command;
mod serve;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand};
use mimalloc::MiMalloc;
use muster_base::SecretString;
use muster_control_plane::{
    http,
    setup::{self, DatabaseInput, Installation, Progress, StepState},
};

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Muster's control plane.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the HTTP API and console, and the agents.
    Serve(serve::ServeArgs),
    /// Set up: master key, database, super administrator.
    Setup(SetupArgs),
    /// Say what is wrong, why it matters and what to do. Exit status: 0 nothing, 1 warnings, 2 problems.
    Doctor(command::doctor::DoctorArgs),
    /// Write one sealed file from which a serving control plane can be restored.
    Backup(command::backup::BackupArgs),
    /// Restore a backup into a fresh directory.
    Restore(command::backup::RestoreArgs),
    /// Show the keys, and rotate them.
    Keys(command::keys::KeysArgs),
    /// Show releases from before releases were signed, and vouch for them.
    Releases(command::releases::ReleasesArgs),
    /// Print the OpenAPI document.
    Openapi,
}

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct SetupArgs {
    /// Where the data is to be.
    #[arg(long, default_value = "/var/lib/muster")]
    data: PathBuf,
    /// Sign-in name of the super administrator.
    #[arg(long, required = true)]
    account: Option<String>,
    /// File that holds the super administrator's password; `-` reads it from standard input.
    #[arg(long, required = true)]
    password_file: Option<PathBuf>,
    /// `postgres://…`; without it, SQLite files in the data directory. Also read from MUSTER_SETUP_DATABASE, which keeps
    /// a password out of the process list.
    #[arg(long, env = "MUSTER_SETUP_DATABASE", hide_env_values = true)]
    database: Option<String>,
    #[command(subcommand)]
    change: Option<SetupChange>,
}

#[derive(Subcommand)]
enum SetupChange {
    /// Give the super administrator a new password.
    Password {
        /// Where the data is.
        #[arg(long, default_value = "/var/lib/muster")]
        data: PathBuf,
        /// File that holds the new password; `-` reads it from standard input.
        #[arg(long)]
        password_file: PathBuf,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let ran = match runtime {
        Ok(runtime) => runtime.block_on(run(cli)),
        Err(error) => Err(error.into()),
    };
    match ran {
        Ok(code) => code,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "a command's own error")]
fn report(error: &anyhow::Error) {
    eprintln!("muster: {error:#}");
}

async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Serve(args) => serve::serve(args).await?,
        Command::Setup(args) => set_up(args).await?,
        Command::Doctor(args) => return command::doctor::run(args).await,
        Command::Backup(args) => command::backup::backup(args).await?,
        Command::Restore(args) => command::backup::restore(args).await?,
        Command::Keys(args) => command::keys::run(args).await?,
        Command::Releases(args) => command::releases::run(args).await?,
        Command::Openapi => print_openapi()?,
    }
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::print_stdout, reason = "the document is the command's output")]
fn print_openapi() -> anyhow::Result<()> {
    println!("{}", http::document().to_pretty_json()?);
    Ok(())
}

async fn set_up(args: SetupArgs) -> anyhow::Result<()> {
    if let Some(SetupChange::Password { data, password_file }) = args.change {
        let password = read_password(&password_file)?;
        setup::become_owner(&data)?;
        return Ok(setup::set_password(&data, password).await?);
    }
    let (Some(account), Some(file)) = (args.account, args.password_file) else {
        bail!("give --account and --password-file");
    };
    let password = read_password(&file)?;
    setup::become_owner(&args.data)?;
    let database = args
        .database
        .map(|url| DatabaseInput::url(SecretString::from(url)));
    let installation = Installation::check(&args.data, &account, password, database.as_ref()).await?;
    setup::install(installation, say).await?;
    Ok(())
}

/// One line for each step that ended well; the error itself is told at the end.
#[expect(clippy::print_stdout, reason = "the progress is the command's output")]
fn say(progress: Progress) {
    let Progress {
        step,
        table,
        state,
        detail,
        errors: _,
    } = progress;
    match (state, table) {
        (StepState::Done, Some(table)) => println!("  {table} {detail}"),
        (StepState::Done, None) => println!("{step}: done"),
        (StepState::Running | StepState::Failed, _) => {}
    }
}

fn read_password(file: &Path) -> anyhow::Result<SecretString> {
    let text = if file == Path::new("-") {
        std::io::read_to_string(std::io::stdin()).context("the password can't be read from standard input")?
    } else {
        std::fs::read_to_string(file)
            .with_context(|| format!("the password file {} can't be read", file.display()))?
    };
    Ok(text.trim_end_matches(['\r', '\n']).into())
}
