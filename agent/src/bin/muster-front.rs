//! `muster-front`: stands before services that are handed over without a dropped request.
//!
//! Nobody calls it by hand: systemd starts it when there is a route (`muster-front.path`), or the worker does.

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use muster_agent::{
    front::serve::{self, Dirs},
    said,
};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug, Parser)]
#[command(version, about = "Hands services over; started by systemd or muster-worker")]
struct Args {
    /// Directory of the routes
    #[arg(long, default_value = "/var/lib/muster-agent/fronts")]
    routes: PathBuf,

    /// Directory of the status files
    #[arg(long, default_value = "/run/muster-front")]
    state: PathBuf,
}

fn main() -> ExitCode {
    let args = Args::parse();
    said::start("MUSTER_LOG");
    // Whoever started us may end, and its terminal may close. Systemd's services lead a session already.
    if let Err(error) = nix::unistd::setsid() {
        tracing::debug!(%error, "leads a session already");
    }
    match front(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            tracing::error!("{e:#}");
            ExitCode::FAILURE
        }
    }
}

fn front(args: Args) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let stop = CancellationToken::new();
        let dirs = Dirs {
            routes: args.routes,
            state: args.state,
        };
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let serving = serve::run(&dirs, stop.clone());
        tokio::pin!(serving);
        tokio::select! {
            ended = &mut serving => return Ok(ended?),
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.cancel();
        Ok(serving.await?)
    })
}
