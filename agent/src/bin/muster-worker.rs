//! `muster-worker`: does one work order, or describes the host's containers, and exits.
//!
//! Nobody calls it by hand: the resident starts it as a child, or systemd starts it for a connection to its socket
//! (`Accept=yes`, `StandardInput=socket`). Either way the request comes on standard input and the answers go to
//! standard output, in frames; the log goes to standard error.

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use muster_agent::{
    config::{DEFAULT_POLICY, DataDir},
    front::Fronts,
    said,
    worker::{WorkerConfig, docker::DEFAULT_HOST, serve},
};
use muster_base::Clock;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug, Parser)]
#[command(version, about = "Does one work order and exits; started by muster-agent")]
struct Args {
    #[command(flatten)]
    data: DataDir,

    /// File that says what this host never does
    #[arg(long, env = "MUSTER_AGENT_POLICY", default_value = DEFAULT_POLICY)]
    policy: PathBuf,

    /// The container engine's socket, as unix:///path
    #[arg(long, env = "MUSTER_AGENT_DOCKER_HOST", default_value = DEFAULT_HOST)]
    docker_host: String,

    /// Where systemd's muster-front keeps its status; without, the worker starts the front itself
    #[arg(long, env = "MUSTER_FRONT_STATE")]
    front_state: Option<PathBuf>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    said::start("MUSTER_LOG");
    match work(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            tracing::error!("{e:#}");
            ExitCode::FAILURE
        }
    }
}

fn work(args: Args) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let config = WorkerConfig {
        fronts: Fronts::new(&args.data, args.front_state),
        data: args.data,
        policy: args.policy,
        docker_host: args.docker_host,
        clock: Clock::system(),
    };
    let done = runtime.block_on(serve(config, tokio::io::stdin(), tokio::io::stdout()));
    // A thread may still wait for standard input; there is nothing more to come from it.
    runtime.shutdown_background();
    done
}
