//! Which images deploys brought to this host, and which of them may go.
//!
//! # Data
//! One file of the worker's: for each application and environment its images, the names that were pulled, whether a deploy
//! brought them (an image that somebody else had here before is never ours), and when they ran last. It is written while the
//! engine's lane is held. A file that can't be read is as if nothing were ours: nothing is removed.
//!
//! # What may go
//! Of one application's environment, what ran before the last so many versions, and what never ran. Never what a container
//! uses, what another application or environment has on its list too, nor what came within the last minutes: somebody may be
//! about to use it.

use std::{collections::HashSet, io, path::Path};

use muster_base::UnixMs;
use serde::{Deserialize, Serialize};

use crate::identity::write_private;

/// Images in the file; the oldest are forgotten, and stay on the host.
const MAX: usize = 2_000;
/// The file is of our own making, but a full disk or a person may have had a hand in it.
const MAX_BYTES: u64 = 4 << 20;
/// What came within this time stays.
const FRESH_MS: i64 = 10 * UnixMs::MINUTE;

/// Whose an image is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Whose {
    pub(super) application: String,
    pub(super) environment: String,
}

/// An image that a deploy pulled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    whose: Whose,
    /// Content id.
    pub(super) image_id: String,
    /// What it was pulled by and what containers are made from.
    pub(super) names: Vec<String>,
    /// Whether a deploy brought it.
    pub(super) ours: bool,
    pulled_at: UnixMs,
    ran_at: Option<UnixMs>,
}

/// The file.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Images {
    images: Vec<Kept>,
}

impl Images {
    pub(super) fn load(path: &Path) -> Self {
        let read = || -> io::Result<Self> {
            if std::fs::metadata(path)?.len() > MAX_BYTES {
                return Err(io::Error::other("it is too large"));
            }
            serde_json::from_slice(&std::fs::read(path)?).map_err(io::Error::other)
        };
        match read() {
            Ok(images) => images,
            Err(e) => {
                if e.kind() != io::ErrorKind::NotFound {
                    tracing::warn!("which images are ours can't be read, so none is: {e}");
                }
                Self::default()
            }
        }
    }

    pub(super) fn save(&self, path: &Path) -> io::Result<()> {
        let text = serde_json::to_vec(self).map_err(io::Error::other)?;
        write_private(path, &text)
    }

    /// A deploy pulled the image; `was_here`: the engine had it by that name before.
    pub(super) fn pulled(
        &mut self,
        whose: &Whose,
        image_id: &str,
        names: &[String],
        was_here: bool,
        now: UnixMs,
    ) {
        let brought = !was_here
            || self
                .images
                .iter()
                .any(|kept| kept.image_id == image_id && kept.ours);
        if let Some(known) = self.find(whose, image_id) {
            known.ours |= brought;
            known.pulled_at = now;
            for name in names {
                if !known.names.contains(name) {
                    known.names.push(name.clone());
                }
            }
            return;
        }
        self.images.push(Kept {
            whose: whose.clone(),
            image_id: image_id.to_owned(),
            names: names.to_vec(),
            ours: brought,
            pulled_at: now,
            ran_at: None,
        });
        if self.images.len() > MAX {
            self.images.remove(0);
        }
    }

    /// It runs now.
    pub(super) fn runs(&mut self, whose: &Whose, image_id: &str, now: UnixMs) {
        if let Some(known) = self.find(whose, image_id) {
            known.ran_at = Some(now);
        }
    }

    /// What may go of this environment's images, besides the last `keep` that ran.
    pub(super) fn spare(&self, whose: &Whose, keep: usize, in_use: &HashSet<&str>, now: UnixMs) -> Vec<Kept> {
        let own = || self.images.iter().filter(|kept| kept.whose == *whose);
        let mut ran: Vec<&Kept> = own().filter(|kept| kept.ran_at.is_some()).collect();
        ran.sort_by_key(|kept| std::cmp::Reverse(kept.ran_at));
        let stay: HashSet<&str> = ran
            .iter()
            .take(keep.max(1))
            .map(|kept| kept.image_id.as_str())
            .collect();
        let elsewhere = |id: &str| {
            let mut others = self.images.iter().filter(|kept| kept.whose != *whose);
            others.any(|kept| kept.image_id == id)
        };
        own()
            .filter(|kept| {
                let id = kept.image_id.as_str();
                !stay.contains(id)
                    && !in_use.contains(id)
                    && !elsewhere(id)
                    && now.ms_since(kept.pulled_at) >= FRESH_MS
            })
            .cloned()
            .collect()
    }

