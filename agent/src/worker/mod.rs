//! The worker: carries out one order with the privileges it takes, and exits.
//!
//! Started by the resident as a child, or by systemd for a connection to its socket; either way it reads one
//! [`wire::Request`] from its input and writes [`wire::Answer`]s to its output.
//!
//! It trusts nothing of whoever started it. Signature, addressee, time, sequence, digests and the policy of this host
//! are checked here again ([`order`]), against files that only root can write ([`trust`], [`crate::policy`]), and
//! the secrets are opened with a key that only root can read.
//!
//! # Invariants
//! - Nothing is done before the line `started` is in the worker's own journal, and no order is done twice: one that
//!   ended is answered from the journal, one that was interrupted is finished or undone.
//! - One order at a time in each [`lane`]. A cancel reaches the worker that has the order, whoever is told of it.
//! - A container's log ([`log`]) and a database's catalogue ([`schema`]) are read, rows counted ([`counting`]), and changes proven on databases that are made for it ([`proving`]), only on the
//!   control plane's signed word,
//!   since the resident's is not enough ([`look`]).
//! - Secrets live in this process's memory for as long as the order takes; never in arguments, files or messages.

mod cancel;
mod container;
mod counting;
pub mod deploy;
pub mod docker;
pub mod events;
pub mod lane;
mod log;
mod look;
mod order;
mod proving;
mod put;
mod redact;
mod schema;
pub mod secrets;
pub mod sql;
pub mod trust;
pub mod wire;

use std::path::PathBuf;

use muster_base::Clock;
use muster_protocol::{latest::ContainerFacts, read_frame, write_frame};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _},
    sync::mpsc,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{config::DataDir, front::Fronts};
use docker::{DockerError, Engine};
use wire::{Answer, Coming, Request};

/// Answers that wait for whoever reads them, at most.
const ANSWERS: usize = 64;
/// Pieces of a file that wait to be written, at most.
const PIECES: usize = 2;

/// What a worker is told at its start.
#[derive(Debug, Clone)]
pub struct WorkerConfig {
    /// The data directory; the worker uses its own half of it.
    pub data: DataDir,
    /// The policy of this host.
    pub policy: PathBuf,
    /// The container engine's socket, as `unix:///path`.
    pub docker_host: String,
    /// The front that stands before services which are handed over.
    pub fronts: Fronts,
    /// Always the system's in production: an order's expiry is the control plane's time.
    pub clock: Clock,
}

/// Reads one request from `input`, does it, and writes the answers to `output`.
///
/// Whoever asked may go away in the middle: the work goes on, and the journal keeps what came of it.
pub async fn serve(
    config: WorkerConfig,
    mut input: impl AsyncRead + Unpin + Send + 'static,
    output: impl AsyncWrite + Unpin + Send + 'static,
) -> anyhow::Result<()> {
    let Some(request) = read_frame::<Request>(&mut input).await? else {
        return Ok(());
    };
    let tasks = TaskTracker::new();
    let (answers, queue) = mpsc::channel(ANSWERS);
    tasks.spawn(write_answers(queue, output));
    let asker_gone = CancellationToken::new();
    match request {
        Request::Order { order, keys } => {
            let cancel = CancellationToken::new();
            let (pieces, bytes) = mpsc::channel(PIECES);
            tasks.spawn(
                asker_gone
                    .clone()
                    .run_until_cancelled_owned(hear(input, cancel.clone(), pieces)),
            );
            order::run(&config, &order, &keys, (&cancel, bytes), answers).await;
        }
        Request::Containers => tell_containers(&config, &[], answers).await,
        Request::ContainersSince(known) => tell_containers(&config, &known, answers).await,
        Request::Log { look, keys } => {
            let gone = CancellationToken::new();
            tasks.spawn(
                asker_gone
                    .clone()
                    .run_until_cancelled_owned(watch_for_the_end(input, gone.clone())),
            );
            log::read(&config, &look, &keys, &gone, answers).await;
        }
        Request::Schema { look, keys } => {
            let gone = CancellationToken::new();
            tasks.spawn(
                asker_gone
                    .clone()
                    .run_until_cancelled_owned(watch_for_the_end(input, gone.clone())),
            );
            schema::read(&config, &look, &keys, &gone, answers).await;
        }
        Request::Count { look, keys } => {
            let gone = CancellationToken::new();
            tasks.spawn(
                asker_gone
                    .clone()
                    .run_until_cancelled_owned(watch_for_the_end(input, gone.clone())),
            );
            counting::count(&config, &look, &keys, &gone, answers).await;
        }
        Request::Prove { look, keys } => {
            let gone = CancellationToken::new();
            tasks.spawn(
                asker_gone
                    .clone()
                    .run_until_cancelled_owned(watch_for_the_end(input, gone.clone())),
            );
            proving::prove(&config, &look, &keys, &gone, answers).await;
        }
        Request::Cancel | Request::Bytes(_) => {
            let answer = Answer::Failed("there is no order to cancel".to_owned());
            drop(answers.send(answer).await);
            drop(answers);
        }
    }
    asker_gone.cancel();
    tasks.close();
    tasks.wait().await;
    Ok(())
}

async fn tell_containers(config: &WorkerConfig, known: &[ContainerFacts], answers: mpsc::Sender<Answer>) {
    let answer = match containers(config, known).await {
        Ok((engine, containers)) => Answer::Containers { engine, containers },
        Err(e) => Answer::Failed(e.to_string()),
    };
    drop(answers.send(answer).await);
}

async fn containers(
    config: &WorkerConfig,
    known: &[ContainerFacts],
) -> Result<(Option<String>, Vec<ContainerFacts>), DockerError> {
    // Asked for again and again: a front that is gone (a boot without systemd) is back by then.
    if let Err(error) = config.fronts.ensure() {
        tracing::warn!("{error}");
    }
    let engine = Engine::connect(&config.docker_host).await?;
    let containers = engine.containers(known, config.clock.now()).await?;
    Ok((engine.version().map(str::to_owned), containers))
}

/// Hears of a cancel, and of bytes. A closed input is no cancel: the resident was restarted, and asks again.
async fn hear(mut input: impl AsyncRead + Unpin, cancel: CancellationToken, pieces: mpsc::Sender<Coming>) {
    while let Ok(Some(request)) = read_frame::<Request>(&mut input).await {
        match request {
            Request::Cancel => cancel.cancel(),
            // Where nobody wants them they go nowhere.
            Request::Bytes(bytes) => drop(pieces.send(bytes).await),
            Request::Order { .. }
            | Request::Containers
            | Request::ContainersSince(_)
            | Request::Log { .. }
            | Request::Schema { .. }
            | Request::Count { .. }
            | Request::Prove { .. } => {}
        }
    }
}

/// Whoever reads something ends it by going.
async fn watch_for_the_end(mut input: impl AsyncRead + Unpin, gone: CancellationToken) {
    while let Ok(Some(_)) = read_frame::<Request>(&mut input).await {}
    gone.cancel();
}

async fn write_answers(mut queue: mpsc::Receiver<Answer>, mut output: impl AsyncWrite + Unpin) {
    let mut heard = true;
    while let Some(answer) = queue.recv().await {
        if heard {
            let written = write_frame(&mut output, &answer).await;
            heard = written.is_ok() && output.flush().await.is_ok();
        }
    }
}
