//! Starting a worker: as a child, or by connecting to the socket for which systemd starts one. The order goes over a
//! pipe or a socket, never as an argument.

use std::{path::PathBuf, process::Stdio, time::Duration};

use muster_protocol::{
    FrameError,
    latest::{ContainerFacts, SignedLook, SignedOrder, SigningKeyNotice},
    read_frame, write_frame,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _},
    net::UnixStream,
    process::{Child, Command},
    time::timeout,
};

use crate::{
    config::RunConfig,
    worker::wire::{Answer, Coming, Request},
};

/// Where systemd listens for the worker, if the packages installed it.
pub const DEFAULT_SOCKET: &str = "/run/muster-agent/worker.sock";

const CONTAINERS_TIMEOUT: Duration = Duration::from_secs(30);

/// A worker could not be started or talked to.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// It does not start.
    #[error("the worker {0} can't be started: {1}")]
    Start(PathBuf, #[source] std::io::Error),
    /// It ended, or spoke nonsense.
    #[error("the worker ended before it answered")]
    Gone,
    /// It did not answer in time.
    #[error("the worker did not answer in time")]
    Slow,
    /// It can't do what it was asked.
    #[error("the worker says: {0}")]
    Failed(String),
    /// The frame could not be sent or read.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// How workers are started. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Workers {
    how: How,
}

#[derive(Debug, Clone)]
enum How {
    Child {
        program: PathBuf,
        data: PathBuf,
        policy: PathBuf,
        docker_host: String,
    },
    Socket(PathBuf),
}

/// What the engine says of itself and its containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineFacts {
    /// The engine's version.
    pub engine: Option<String>,
    /// In order of names.
    pub containers: Vec<ContainerFacts>,
}

impl Workers {
    /// By connecting to this socket, on which somebody with the privileges starts a worker for each connection.
    pub const fn at_socket(path: PathBuf) -> Self {
        Self {
            how: How::Socket(path),
        }
    }

    /// By socket where systemd listens and no other worker is asked for, else as children.
    pub fn new(config: &RunConfig) -> Self {
        let socket = PathBuf::from(DEFAULT_SOCKET);
        if config.worker.is_none() && socket.exists() {
            return Self::at_socket(socket);
        }
        let how = How::Child {
            program: config.worker_binary(),
            data: config.data.root.clone(),
            policy: config.policy.clone(),
            docker_host: config.docker_host.clone(),
        };
        Self { how }
    }

    /// Starts a worker for an order.
    pub(super) async fn order(
        &self,
        order: &SignedOrder,
        keys: Vec<SigningKeyNotice>,
    ) -> Result<Worker, WorkerError> {
        let request = Request::Order {
            order: Box::new(order.clone()),
            keys,
        };
        self.start(&request).await
    }

    /// What the engine says: a short worker call, shorter for whoever gives the facts that it got a moment ago.
    pub async fn containers(&self, known: Vec<ContainerFacts>) -> Result<EngineFacts, WorkerError> {
        let ask = async {
            // A worker of before knows only the question without facts.
            let request = if known.is_empty() {
                Request::Containers
            } else {
                Request::ContainersSince(known)
            };
            let mut worker = self.start(&request).await?;
            match worker.next().await? {
                Some(Answer::Containers { engine, containers }) => Ok(EngineFacts { engine, containers }),
                Some(Answer::Failed(why)) => Err(WorkerError::Failed(why)),
                Some(
                    Answer::Reply(_)
                    | Answer::Log(_)
                    | Answer::LogEnd(_)
                    | Answer::Schema(_)
                    | Answer::SchemaEnd(_)
                    | Answer::Counted(_)
                    | Answer::Proof(_)
                    | Answer::WantBytes { .. },
                )
                | None => Err(WorkerError::Gone),
            }
        };
        timeout(CONTAINERS_TIMEOUT, ask)
            .await
            .unwrap_or(Err(WorkerError::Slow))
    }

