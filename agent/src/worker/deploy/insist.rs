//! What must not be left half done: tried again while the engine is away, and a few times if it refuses.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Deploy, StepError};
use crate::worker::docker::{DockerError, Engine};

/// An engine that is upgraded, or a host that starts, takes its time.
const ENGINE_PATIENCE: Duration = Duration::from_mins(5);
/// So often the engine may refuse: a port or a file system may not be free yet.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_secs(2);

/// Waits for the engine, since a deploy was begun and has to be ended.
pub async fn await_engine(host: &str) -> Result<Engine, DockerError> {
    let give_up = Instant::now() + ENGINE_PATIENCE;
    loop {
        match Engine::connect(host).await {
            Err(e) if e.is_engine_away() && Instant::now() < give_up => {
                tracing::warn!(error = %e, "waiting for the container engine");
                sleep(PAUSE).await;
            }
            other => return other,
        }
    }
}

impl Deploy<'_> {
    /// Tries until it is done, or until trying makes no sense.
    pub(super) async fn insist<T>(
        &self,
        what: &str,
        mut attempt: impl AsyncFnMut() -> Result<T, StepError>,
    ) -> Result<T, StepError> {
        let give_up = Instant::now() + ENGINE_PATIENCE;
        let mut refusals = 0;
        let mut told = String::new();
        loop {
            let error = match attempt().await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let again = match &error {
                StepError::Docker(e) if e.is_engine_away() => Instant::now() < give_up,
                StepError::OldIsGone | StepError::NameTaken { .. } => false,
                _ => {
                    refusals += 1;
                    refusals < ATTEMPTS
                }
            };
            if !again {
                return Err(error);
            }
            let line = format!("{what}: {error}; trying again");
            if line != told {
                self.events.log(&line).await;
                told = line;
            }
            sleep(PAUSE).await;
        }
    }
}
