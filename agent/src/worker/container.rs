//! Starting, stopping and restarting a container that is there, whoever made it.
//!
//! # Steps
//! look (is it there, and does the policy let people touch it?) → stop → start → settle (does it stay up for a moment?).
//! What is so already is skipped and no error: a container that runs is not started. It has the lane of the engine, so
//! that nothing of it falls into the middle of a deploy.
//!
//! # After a crash
//! Starting and stopping are done again, which changes nothing if they were done. A restart is counted once: before
//! anything is touched, the journal holds which container it is and when it last started; one that has started since
//! then was restarted, and is not again.
//!
//! # Fails how
//! *Failed*; the error says in what state the container is. Cancelled is only what has not been touched. An engine that
//! goes away between stop and start is waited for: nobody asked for a container that stays down.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use muster_protocol::latest::{ContainerAction, ContainerOrder, OrderStatus, StepStatus};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{
    deploy::{Ending, await_engine},
    docker::{DockerError, Engine, Found},
    events::{Events, Step},
};
use crate::{
    orders::journal::Mark,
    policy::{Policy, PolicyError, PolicyRefusal},
};

const LOOK: &str = "look";
const STOP: &str = "stop";
const START: &str = "start";
const SETTLE: &str = "settle";

/// A container may take no longer to stop, whatever the order says.
const MAX_GRACE: Duration = Duration::from_hours(1);
/// One that falls over at once does so within this time.
const SETTLED: Duration = Duration::from_secs(1);
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// An engine that is upgraded takes its time.
const ENGINE_PATIENCE: Duration = Duration::from_mins(5);
const PAUSE: Duration = Duration::from_secs(2);