    /// Starts a worker that reads a container's log for as long as it is listened to.
    pub(crate) async fn log(
        &self,
        look: SignedLook,
        keys: Vec<SigningKeyNotice>,
    ) -> Result<Worker, WorkerError> {
        self.start(&Request::Log { look, keys }).await
    }

    /// Starts a worker that counts the rows that a statement would touch.
    pub(crate) async fn count(
        &self,
        look: SignedLook,
        keys: Vec<SigningKeyNotice>,
    ) -> Result<Worker, WorkerError> {
        self.start(&Request::Count { look, keys }).await
    }

    /// Starts a worker that proves a change on a scratch database.
    pub(crate) async fn prove(
        &self,
        look: SignedLook,
        keys: Vec<SigningKeyNotice>,
    ) -> Result<Worker, WorkerError> {
        self.start(&Request::Prove { look, keys }).await
    }

    /// Starts a worker that reads a database's catalogue.
    pub(crate) async fn schema(
        &self,
        look: SignedLook,
        keys: Vec<SigningKeyNotice>,
    ) -> Result<Worker, WorkerError> {
        self.start(&Request::Schema { look, keys }).await
    }

    async fn start(&self, request: &Request) -> Result<Worker, WorkerError> {
        let mut worker = match &self.how {
            How::Child {
                program,
                data,
                policy,
                docker_host,
            } => {
                let mut child = Command::new(program)
                    .arg("--data")
                    .arg(data)
                    .arg("--policy")
                    .arg(policy)
                    .args(["--docker-host", docker_host])
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    // Out of the way of a Ctrl-C that is meant for the resident: an order is not torn by it.
                    .process_group(0)
                    .spawn()
                    .map_err(|e| WorkerError::Start(program.clone(), e))?;
                let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
                    return Err(WorkerError::Gone);
                };
                Worker {
                    input: Box::new(input),
                    output: Box::new(output),
                    child: Some(child),
                }
            }
            How::Socket(path) => {
                let stream = UnixStream::connect(path)
                    .await
                    .map_err(|e| WorkerError::Start(path.clone(), e))?;
                let (output, input) = stream.into_split();
                Worker {
                    input: Box::new(input),
                    output: Box::new(output),
                    child: None,
                }
            }
        };
        worker.send(request).await?;
        Ok(worker)
    }
}

/// A worker at work. Dropping this does not stop it.
pub(crate) struct Worker {
    input: Box<dyn AsyncWrite + Send + Unpin>,
    output: Box<dyn AsyncRead + Send + Unpin>,
    child: Option<Child>,
}

impl Worker {
    pub(super) async fn cancel(&mut self) -> Result<(), WorkerError> {
        self.send(&Request::Cancel).await
    }

    /// What came of the bytes that it wants.
    pub(super) async fn bytes(&mut self, bytes: Coming) -> Result<(), WorkerError> {
        self.send(&Request::Bytes(bytes)).await
    }

    /// Takes the end that answers come from: reading a frame must not be interrupted, so it needs its own task.
    pub(crate) fn take_answers(&mut self) -> Box<dyn AsyncRead + Send + Unpin> {
        std::mem::replace(&mut self.output, Box::new(tokio::io::empty()))
    }

    /// Waits until the process is gone, so that it leaves no zombie.
    pub(crate) async fn reap(mut self) {
        drop(self.input);
        if let Some(child) = &mut self.child
            && let Err(e) = child.wait().await
        {
            tracing::warn!(error = %e, "the worker's end could not be waited for");
        }
    }

    async fn next(&mut self) -> Result<Option<Answer>, WorkerError> {
        Ok(read_frame(&mut self.output).await?)
    }

    async fn send(&mut self, request: &Request) -> Result<(), WorkerError> {
        write_frame(&mut self.input, request).await?;
        self.input.flush().await.map_err(FrameError::from)?;
        Ok(())
    }
}
