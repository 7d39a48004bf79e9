//! The installer of a control plane that is not installed: the setup token, and the one installation that runs.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter, clock::Clock as _, clock::DefaultClock};
use muster_base::{ExposeSecret, SecretString, random_token};
use subtle::ConstantTimeEq;
use tokio::sync::watch;
use tracing::{info, warn};

use super::{Checked, DatabaseInput, Installation, Progress, SetupError, install};
use crate::tasks::Tasks;

/// Wrong tokens that are taken at once; then one more each [`REFILL`].
const WRONG_TOKENS: std::num::NonZeroU32 = std::num::NonZeroU32::new(10).unwrap();
const REFILL: Duration = Duration::from_secs(10);

/// Where an installation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Nothing runs.
    Idle,
    /// One runs.
    Running,
    /// It stopped; its story says why.
    Failed,
    /// Done.
    Installed,
}

/// What an installation said so far.
#[derive(Debug, Clone)]
pub struct Story {
    pub(super) id: String,
    pub(super) phase: Phase,
    pub(super) steps: Vec<Progress>,
}

/// The way in. Cheap to clone. A closed one belongs to a control plane that is installed.
#[derive(Debug, Clone)]
pub struct Door(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    data: PathBuf,
    token: SecretString,
    guesses: Mutex<DefaultDirectRateLimiter>,
    story: watch::Sender<Story>,
    tasks: Tasks,
}

impl Door {
    /// Of a control plane that is installed.
    pub fn closed() -> Self {
        Self(None)
    }

    /// With a new token, for the data directory `data`.
    pub fn open(data: &Path, tasks: Tasks) -> Self {
        let quota = Quota::with_period(REFILL).map_or_else(
            || Quota::per_minute(WRONG_TOKENS),
            |quota| quota.allow_burst(WRONG_TOKENS),
        );
        let story = Story {
            id: String::new(),
            phase: Phase::Idle,
            steps: Vec::new(),
        };
        Self(Some(Arc::new(Inner {
            data: data.to_owned(),
            token: random_token("setup_").into(),
            guesses: Mutex::new(RateLimiter::direct(quota)),
            story: watch::Sender::new(story),
            tasks,
        })))
    }

    /// The setup token, to be shown to whoever started the process.
    pub fn token(&self) -> Option<&SecretString> {
        self.0.as_ref().map(|inner| &inner.token)
    }

    /// Where it stands.
    pub fn phase(&self) -> Phase {
        self.0
            .as_ref()
            .map_or(Phase::Installed, |inner| inner.story.borrow().phase)
    }

    /// Whether the database can be used, and what would be done with it.
    pub async fn try_database(
        &self,
        token: &SecretString,
        database: &DatabaseInput,
    ) -> Result<Checked, SetupError> {
        let inner = self.admit(token)?;
        Installation::try_database(&inner.data, database).await
    }

    /// Begins an installation and returns its id, which nobody can guess.
    pub async fn begin(
        &self,
        token: &SecretString,
        account: &str,
        password: SecretString,
        database: &DatabaseInput,
    ) -> Result<String, SetupError> {
        let inner = self.admit(token)?;
        let installation = Installation::check(&inner.data, account, password, Some(database)).await?;
        // Wrong addresses and strangers' tables are told before anything begins.
        Installation::try_database(&inner.data, database).await?;
        let id = random_token("");
        let mut began = false;
        inner.story.send_if_modified(|story| {
            began = matches!(story.phase, Phase::Idle | Phase::Failed);
            if began {
                *story = Story {
                    id: id.clone(),
                    phase: Phase::Running,
                    steps: Vec::new(),
                };
            }
            began
        });
        if !began {
            return Err(SetupError::Running);
        }
        let task = inner.clone();
        inner.tasks.spawn("installation", async move {
            let tell = |step| task.story.send_modify(|story| story.steps.push(step));
            let ended = install(installation, tell).await;
            let phase = match ended {
                Ok(()) => {
                    info!("installed");
                    Phase::Installed
                }
                Err(error) => {
                    warn!(
                        error = &error as &dyn std::error::Error,
                        "the installation stopped"
                    );
                    Phase::Failed
                }
            };
            task.story.send_modify(|story| story.phase = phase);
        });
        Ok(id)
    }

    /// Follows the installation `id`.
    pub(super) fn follow(&self, id: &str) -> Option<watch::Receiver<Story>> {
        let story = self.0.as_ref()?.story.subscribe();
        let is_it = !id.is_empty() && bool::from(story.borrow().id.as_bytes().ct_eq(id.as_bytes()));
        is_it.then_some(story)
    }

    /// Waits until Muster is installed.
    pub async fn installed(&self) {
        let Some(inner) = &self.0 else { return };
        let mut story = inner.story.subscribe();
        // The sender lives as long as `self`.
        story.wait_for(|story| story.phase == Phase::Installed).await.ok();
    }

    fn admit(&self, token: &SecretString) -> Result<&Arc<Inner>, SetupError> {
        let inner = self.0.as_ref().ok_or_else(|| SetupError::Done(PathBuf::new()))?;
        if inner.story.borrow().phase == Phase::Installed {
            return Err(SetupError::Done(inner.data.clone()));
        }
        let right = inner.token.expose_secret().as_bytes();
        if bool::from(right.ct_eq(token.expose_secret().as_bytes())) {
            return Ok(inner);
        }
        let guesses = inner.guesses.lock().unwrap_or_else(PoisonError::into_inner);
        match guesses.check() {
            Ok(()) => Err(SetupError::WrongToken),
            Err(until) => Err(SetupError::Throttled(
                until.wait_time_from(DefaultClock::default().now()),
            )),
        }
    }
}
