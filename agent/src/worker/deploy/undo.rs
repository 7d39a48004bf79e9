//! The way back: the new container goes, the old one gets its name and runs again.

use muster_protocol::latest::OrderStatus;

use super::{Deploy, Ending, StepError, plan};
use crate::orders::journal::Mark;

impl Deploy<'_> {
    /// Puts everything back as it was.
    pub(super) async fn undo(&self, reason: String, cancelled: bool) -> Ending {
        let status = if cancelled {
            OrderStatus::Cancelled
        } else {
            OrderStatus::RolledBack
        };
        let undoing = Mark::Undoing {
            reason: reason.clone(),
            cancelled,
        };
        // Without this mark a crash now would lead to another try: no harm, so no reason to leave things as they are.
        if let Err(e) = self.events.mark(undoing) {
            tracing::warn!(error = %e, "the journal can't be written");
        }
        if self.old.get().is_none() {
            return Ending {
                status,
                error: Some(self.events.clean(&format!("{reason}; nothing was changed"))),
                digest: None,
            };
        }
        match self.step(self.steps().put_back, self.put_back()).await {
            Ok(what) => Ending {
                status,
                error: Some(self.events.clean(&format!("{reason}; {what}"))),
                digest: None,
            },
            Err(e) => {
                let state = self.serve_anyway().await;
                Ending {
                    status: OrderStatus::NeedsAttention,
                    error: Some(self.events.clean(&format!(
                        "{reason}; and putting the old container back failed: {e}. {state}"
                    ))),
                    digest: None,
                }
            }
        }
    }

    async fn put_back(&self) -> Result<&'static str, StepError> {
        self.insist("putting back", async || self.try_to_put_back().await)
            .await
    }

    async fn try_to_put_back(&self) -> Result<&'static str, StepError> {
        let name = &self.spec.container.name;
        let holder = self.engine.find(name).await?;
        if self.handover.is_some() {
            // Whoever served before serves again before the new one goes.
            self.point_back().await?;
        }
        if let Some(found) = &holder
            && self.is_ours(found)
        {
            self.engine.remove_unused(found).await?;
        }
        if self.handover.is_none() {
            self.point_back().await?;
        }
        let Some(old) = self.old.get().and_then(Option::as_ref) else {
            return Ok("there was no container before and nothing of this deploy is left");
        };
        let found = self.engine.find(&old.id).await?.ok_or(StepError::OldIsGone)?;
        if found.name != *name {
            if let Some(other) = holder.filter(|found| !self.is_ours(found)) {
                return Err(StepError::NameTaken {
                    name: name.clone(),
                    by: other.id.chars().take(SHORT_ID).collect(),
                });
            }
            self.engine.rename(&old.id, name).await?;
        }
        if !old.was_running {
            return Ok("the old container was put back; it did not run before");
        }
        self.engine.start(&old.id).await?;
        match self.engine.find(&old.id).await? {
            // One that fell over at its start runs by the engine's word while the engine waits to start it again.
            Some(found) if found.running && !found.restarting => {
                Ok("the old container was put back and runs")
            }
            Some(found) => Err(StepError::Unhealthy(format!(
                "the old container does not stay up (exit code {})",
                found.exit_code
            ))),
            None => Err(StepError::OldIsGone),
        }
    }

    /// What could not be put back serves on, under whatever name it has. Says how things stand and what to do.
    async fn serve_anyway(&self) -> String {
        let name = &self.spec.container.name;
        let Some(old) = self.old.get().and_then(Option::as_ref) else {
            return format!("Look at the container {name} on the host");
        };
        if old.was_running
            && let Err(e) = self.engine.start(&old.id).await
        {
            tracing::warn!(error = %e, "the old container could not be started");
        }
        match self.engine.find(&old.id).await {
            Ok(Some(found)) if found.running && !found.restarting => format!(
                "The old container runs, as {}: free the name {name} on the host, then deploy again",
                found.name
            ),
            Ok(Some(found)) => format!(
                "The old container does not run: look at {name} and {} on the host, and start the latter by hand",
                found.name
            ),
            Ok(None) => format!("Nothing serves {name} now: deploy the version before, or a newer one"),
            Err(_) => format!(
                "Look at the containers {name} and {} on the host",
                plan::aside_name(name, self.order)
            ),
        }
    }
}

/// As much of a container's id as the engine's own tools show.
const SHORT_ID: usize = 12;
