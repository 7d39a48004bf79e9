//! `muster serve`: what is done before there is an [`App`], and the order in which everything starts and stops.
//!
//! Not installed → the installer serves until somebody has installed. Installed, but the database is away → pages and
//! calls are told so until it answers. Then everything starts. One HTTP socket through all of it: whoever connects in
//! between waits a moment instead of being refused.

use std::{
    fs::{DirBuilder, File},
    io::IsTerminal,
    net::TcpListener as StdListener,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail};
use clap::Args;
use muster_base::{Clock, ExposeSecret};
use muster_control_plane::{
    app::App,
    config::{Config, as_seen_from_outside},
    db::{Databases, DbError},
    http,
    keys::{self, Keys},
    link, peers,
    setup::Door,
    supervise::{self, Supervisor},
    tasks::Tasks,
    work,
};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use tracing_subscriber::EnvFilter;

/// What is logged unless `MUSTER_LOG` says otherwise; the cron scheduler tells its life at `info`.
const LOG: &str = "info,tokio_cron_scheduler=warn";
const RETRY: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(5);

/// Where the data and the configuration are.
#[derive(Args)]
pub struct ServeArgs {
    /// Where the data is.
    #[arg(long, default_value = "/var/lib/muster")]
    data: PathBuf,
    /// Configuration file; by default muster.toml in the data directory.
    #[arg(long)]
    config: Option<PathBuf>,
}

/// Serves until SIGTERM or SIGINT.
pub async fn serve(args: ServeArgs) -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_env("MUSTER_LOG").unwrap_or_else(|_| EnvFilter::new(LOG));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    let tasks = Tasks::default();
    let stop = tasks.stopping();
    stop_at_signals(&tasks)?;
    let served = run(&args, &tasks, &stop).await;
    tasks.stop(PATIENCE).await;
    info!("stopped");
    served
}

fn stop_at_signals(tasks: &Tasks) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = tasks.stopping();
    tasks.spawn("signals", async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = stop.cancelled() => {}
        }
        supervise::stopping();
        stop.cancel();
    });
    Ok(())
}

async fn run(args: &ServeArgs, tasks: &Tasks, stop: &CancellationToken) -> anyhow::Result<()> {
    let mut config = load(args)?;
    let directory = DirBuilder::new().recursive(true).mode(0o700).create(&args.data);
    directory.with_context(|| format!("{} can't be made", args.data.display()))?;
    let _lock = lock(&args.data)?;
    let listen = config.http.listen;
    let socket = StdListener::bind(listen).with_context(|| format!("can't listen on {listen}"))?;
    socket.set_nonblocking(true)?;
    let supervisor = Supervisor::start(tasks, socket.local_addr()?);
    if config.super_admin.is_none() {
        if args.config.is_some() {
            bail!(
                "{} names no super administrator: run `muster setup`, and serve with the file it writes",
                args.config.as_deref().unwrap_or(&args.data).display()
            );
        }
        supervisor.not_installed();
        install(&config, &socket, tasks, stop).await?;
        supervisor.starting();
        if stop.is_cancelled() {
            return Ok(());
        }
        config = load(args)?;
    }
    let Some(databases) = open(&config, &socket, &supervisor, stop).await? else {
        return Ok(());
    };
    let keys = Keys::load(&args.data)?;
    let listener = listener(&socket)?;
    let app = App::new(config, databases, Clock::system(), keys);
    let (asked, stopping) = (stop.clone(), app.tasks.stopping());
    app.tasks.spawn("stop", async move {
        tokio::select! {
            () = asked.cancelled() => stopping.cancel(),
            () = stopping.cancelled() => {}
        }
    });
    check_keys(&app).await?;
    peers::succeed(&app, &args.data)
        .await
        .context("the database can't be used")?;
    app.start().await.context("the control plane can't start")?;
    keys::start(&app);
    link::start(&app, app.config.link.listen)
        .await
        .context("the agents' door can't be opened")?;
    peers::start(&app);
    work::start(&app).await.context("the fleet's keys can't be had")?;
    info!(http.listen = %listener.local_addr()?, database = app.db.name(), "serving");
    supervisor.serving(&app);
    http::serve(app.clone(), listener).await;
    app.stop().await;
    Ok(())
}

/// Two control planes with different master keys would each seal what the other can't open.
async fn check_keys(app: &App) -> anyhow::Result<()> {
    let strangers = keys::strangers(app).await.context("the database can't be used")?;
    if let Some(stranger) = strangers.first() {
        bail!(
            "the control plane {} serves this database with the master key {}, this one has {}: give both the same \
             master.key",
            stranger.name,
            stranger.master_keys.first().map_or("?", String::as_str),
            app.keys.id()
        );
    }
    Ok(())
}

fn load(args: &ServeArgs) -> anyhow::Result<Config> {
    Config::load(&args.data, args.config.as_deref()).context("the configuration can't be used")
}

fn listener(socket: &StdListener) -> anyhow::Result<TcpListener> {
    Ok(TcpListener::from_std(socket.try_clone()?)?)
}

/// Serves the installer until Muster is installed, or is to stop.
async fn install(
    config: &Config,
    socket: &StdListener,
    tasks: &Tasks,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let door = Door::open(&config.data, tasks.clone());
    let address = match &config.http.public_url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => format!("http://{}", as_seen_from_outside(socket.local_addr()?)),
    };
    announce(&door, &address);
    let (installing, asked) = (door.clone(), stop.clone());
    let until = async move {
        tokio::select! {
            () = installing.installed() => {}
            () = asked.cancelled() => {}
        }
    };
    http::serve_installer(door, listener(socket)?, until).await;
    Ok(())
}

#[expect(
    clippy::print_stdout,
    reason = "for whoever started the process; the token is void once it was used"
)]
fn announce(door: &Door, address: &str) {
    let token = door
        .token()
        .map(|token| token.expose_secret().to_owned())
        .unwrap_or_default();
    println!("Muster is not installed yet. Open the install page and give it the setup token:");
    println!();
    println!("  install page  {address}/install");
    println!("  setup token   {token}");
    println!();
    println!("Or stop this process and run `muster setup`.");
}

/// Opens the database; as long as it is away, whoever asks is told so. Nothing if the process is to stop.
async fn open(
    config: &Config,
    socket: &StdListener,
    supervisor: &Supervisor,
    stop: &CancellationToken,
) -> anyhow::Result<Option<Databases>> {
    let opened = match try_open(config).await {
        Err(DbError::Unavailable(cause)) => {
            warn!(
                error = &cause as &dyn std::error::Error,
                "waiting for the database"
            );
            supervisor.waiting();
            let (over, ended) = oneshot::channel::<()>();
            let waiting = http::serve_waiting(listener(socket)?, async {
                ended.await.ok();
            });
            let searching = async {
                let opened = stop.run_until_cancelled(keep_trying(config)).await;
                drop(over);
                opened
            };
            let ((), opened) = tokio::join!(waiting, searching);
            supervisor.starting();
            match opened {
                Some(opened) => opened,
                None => return Ok(None),
            }
        }
        opened => opened,
    };
    opened.map(Some).context("the database can't be used")
}

async fn keep_trying(config: &Config) -> Result<Databases, DbError> {
    loop {
        tokio::time::sleep(RETRY).await;
        match try_open(config).await {
            Err(DbError::Unavailable(_)) => {}
            opened => return opened,
        }
    }
}

async fn try_open(config: &Config) -> Result<Databases, DbError> {
    match &config.database.url {
        Some(url) => Databases::postgres(url).await,
        None => Databases::sqlite(&config.data).await,
    }
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
