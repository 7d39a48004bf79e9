//! The way back: the new container goes, the old one gets its name and runs again.

use std::time::Duration;

use muster_protocol::latest::OrderStatus;
use tokio::time::sleep;

use super::{Deploy, Ending, StepError, plan};
use crate::orders::journal::Mark;

const ATTEMPTS: u32 = 5;
const BETWEEN_ATTEMPTS: Duration = Duration::from_secs(2);

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
        match self.step(plan::PUT_BACK, self.put_back()).await {
            Ok(what) => Ending {
                status,
                error: Some(self.events.clean(&format!("{reason}; {what}"))),
                digest: None,
            },
            Err(e) => {
                let name = &self.spec.container.name;
                let aside = plan::aside_name(name, self.order);
                Ending {
                    status: OrderStatus::NeedsAttention,
                    error: Some(self.events.clean(&format!(
                        "{reason}; and putting the old container back failed: {e}. Look at the containers {name} \
                         and {aside} on the host"
                    ))),
                    digest: None,
                }
            }
        }
    }

    async fn put_back(&self) -> Result<&'static str, StepError> {
        let mut left = ATTEMPTS;
        loop {
            left -= 1;
            match self.try_to_put_back().await {
                Ok(what) => return Ok(what),
                Err(e) if left == 0 => return Err(e),
                // The engine restarts, or a port is not free yet.
                Err(e) => {
                    self.events.log(&format!("putting back: {e}; trying again")).await;
                    sleep(BETWEEN_ATTEMPTS).await;
                }
            }
        }
    }

    async fn try_to_put_back(&self) -> Result<&'static str, StepError> {
        let name = &self.spec.container.name;
        if let Some(found) = self.engine.find(name).await?
            && self.is_ours(&found)
        {
            self.engine.remove(&found.id).await?;
        }
        let Some(old) = self.old.get().and_then(Option::as_ref) else {
            return Ok("there was no container before and there is none now");
        };
        let Some(found) = self.engine.find(&old.id).await? else {
            return Err(StepError::Unhealthy(
                "somebody removed the old container".to_owned(),
            ));
        };
        if found.name != *name {
            self.engine.rename(&old.id, name).await?;
        }
        if !old.was_running {
            return Ok("the old container was put back; it did not run before");
        }
        self.engine.start(&old.id).await?;
        match self.engine.find(&old.id).await? {
            Some(found) if found.running => Ok("the old container was put back and runs"),
            Some(found) => Err(StepError::Unhealthy(format!(
                "the old container does not stay up (exit code {})",
                found.exit_code
            ))),
            None => Err(StepError::Unhealthy(
                "somebody removed the old container".to_owned(),
            )),
        }
    }
}
