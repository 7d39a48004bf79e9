//! Reading a container's log for somebody who looks.
//!
//! Nothing is changed, so there is no order, journal or lane. But what containers write is not for everybody: the wish
//! is signed by the control plane ([`SignedLook`]) and checked here, like an order, against the keys that this host pinned,
//! its org, its name and its time; then against the policy (`containers.logs`). The resident only passes it on.
//!
//! # What is read
//! First what was written before now: the last `tail` lines, or of a search those that fit among the last
//! [`SCANNED`]. Then, to follow it, whatever comes after the last line that was read. A container that stops is waited for:
//! it may start again, and one of the same name that takes its place (a deploy) is followed instead. Where there is none for
//! [`GONE_AFTER`], the log has ended.
//!
//! # What is left out
//! The values of secrets that Muster put into the container's environment (`muster.secrets` names the variables), control
//! characters, and what is beyond the length of a line ([`lines`]).
//!
//! # Limits
//! [`BATCH`] lines at a time, and one batch in [`BATCH_EVERY`]. Whoever reads slowly holds up the worker, the worker the engine.
//!
//! # Fails how
//! With a sentence for whoever looks; an engine that goes away is waited for as long as a missing container.

mod lines;
mod past;

use std::time::Duration;

use futures_util::StreamExt as _;
use muster_identity::look::Look;
use muster_protocol::latest::{LogEnd, LogLine, LogLook, SignedLook, SigningKeyNotice};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

use self::{
    lines::{Assembler, matches},
    past::Position,
};
use super::{
    WorkerConfig,
    docker::{DockerError, Engine, Lines, Readable},
    look::{self, WishError},
    wire::Answer,
};
use crate::policy::{Policy, PolicyError, PolicyRefusal};

/// Lines that a search looks through.
const SCANNED: u32 = 50_000;
/// Lines of the past that are told, whatever is asked.
const MAX_TAIL: u32 = 10_000;
/// Lines that travel together, at most.
const BATCH: usize = 256;
/// And bytes.
const BATCH_BYTES: usize = 128 * 1024;
/// One batch in this time, so that a mad container costs no more than this.
const BATCH_EVERY: Duration = Duration::from_millis(50);
/// Lines that come one by one wait for others so long.
const TOGETHER: Duration = Duration::from_millis(100);
/// How soon it is noticed that a container runs again.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// A deploy takes the name away for a moment.
const GONE_AFTER: Duration = Duration::from_secs(10);

