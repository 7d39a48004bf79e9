//! The sequence numbers that were seen: each order of a host has its own, and none is taken twice.
//!
//! Orders travel on parallel streams and may overtake each other, so the last 1,024 numbers are kept as a window;
//! what lies before the window counts as seen. The file is replaced as a whole, under a lock, since several workers
//! may run.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

use crate::identity::write_private;

const WINDOW: u64 = 1_024;

/// The numbers that were seen.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Window {
    highest: u64,
    /// Those above `highest - WINDOW`, sorted.
    seen: Vec<u64>,
}

impl Window {
    fn has(&self, sequence: u64) -> bool {
        sequence == 0
            || sequence.saturating_add(WINDOW) <= self.highest
            || self.seen.binary_search(&sequence).is_ok()
    }

    fn add(&mut self, sequence: u64) {
        if let Err(place) = self.seen.binary_search(&sequence) {
            self.seen.insert(place, sequence);
        }
        self.highest = self.highest.max(sequence);
        let highest = self.highest;
        self.seen.retain(|&s| s.saturating_add(WINDOW) > highest);
    }
}

/// The file that keeps them.
#[derive(Debug, Clone)]
pub struct Sequences {
    path: PathBuf,
}

impl Sequences {
    /// The numbers kept in `dir`, which must exist.
    pub fn new(dir: &Path) -> Self {
        Self {
            path: dir.join("sequence.json"),
        }
    }

    /// Whether an order of this number was seen, or is too old to tell.
    pub fn has(&self, sequence: u64) -> io::Result<bool> {
        Ok(self.load()?.has(sequence))
    }

    /// Takes the number; on the disk when this returns. `false` if it was taken before.
    pub fn take(&self, sequence: u64) -> io::Result<bool> {
        let _lock = self.lock()?;
        let mut window = self.load()?;
        if window.has(sequence) {
            return Ok(false);
        }
        window.add(sequence);
        self.store(&window)?;
        Ok(true)
    }

    fn lock(&self) -> io::Result<Flock<File>> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(self.path.with_extension("lock"))?;
        // Held for one small write by whoever has it, and released by the kernel if that dies.
        Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, errno)| errno.into())
    }

    fn load(&self) -> io::Result<Window> {
        match fs::read(&self.path) {
            Ok(text) => Ok(serde_json::from_slice(&text)?),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Window::default()),
            Err(e) => Err(e),
        }
    }

    fn store(&self, window: &Window) -> io::Result<()> {
        write_private(&self.path, &serde_json::to_vec(window)?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_is_taken_once_also_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Sequences::new(dir.path()).take(5).unwrap());
        let again = Sequences::new(dir.path());
        assert!(again.has(5).unwrap() && !again.take(5).unwrap());
        assert!(
            again.take(3).unwrap(),
            "a number that was overtaken is still good"
        );
    }

    #[test]
    fn zero_and_what_lies_before_the_window_count_as_seen() {
        let dir = tempfile::tempdir().unwrap();
        let sequences = Sequences::new(dir.path());
        assert!(!sequences.take(0).unwrap());
        assert!(sequences.take(2_000).unwrap());
        assert!(!sequences.take(2_000 - WINDOW).unwrap());
        assert!(sequences.take(2_001 - WINDOW).unwrap());
    }

    proptest! {
        #[test]
        fn none_is_ever_taken_twice(numbers in prop::collection::vec(1_u64..5_000, 1..200)) {
            let mut window = Window::default();
            let mut taken = std::collections::HashSet::new();
            for n in numbers {
                if !window.has(n) {
                    prop_assert!(taken.insert(n));
                    window.add(n);
                }
                prop_assert!(window.seen.len() <= usize::try_from(WINDOW).unwrap());
            }
        }
    }
}
