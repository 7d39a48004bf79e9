//! The steps forward.

use std::time::{Duration, Instant};

use muster_protocol::latest::{EnvVar, HINT_KEEP_IMAGES, OrderStatus, PullAuth, StepStatus};

use super::{
    Deploy, Ending, Old, StepError, health,
    plan::{self, Place},
};
use crate::{
    orders::journal::Mark,
    policy::ImageRef,
    worker::{
        docker::{Credentials, DockerError, Found, MadeOf, Pulled},
        events::Step,
    },
};

/// An old container may take no longer to stop, whatever the order says.
const MAX_GRACE: Duration = Duration::from_hours(1);

/// The new container.
enum New {
    Made(String),
    /// It was started before.
    Runs(String),
}

/// Does the deploy, or what is left of it.
pub async fn run(deploy: &Deploy<'_>) -> Ending {
    deploy.recall_old();
    let committed = deploy.marks.iter().find_map(|mark| match mark {
        Mark::Committed { digest } => Some(digest.clone()),
        Mark::NoOld
        | Mark::Old { .. }
        | Mark::Undoing { .. }
        | Mark::Restarting { .. }
        | Mark::Placing { .. } => None,
    });
    if let Some(digest) = committed {
        deploy
            .events
            .log("continuing after an interruption: the new container was healthy")
            .await;
        return deploy.finish(digest).await;
    }
    let undoing = deploy.marks.iter().find_map(|mark| match mark {
        Mark::Undoing { reason, cancelled } => Some((reason.clone(), *cancelled)),
        Mark::NoOld
        | Mark::Old { .. }
        | Mark::Committed { .. }
        | Mark::Restarting { .. }
        | Mark::Placing { .. } => None,
    });
    if let Some((reason, cancelled)) = undoing {
        deploy
            .events
            .log("continuing after an interruption: putting everything back")
            .await;
        return deploy.undo(reason, cancelled).await;
    }
    match deploy.forward().await {
        Ok(digest) => deploy.finish(digest).await,
        Err(e) => {
            deploy
                .undo(e.to_string(), matches!(e, StepError::Cancelled))
                .await
        }
    }
}

