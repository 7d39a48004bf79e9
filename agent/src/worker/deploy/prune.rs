//! After a deploy: old containers of the application that were left aside, and images that nothing needs any more, go.
//!
//! Only when the order says how many versions' images stay. Nothing that fails here unmakes the deploy.

use std::collections::HashSet;

use super::{
    Deploy, StepError,
    images::{Images, Kept, Whose},
};
use crate::worker::docker::{DockerError, Holder, Pulled};

impl Deploy<'_> {
    /// Notes what was pulled, so that it can go one day. `before`: the image that went by that name.
    pub(super) fn note_pulled(&self, asked: &str, pulled: &Pulled, before: Option<&str>) {
        let was_here = before == Some(pulled.image_id.as_str());
        let names = [pulled.pinned.clone(), asked.to_owned()];
        let mut images = Images::load(self.images);
        images.pulled(
            &self.whose(),
            &pulled.image_id,
            &names,
            was_here,
            self.events.now(),
        );
        // Then it stays, and that is all.
        if let Err(e) = images.save(self.images) {
            tracing::warn!("which images are ours can't be written: {e}");
        }
    }

    /// Keeps the images of the last `keep` versions and removes the older ones, if they are ours and nothing uses them.
    pub(super) async fn prune(&self, keep: usize) -> Result<(), StepError> {
        let all = self.engine.holders().await?;
        for left in all.iter().filter(|holder| self.is_left_over(holder)) {
            if let Some(found) = self.engine.find(&left.id).await?
                && !found.running
            {
                self.engine.remove(&found).await?;
                let line = format!(
                    "removed the container {}, which an earlier deploy left aside",
                    left.name
                );
                self.events.log(&line).await;
            }
        }
        let (whose, now) = (self.whose(), self.events.now());
        let mut images = Images::load(self.images);
        if let Some(own) = all.iter().find(|holder| holder.name == self.spec.container.name) {
            images.runs(&whose, &own.image_id, now);
        }
        let in_use: HashSet<&str> = all.iter().map(|holder| holder.image_id.as_str()).collect();
        for spare in images.spare(&whose, keep, &in_use, now) {
            if !spare.ours || self.remove_image(&spare).await {
                images.forget(&spare);
            }
        }
        Ok(images.save(self.images)?)
    }

    /// Takes the image's names away that still are its; false if something is in the way.
    async fn remove_image(&self, spare: &Kept) -> bool {
        let remove = async || -> Result<(), DockerError> {
            for name in &spare.names {
                // Whoever moved the tag has another image by that name.
                if self.engine.image_id(name).await?.as_deref() == Some(spare.image_id.as_str()) {
                    self.engine.remove_image(name).await?;
                }
            }
            Ok(())
        };
        let name = spare
            .names
            .first()
            .map_or(spare.image_id.as_str(), String::as_str);
        let (line, gone) = match remove().await {
            Ok(()) => (
                format!("removed the image {name}, which no version that is kept needs"),
                true,
            ),
            Err(e) => (format!("the image {name} stays: {e}"), false),
        };
        self.events.log(&line).await;
        gone
    }

    /// A container of this application and environment that a deploy put aside and nobody removed.
    fn is_left_over(&self, holder: &Holder) -> bool {
        let aside = format!("{}.before-", self.spec.container.name);
        let whose = self.whose();
        !holder.lives
            && holder.name.starts_with(&aside)
            && holder.application.as_deref() == Some(whose.application.as_str())
            && holder.environment.as_deref() == Some(whose.environment.as_str())
    }

    fn whose(&self) -> Whose {
        Whose {
            application: self.spec.application.to_string(),
            environment: self.spec.environment.clone(),
        }
    }
}
