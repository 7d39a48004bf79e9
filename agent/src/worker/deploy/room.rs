//! Whether there is room for an image before it is pulled: an engine whose disk is full serves nobody.

use std::{fmt, path::Path};

use muster_protocol::latest::HINT_IMAGE_BYTES;
use nix::sys::statvfs::statvfs;

use super::{Deploy, StepError};

/// Unpacked, an image takes about so many times what travels; while it is unpacked, both are there.
const UNPACKED: u64 = 3;
/// So much must be free for the smallest image, and for one of which nobody knows how large it is: a guess keeps nobody from
/// deploying.
const LEAST: u64 = 16 << 20;

/// What an image may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Needed {
    pub(super) bytes: u64,
    /// As the registry says; none if it did not.
    pub(super) compressed: Option<u64>,
}

/// A size, for people.
pub(super) struct Size(pub(super) u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, name) = if self.0 < 1_000_000_000 {
            (1_000_000, "MB")
        } else {
            (1_000_000_000, "GB")
        };
        write!(f, "{}.{} {name}", self.0 / unit, self.0 % unit * 10 / unit)
    }
}

impl Needed {
    pub(super) fn of(compressed: Option<u64>) -> Self {
        let bytes = match compressed {
            Some(bytes) => bytes.saturating_mul(UNPACKED).max(LEAST),
            None => LEAST,
        };
        Self { bytes, compressed }
    }

    /// Why so much, for a person.
    pub(super) fn why(self) -> String {
        match self.compressed {
            Some(bytes) => format!(
                "the image is {} compressed, and is unpacked beside that",
                Size(bytes)
            ),
            None => "the least for an image whose size is not known".to_owned(),
        }
    }
}

impl Deploy<'_> {
    /// Passes if the image fits, or if that can't be known: then the pull itself tells.
    pub(super) async fn check_room(&self) -> Result<(), StepError> {
        let needed = Needed::of(self.spec.container.hint(HINT_IMAGE_BYTES));
        let Ok(Some(root)) = self.engine.data_root().await else {
            return Ok(());
        };
        // An engine elsewhere keeps its data elsewhere.
        let Some(free) = free(Path::new(&root)) else {
            return Ok(());
        };
        if free < needed.bytes {
            return Err(StepError::NoRoom {
                root,
                free: Size(free).to_string(),
                needed: Size(needed.bytes).to_string(),
                why: needed.why(),
            });
        }
        Ok(())
    }
}

fn free(root: &Path) -> Option<u64> {
    let stat = statvfs(root).ok()?;
    Some(stat.blocks_available().saturating_mul(stat.fragment_size()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_needs_three_times_what_travels_or_a_floor() {
        assert_eq!(Needed::of(Some(1_000_000_000)).bytes, 3_000_000_000);
        assert_eq!(Needed::of(Some(10)).bytes, LEAST);
        assert_eq!(Needed::of(Some(u64::MAX)).bytes, u64::MAX);
        assert_eq!(Needed::of(None).bytes, LEAST);
        assert!(Needed::of(Some(1_250_000_000)).why().contains("1.2 GB"));
    }

    #[test]
    fn sizes_are_for_people() {
        for (bytes, text) in [
            (0, "0.0 MB"),
            (268_435_456, "268.4 MB"),
            (12_340_000_000, "12.3 GB"),
        ] {
            assert_eq!(Size(bytes).to_string(), text);
        }
        assert!(free(Path::new("/")).is_some_and(|free| free > 0));
        assert_eq!(free(Path::new("/no/such/directory")), None);
    }
}