    pub(super) fn forget(&mut self, gone: &Kept) {
        self.images
            .retain(|kept| kept.whose != gone.whose || kept.image_id != gone.image_id);
    }

    fn find(&mut self, whose: &Whose, image_id: &str) -> Option<&mut Kept> {
        let mut all = self.images.iter_mut();
        all.find(|kept| kept.whose == *whose && kept.image_id == image_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATER: UnixMs = UnixMs(1_000 * UnixMs::MINUTE);

    fn whose(environment: &str) -> Whose {
        Whose {
            application: "a".to_owned(),
            environment: environment.to_owned(),
        }
    }

    /// Images that ran one after the other.
    fn ran(environment: &str, ids: &[&str]) -> Images {
        let mut images = Images::default();
        add(&mut images, environment, ids);
        images
    }

    fn add(images: &mut Images, environment: &str, ids: &[&str]) {
        for (n, id) in (0..).zip(ids) {
            images.pulled(&whose(environment), id, &[format!("r/x@{id}")], false, UnixMs(n));
            images.runs(&whose(environment), id, UnixMs(n));
        }
    }

    fn spare(images: &Images, keep: usize, in_use: &[&str]) -> Vec<String> {
        let in_use = in_use.iter().copied().collect();
        let spare = images.spare(&whose("prod"), keep, &in_use, LATER);
        spare.into_iter().map(|kept| kept.image_id).collect()
    }

    #[test]
    fn the_last_versions_that_ran_stay() {
        let images = ran("prod", &["1", "2", "3", "4", "5"]);
        assert_eq!(spare(&images, 3, &[]), ["1", "2"]);
        assert_eq!(spare(&images, 3, &["1"]), ["2"], "a container has it");
        assert_eq!(
            spare(&images, 0, &[]),
            ["1", "2", "3", "4"],
            "what runs is no spare"
        );
        assert_eq!(spare(&images, 9, &[]), [""; 0]);
    }

    #[test]
    fn an_earlier_version_that_ran_again_is_a_late_one() {
        let mut images = ran("prod", &["1", "2", "3"]);
        images.runs(&whose("prod"), "1", UnixMs(9));
        assert_eq!(spare(&images, 2, &[]), ["2"]);
    }

    #[test]
    fn what_another_has_too_what_never_ran_and_what_is_fresh() {
        let mut images = ran("prod", &["1", "2"]);
        add(&mut images, "test", &["1"]);
        assert_eq!(spare(&images, 1, &[]), [""; 0], "another environment may need it");
        images.pulled(&whose("prod"), "broken", &[], false, UnixMs(0));
        assert_eq!(spare(&images, 1, &[]), ["broken"]);
        images.pulled(&whose("prod"), "broken", &[], false, LATER);
        assert_eq!(spare(&images, 1, &[]), [""; 0], "it came just now");
    }

    #[test]
    fn what_was_here_before_is_never_ours() {
        let mut images = Images::default();
        images.pulled(&whose("prod"), "1", &[], true, UnixMs(0));
        images.pulled(&whose("prod"), "2", &[], false, UnixMs(0));
        // Ours from the first deploy on, though it was here at the second.
        images.pulled(&whose("prod"), "2", &["r/x:2".to_owned()], true, UnixMs(1));
        let ours: Vec<bool> = images.images.iter().map(|kept| kept.ours).collect();
        assert_eq!(ours, [false, true]);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("images.json");
        images.save(&path).unwrap();
        assert_eq!(Images::load(&path).images, images.images);
        images.forget(&images.images[1].clone());
        assert_eq!(images.images.len(), 1);
        std::fs::write(&path, "{").unwrap();
        assert!(Images::load(&path).images.is_empty());
    }
}
