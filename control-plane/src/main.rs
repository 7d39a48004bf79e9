//! `muster`: the control plane.

use std::{
    fs::File,
    io::IsTerminal,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand};
use mimalloc::MiMalloc;
use muster_base::{Clock, SecretString};
use muster_control_plane::{app::App, config::Config, db::Databases, http, keys::Keys, link, setup, work};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tracing::info;
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// What is logged unless `MUSTER_LOG` says otherwise; the cron scheduler tells its life at `info`.
const LOG: &str = "info,tokio_cron_scheduler=warn";

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
    Serve(ServeArgs),
    /// Set up: master key, database, super administrator.
    Setup(SetupArgs),
    /// Print the OpenAPI document.
    Openapi,
}

#[derive(Args)]
struct ServeArgs {
    /// Where the data is.
    #[arg(long, default_value = "/var/lib/muster")]
    data: PathBuf,
    /// Configuration file; by default muster.toml in the data directory.
    #[arg(long)]
    config: Option<PathBuf>,
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
        Ok(()) => ExitCode::SUCCESS,
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

async fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Serve(args) => serve(args).await,
        Command::Setup(args) => set_up(args).await,
        Command::Openapi => print_openapi(),
    }
}

#[expect(clippy::print_stdout, reason = "the document is the command's output")]
fn print_openapi() -> anyhow::Result<()> {
    println!("{}", http::document().to_pretty_json()?);
    Ok(())
}

async fn set_up(args: SetupArgs) -> anyhow::Result<()> {
    if let Some(SetupChange::Password { data, password_file }) = args.change {
        return Ok(setup::set_password(&data, read_password(&password_file)?).await?);
    }
    let (Some(account), Some(file)) = (args.account, args.password_file) else {
        bail!("give --account and --password-file");
    };
    setup::setup(
        &args.data,
        &account,
        read_password(&file)?,
        args.database.map(SecretString::from),
    )
    .await?;
    Ok(())
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

async fn serve(args: ServeArgs) -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_env("MUSTER_LOG").unwrap_or_else(|_| EnvFilter::new(LOG));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    let config =
        Config::load(&args.data, args.config.as_deref()).context("the configuration can't be used")?;
    if config.super_admin.is_none() {
        bail!(
            "{} is not set up: run `muster setup --data {} --account NAME --password-file FILE` first",
            args.data.display(),
            args.data.display()
        );
    }
    let _lock = lock(&args.data)?;
    let keys = Keys::load(&args.data)?;
    let databases = match &config.database.url {
        Some(url) => Databases::postgres(url).await,
        None => Databases::sqlite(&args.data).await,
    }
    .context("the database can't be used")?;
    let listen: SocketAddr = config.http.listen;
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("can't listen on {listen}"))?;
    let app = App::new(config, databases, Clock::system(), keys);
    app.start().await.context("the control plane can't start")?;
    link::start(&app, app.config.link.listen)
        .await
        .context("the agents' door can't be opened")?;
    work::start(&app).await.context("the fleet's keys can't be had")?;
    info!(http.listen = %listener.local_addr()?, database = app.db.name(), "serving");
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stopping = app.tasks.stopping();
    app.tasks.spawn("signals", async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = stopping.cancelled() => {}
        }
        stopping.cancel();
    });
    let served = http::serve(app.clone(), listener).await;
    app.stop().await;
    info!("stopped");
    Ok(served?)
}

/// One control plane a data directory.
fn lock(data: &Path) -> anyhow::Result<File> {
    let path = data.join("muster.lock");
    let file = File::create(&path).with_context(|| format!("{} can't be written", path.display()))?;
    if file.try_lock().is_err() {
        bail!("another control plane serves {}", data.display());
    }
    Ok(file)
}