/// Why there is nothing to read.
#[derive(Debug, thiserror::Error)]
enum LookError {
    #[error(transparent)]
    Wish(#[from] WishError),
    #[error(transparent)]
    Policy(#[from] PolicyRefusal),
    #[error(transparent)]
    NoPolicy(#[from] PolicyError),
    #[error("there is no container named {0} on this host (any more)")]
    NotThere(String),
    #[error(transparent)]
    Docker(#[from] DockerError),
    /// Nobody listens any more.
    #[error("nobody listens")]
    Left,
}

/// Reads what `signed` asks for until it ends or `gone` is cancelled, and says so on `answers`.
pub(super) async fn read(
    config: &WorkerConfig,
    signed: &SignedLook,
    keys: &[SigningKeyNotice],
    gone: &CancellationToken,
    answers: mpsc::Sender<Answer>,
) {
    let answer = match try_to_read(config, signed, keys, gone, &answers).await {
        Ok(end) => Answer::LogEnd(end),
        Err(LookError::Left) => return,
        Err(e) => Answer::Failed(e.to_string()),
    };
    drop(answers.send(answer).await);
}

async fn try_to_read(
    config: &WorkerConfig,
    signed: &SignedLook,
    keys: &[SigningKeyNotice],
    gone: &CancellationToken,
    answers: &mpsc::Sender<Answer>,
) -> Result<LogEnd, LookError> {
    let (_, wish) = look::check(config, Look::Log, signed, keys)?;
    let reader = Reader {
        config,
        engine: Engine::connect(&config.docker_host).await?,
        wish,
        gone,
    };
    let out = Out {
        answers,
        gone,
        lines: Vec::new(),
        bytes: 0,
        due: Instant::now(),
        next: Instant::now(),
    };
    reader.run(out).await
}

struct Reader<'a> {
    config: &'a WorkerConfig,
    engine: Engine,
    wish: LogLook,
    gone: &'a CancellationToken,
}

impl Reader<'_> {
    async fn run(&self, mut out: Out<'_>) -> Result<LogEnd, LookError> {
        let name = &self.wish.container;
        let mut now = self
            .find()
            .await?
            .ok_or_else(|| LookError::NotThere(name.clone()))?;
        let mut position = self.past(&now, &mut out).await?;
        out.flush().await?;
        if !self.wish.follow {
            return Ok(LogEnd::Complete);
        }
        loop {
            position = self.follow(&now, position, &mut out).await?;
            out.flush().await?;
            let Some(next) = self.wait_for_more(&now).await? else {
                return Ok(LogEnd::Gone);
            };
            if next.id != now.id {
                position = Position::default();
            }
            now = next;
        }
    }

    /// The container, if there is one that may be read.
    async fn find(&self) -> Result<Option<Readable>, LookError> {
        let name = &self.wish.container;
        let Some(found) = self.engine.find_readable(name).await? else {
            return Ok(None);
        };
        Policy::load(&self.config.policy)?.check_log(name, found.managed)?;
        Ok(Some(found))
    }

    /// What it writes after `position`, until it stops.
    async fn follow(
        &self,
        container: &Readable,
        mut position: Position,
        out: &mut Out<'_>,
    ) -> Result<Position, LookError> {
        let lines = Lines {
            tail: None,
            since_s: position.since_s(),
            follow: true,
        };
        let mut pieces = self.engine.log(&container.id, lines);
        let mut assembler = Assembler::new(&container.secrets);
        let mut repeats = position.repeats();
        loop {
            let piece = tokio::select! {
                piece = pieces.next() => piece,
                () = sleep_until(out.due), if !out.lines.is_empty() => {
                    out.flush().await?;
                    continue;
                }
                () = self.gone.cancelled() => return Err(LookError::Left),
            };
            let whole = match piece {
                Some(Ok(piece)) => assembler.push(&piece),
                // Waited for like a container that stopped.
                Some(Err(e)) if e.is_engine_away() => break,
                Some(Err(e)) => return Err(e.into()),
                None => break,
            };
            self.tell(whole, &mut repeats, &mut position, out).await?;
        }
        self.tell(assembler.finish(), &mut repeats, &mut position, out)
            .await?;
        Ok(position)
    }

    async fn tell(
        &self,
        lines: Vec<LogLine>,
        repeats: &mut past::Repeats,
        position: &mut Position,
        out: &mut Out<'_>,
    ) -> Result<(), LookError> {
        for line in lines {
            if repeats.is_one(line.at_ns) {
                continue;
            }
            position.pass(line.at_ns);
            if matches(&line, self.wish.search.as_deref()) {
                out.push(line).await?;
            }
        }
        Ok(())
    }

    /// Waits until there is more to read than `before`: it runs again, or another one has its name. `None`: it is gone.
    async fn wait_for_more(&self, before: &Readable) -> Result<Option<Readable>, LookError> {
        let mut missing_since = None;
        loop {
            match self.find().await {
                Ok(Some(now)) if now.running || now.id != before.id || now.started != before.started => {
                    return Ok(Some(now));
                }
                Ok(Some(_)) => missing_since = None,
                Ok(None) => {
                    let since = *missing_since.get_or_insert_with(Instant::now);
                    if since.elapsed() >= GONE_AFTER {
                        return Ok(None);
                    }
                }
                Err(LookError::Docker(e)) if e.is_engine_away() => {
                    let since = *missing_since.get_or_insert_with(Instant::now);
                    if since.elapsed() >= GONE_AFTER {
                        return Err(e.into());
                    }
                }
                Err(e) => return Err(e),
            }
            tokio::select! {
                () = sleep(LOOK_AGAIN) => {}
                () = self.gone.cancelled() => return Err(LookError::Left),
            }
        }
    }
}

/// Lines on their way out.
struct Out<'a> {
    answers: &'a mpsc::Sender<Answer>,
    gone: &'a CancellationToken,
    lines: Vec<LogLine>,
    bytes: usize,
    /// When what waits is sent.
    due: Instant,
    /// When the next batch may be sent.
    next: Instant,
}

impl Out<'_> {
    async fn push(&mut self, line: LogLine) -> Result<(), LookError> {
        if self.lines.is_empty() {
            self.due = Instant::now() + TOGETHER;
        }
        self.bytes += line.text.len();
        self.lines.push(line);
        if self.lines.len() >= BATCH || self.bytes >= BATCH_BYTES {
            self.flush().await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), LookError> {
        if self.lines.is_empty() {
            return Ok(());
        }
        let answer = Answer::Log(std::mem::take(&mut self.lines));
        self.bytes = 0;
        let send = async {
            sleep_until(self.next).await;
            self.answers.send(answer).await.map_err(|_| LookError::Left)
        };
        tokio::select! {
            sent = send => sent?,
            () = self.gone.cancelled() => return Err(LookError::Left),
        }
        self.next = Instant::now() + BATCH_EVERY;
        Ok(())
    }
}