/// One order for a container and all that it needs.
pub(super) struct Act<'a> {
    /// What is asked.
    pub order: &'a ContainerOrder,
    /// The engine's address.
    pub docker_host: &'a str,
    /// Where progress goes and marks are kept.
    pub events: &'a Events,
    /// The policy of this host.
    pub policy: &'a Path,
    /// Stops it, if nothing is touched yet.
    pub cancel: &'a CancellationToken,
    /// What an earlier, killed attempt has written down.
    pub marks: &'a [Mark],
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
enum ActError {
    #[error("there is no container named {0} on this host (any more); nothing was changed")]
    NotThere(String),
    #[error("{0}; nothing was changed")]
    Policy(#[from] PolicyRefusal),
    #[error("{0}; nothing was changed")]
    NoPolicy(#[from] PolicyError),
    #[error("cancelled; nothing was changed")]
    Cancelled,
    #[error("the container {0} was made with --rm: stopped, it would be gone; nothing was changed")]
    GoneOnceStopped(String),
    #[error("{0}")]
    Docker(#[from] DockerError),
    #[error("the container was stopped and can't be started again: {0}")]
    Down(#[source] DockerError),
    #[error("the journal can't be written: {0}; nothing was changed")]
    Journal(#[from] std::io::Error),
    #[error("the container was started and fell over: {0}; see its log")]
    Fell(String),
}

/// Does it, or what is left of it.
pub(super) async fn run(act: &Act<'_>) -> Ending {
    let begun = !act.marks.is_empty();
    let connected = if begun {
        await_engine(act.docker_host).await
    } else {
        Engine::connect(act.docker_host).await
    };
    let (status, error) = match connected {
        Ok(engine) => match (At { act, engine: &engine }).run().await {
            Ok(()) => (OrderStatus::Done, None),
            Err(e @ ActError::Cancelled) => (OrderStatus::Cancelled, Some(e.to_string())),
            Err(e) => (OrderStatus::Failed, Some(e.to_string())),
        },
        Err(e) if begun => {
            let name = &act.order.name;
            let why = format!("{e}; look at the container {name} once it answers");
            (OrderStatus::NeedsAttention, Some(why))
        }
        Err(e) => (OrderStatus::Failed, Some(format!("{e}; nothing was changed"))),
    };
    Ending {
        status,
        error,
        digest: None,
    }
}

/// An order at an engine that answers.
struct At<'a> {
    act: &'a Act<'a>,
    engine: &'a Engine,
}

impl At<'_> {
    async fn run(&self) -> Result<(), ActError> {
        let found = self.step(0, LOOK, self.look()).await?;
        match self.act.order.action {
            ContainerAction::Start if found.running && !found.restarting => {
                self.skip(1, START, "it runs already").await
            }
            ContainerAction::Start => self.start(1, &found.id).await,
            ContainerAction::Stop { .. } if !found.running && !found.restarting => {
                self.skip(1, STOP, "it does not run").await
            }
            ContainerAction::Stop { grace_ms } => self.stop(1, &found.id, grace_ms).await,
            ContainerAction::Restart { .. } if self.was_restarted(&found) => {
                self.skip(1, STOP, "it was restarted before the interruption")
                    .await?;
                self.step(3, SETTLE, self.settle(&found.id)).await
            }
            ContainerAction::Restart { grace_ms } => {
                if found.removed_at_end {
                    return Err(ActError::GoneOnceStopped(self.act.order.name.clone()));
                }
                self.act.events.mark(Mark::Restarting {
                    id: found.id.clone(),
                    started: found.started.clone(),
                })?;
                self.stop(1, &found.id, grace_ms).await?;
                self.start(2, &found.id).await
            }
        }
    }

    /// Whether an earlier attempt got as far as starting it.
    fn was_restarted(&self, found: &Found) -> bool {
        self.act.marks.iter().any(|mark| match mark {
            Mark::Restarting { id, started } => *id == found.id && *started != found.started && found.running,
            Mark::NoOld
            | Mark::Old { .. }
            | Mark::Committed { .. }
            | Mark::Undoing { .. }
            | Mark::Placing { .. } => false,
        })
    }

    async fn look(&self) -> Result<Found, ActError> {
        if self.act.cancel.is_cancelled() && self.act.marks.is_empty() {
            return Err(ActError::Cancelled);
        }
        let name = &self.act.order.name;
        // The engine also knows containers by their ids, and by the beginnings of them: those are not names.
        let found = self.engine.find(name).await?.filter(|found| found.name == *name);
        let found = found.ok_or_else(|| ActError::NotThere(name.clone()))?;
        Policy::load(self.act.policy)?.check_action(name, found.managed)?;
        Ok(found)
    }

    async fn stop(&self, index: u32, id: &str, grace_ms: Option<u64>) -> Result<(), ActError> {
        let grace = grace_ms.map(|ms| Duration::from_millis(ms).min(MAX_GRACE));
        let stop = async { Ok(self.engine.stop_within(id, grace).await?) };
        self.step(index, STOP, stop).await
    }

    async fn start(&self, index: u32, id: &str) -> Result<(), ActError> {
        self.step(index, START, self.start_though_the_engine_goes(id))
            .await?;
        self.step(index + 1, SETTLE, self.settle(id)).await
    }

    async fn start_though_the_engine_goes(&self, id: &str) -> Result<(), ActError> {
        let give_up = Instant::now() + ENGINE_PATIENCE;
        let restarting = matches!(self.act.order.action, ContainerAction::Restart { .. });
        loop {
            match self.engine.start(id).await {
                Ok(()) => return Ok(()),
                Err(e) if restarting && e.is_engine_away() && Instant::now() < give_up => {
                    sleep(PAUSE).await;
                }
                Err(e) if restarting => return Err(ActError::Down(e)),
                Err(e) => return Err(e.into()),
            }
        }
    }

    /// Looks whether it stays up. One that has done its work and ended well has not fallen.
    async fn settle(&self, id: &str) -> Result<(), ActError> {
        let until = Instant::now() + SETTLED;
        let mut restarts = None;
        loop {
            let Some(now) = self.engine.find(id).await? else {
                // Made with --rm, and done.
                return Ok(());
            };
            let before = *restarts.get_or_insert(now.restarts);
            if now.restarting || now.restarts > before {
                return Err(ActError::Fell(format!(
                    "it exits with code {} again and again",
                    now.exit_code
                )));
            }
            if !now.running {
                return if now.exit_code == 0 && now.error.is_empty() {
                    Ok(())
                } else {
                    let why = if now.error.is_empty() {
                        format!("it exited with code {}", now.exit_code)
                    } else {
                        now.error
                    };
                    Err(ActError::Fell(why))
                };
            }
            if Instant::now() >= until {
                return Ok(());
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    async fn skip(&self, index: u32, name: &str, why: &str) -> Result<(), ActError> {
        let step = Step::running(index, name).ended(StepStatus::Skipped, Instant::now(), why);
        self.act.events.step(step).await;
        Ok(())
    }

    async fn step<T>(
        &self,
        index: u32,
        name: &str,
        work: impl Future<Output = Result<T, ActError>>,
    ) -> Result<T, ActError> {
        let step = Step::running(index, name);
        self.act.events.step(step).await;
        let began = Instant::now();
        let done = work.await;
        let told = done.as_ref().err().map(ToString::to_string).unwrap_or_default();
        let status = if done.is_ok() {
            StepStatus::Done
        } else {
            StepStatus::Failed
        };
        self.act.events.step(step.ended(status, began, &told)).await;
        done
    }
}