impl Deploy<'_> {
    async fn forward(&self) -> Result<String, StepError> {
        let image = self.step(plan::VERIFY, self.verify()).await?;
        let env = self.environment()?;
        let credentials = self
            .step(plan::AUTHENTICATE, async { self.credentials() })
            .await?;
        let digest = self.spec.digest.as_deref();
        let asked = match digest.or(image.digest.as_deref()) {
            Some(digest) => format!("{}@{digest}", image.name()),
            None => image.to_string(),
        };
        // What can't be said here, the pull says.
        let before = self.engine.image_id(&asked).await.ok().flatten();
        let pulled = self
            .step(plan::PULL, async {
                // An image that is here by its digest takes no more room.
                if before.is_none() || digest.is_none() {
                    self.check_room().await?;
                }
                tokio::select! {
                    pulled = self.engine.get(&image, digest, &credentials, self.more.pull) => Ok(pulled?),
                    () = self.cancel.cancelled() => Err(StepError::Cancelled),
                }
            })
            .await?;
        drop(credentials);
        self.note_pulled(&asked, &pulled, before.as_deref());
        self.events
            .log(&format!("pulled {image} at {}", pulled.digest))
            .await;

        let steps = self.steps();
        let old = self.step(plan::SET_ASIDE, self.set_aside()).await?;
        let new = if self.handover.is_some() {
            let started = async { self.start_new(self.make_new(&pulled, env).await?).await };
            self.step(steps.start_new, started).await?
        } else {
            let stopped = async {
                self.stop_old(old.as_ref()).await?;
                // What is published by the container itself has no front before it.
                Ok(self.fronts.point_at(&self.spec.container.name, None).await?)
            };
            // A container that is only made takes nothing that the old one has: the two need not wait for each other.
            let (stopped, made) =
                tokio::join!(self.step(plan::STOP_OLD, stopped), self.make_new(&pulled, env));
            stopped?;
            let started = async { self.start_new(made?).await };
            self.step(steps.start_new, started).await?
        };
        let healthy = self.step(steps.health, health::wait(self, &new)).await;
        if let Err(e) = healthy {
            self.keep_last_words(&new).await;
            return Err(e);
        }
        if self.handover.is_some() {
            self.step(plan::SWITCH, self.switch(old.as_ref(), &new)).await?;
        }
        self.events.mark(Mark::Committed {
            digest: pulled.digest.clone(),
        })?;
        Ok(pulled.digest)
    }

    /// Nothing is touched yet: everything that can be known to be wrong is found here.
    async fn verify(&self) -> Result<ImageRef, StepError> {
        let spec = self.spec;
        let image: ImageRef = spec
            .image
            .parse()
            .map_err(|_| StepError::Image(spec.image.clone()))?;
        if let Some(now) = self.engine.find(&spec.container.name).await? {
            self.may_replace(&now)?;
        }
        Ok(image)
    }

    fn credentials(&self) -> Result<Credentials, StepError> {
        Ok(match &self.spec.pull_auth {
            PullAuth::None => Credentials::None,
            PullAuth::UsernamePassword {
                username,
                password_secret,
            } => Credentials::Password {
                username: username.clone(),
                password: self.secrets.get(password_secret)?.clone(),
            },
            PullAuth::Token { token_secret } => Credentials::Token(self.secrets.get(token_secret)?.clone()),
        })
    }

    fn environment(&self) -> Result<Vec<String>, StepError> {
        use muster_base::ExposeSecret as _;
        let variables = self.spec.container.env.iter();
        variables
            .map(|variable| match variable {
                EnvVar::Plain { name, value } => Ok(format!("{name}={value}")),
                EnvVar::Secret { name, secret } => {
                    let value = self.secrets.get(secret)?;
                    Ok(format!("{name}={}", value.expose_secret()))
                }
            })
            .collect()
    }

    /// Takes the name away from the container that has it. Its id is journalled first.
    async fn set_aside(&self) -> Result<Option<Old>, StepError> {
        self.stop_if_cancelled()?;
        let name = &self.spec.container.name;
        let holder = self.engine.find(name).await?.filter(|found| !self.is_ours(found));
        let old = if let Some(known) = self.old.get() {
            known.clone()
        } else {
            // The name may have got another holder while the image was pulled.
            if let Some(holder) = &holder {
                self.may_replace(holder)?;
            }
            self.remember_old(holder.as_ref())?
        };
        if let (Some(old), Some(holder)) = (&old, &holder)
            && old.id == holder.id
        {
            let aside = plan::aside_name(name, self.order);
            match self.engine.rename(&old.id, &aside).await {
                // Somebody removed it just now, so the name is free.
                Err(e) if e.is_not_found() => {}
                other => other?,
            }
        }
        Ok(old)
    }

    fn remember_old(&self, holder: Option<&Found>) -> Result<Option<Old>, StepError> {
        let old = holder.map(|found| Old {
            id: found.id.clone(),
            was_running: found.running,
        });
        self.events.mark(match &old {
            Some(old) => Mark::Old {
                id: old.id.clone(),
                was_running: old.was_running,
            },
            None => Mark::NoOld,
        })?;
        Ok(self.old.get_or_init(|| old).clone())
    }

    pub(super) async fn stop_old(&self, old: Option<&Old>) -> Result<(), StepError> {
        if let Some(old) = old {
            let grace = Duration::from_millis(self.spec.stop_grace_ms).min(MAX_GRACE);
            self.engine
                .stop(&old.id, grace, self.more.stop_signal.as_deref())
                .await?;
        }
        Ok(())
    }

    /// Creates the new container; what an earlier attempt left of it is removed first.
    async fn make_new(&self, image: &Pulled, env: Vec<String>) -> Result<New, StepError> {
        self.stop_if_cancelled()?;
        if let Some(left) = self.engine.find(&self.spec.container.name).await?
            && self.is_ours(&left)
        {
            // It may be the one that serves: an earlier attempt had come so far.
            if self.handover.is_some() && left.running && left.route.is_some() {
                return Ok(New::Runs(left.id));
            }
            self.engine.remove_unused(&left).await?;
        }
        let route = self.new_route()?;
        let made_of = MadeOf {
            order: self.order,
            image,
            route: route.as_ref(),
            more: self.more,
        };
        Ok(New::Made(self.engine.create(self.spec, &made_of, env).await?))
    }

    async fn start_new(&self, new: New) -> Result<String, StepError> {
        match new {
            New::Runs(id) => Ok(id),
            New::Made(id) => {
                self.stop_if_cancelled()?;
                self.engine.start(&id).await?;
                Ok(id)
            }
        }
    }

    /// The new container is healthy: the old one goes. That this fails does not unmake the deploy.
    async fn finish(&self, digest: String) -> Ending {
        let aside = plan::aside_name(&self.spec.container.name, self.order);
        if let Some(handover) = self.handover {
            // Nothing that goes wrong here unmakes the deploy.
            drop(self.step(plan::DRAIN, self.drain(handover, &aside)).await);
        }
        let removed = self
            .step(
                self.steps().remove_old,
                self.insist("removing the old container", async || {
                    match self.engine.find(&aside).await? {
                        Some(old) => Ok(self.engine.remove(&old).await?),
                        None => Ok(()),
                    }
                }),
            )
            .await;
        if let Err(e) = removed {
            let line =
                format!("the old container could not be removed ({e}); remove {aside} by hand on the host");
            self.events.log(&line).await;
        }
        if let Some(keep) = self.spec.container.hint(HINT_KEEP_IMAGES) {
            let keep = usize::try_from(keep).unwrap_or(usize::MAX);
            // The step says what went wrong, and the deploy is done all the same.
            drop(self.step(self.steps().prune, self.prune(keep)).await);
        }
        Ending {
            status: OrderStatus::Done,
            error: None,
            digest: Some(digest),
        }
    }

    /// The old container as an earlier attempt wrote it down.
    fn recall_old(&self) {
        let known = self.marks.iter().find_map(|mark| match mark {
            Mark::NoOld => Some(None),
            Mark::Old { id, was_running } => Some(Some(Old {
                id: id.clone(),
                was_running: *was_running,
            })),
            Mark::Committed { .. }
            | Mark::Undoing { .. }
            | Mark::Restarting { .. }
            | Mark::Placing { .. } => None,
        });
        if let Some(known) = known {
            self.old.get_or_init(|| known);
        }
    }

    pub(super) fn is_ours(&self, found: &Found) -> bool {
        found.order.as_deref() == Some(self.order.to_string().as_str())
    }

    pub(super) fn stop_if_cancelled(&self) -> Result<(), StepError> {
        if self.cancel.is_cancelled() {
            Err(StepError::Cancelled)
        } else {
            Ok(())
        }
    }

    /// Runs one step and reports its beginning and its end.
    pub(super) async fn step<T>(
        &self,
        Place(index, name): Place,
        work: impl Future<Output = Result<T, StepError>>,
    ) -> Result<T, StepError> {
        let step = Step::running(index, name);
        let began = Instant::now();
        self.events.step(step).await;
        let result = work.await;
        match &result {
            Ok(_) => self.events.step(step.ended(StepStatus::Done, began, "")).await,
            Err(e) => {
                let detail = e.to_string();
                if let StepError::Docker(DockerError::Unauthorized { .. }) = e {
                    let Place(index, name) = plan::AUTHENTICATE;
                    let refused = Step::running(index, name).ended(StepStatus::Failed, began, &detail);
                    self.events.step(refused).await;
                }
                self.events
                    .step(step.ended(StepStatus::Failed, began, &detail))
                    .await;
            }
        }
        result
    }

    async fn keep_last_words(&self, container: &str) {
        let lines = self.engine.last_log_lines(container).await;
        if !lines.is_empty() {
            self.events.log("the new container's last lines:").await;
        }
        for line in lines {
            self.events.log(&line).await;
        }
    }
}
