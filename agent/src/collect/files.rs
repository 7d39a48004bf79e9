//! Reading the kernel's small text files without allocating for each.

use std::{fs::File, io::Read as _, path::Path};

/// No file that is read here is longer on a sane host.
const MAX_BYTES: u64 = 256 * 1024;

/// A buffer that one file after another is read into.
#[derive(Debug, Default)]
pub(super) struct Files {
    buffer: Vec<u8>,
}

impl Files {
    /// The file's text, up to a limit; `None` if it can't be read.
    pub(super) fn read(&mut self, path: &Path) -> Option<&str> {
        self.read_up_to(path, MAX_BYTES)
    }

    /// The first `limit` bytes of the file's text.
    pub(super) fn read_up_to(&mut self, path: &Path, limit: u64) -> Option<&str> {
        self.buffer.clear();
        let file = File::open(path).ok()?;
        file.take(limit).read_to_end(&mut self.buffer).ok()?;
        match std::str::from_utf8(&self.buffer) {
            Ok(text) => Some(text),
            // A name in another encoding, or a character cut by the limit: everything before it is good.
            Err(error) => std::str::from_utf8(&self.buffer[..error.valid_up_to()]).ok(),
        }
    }

    /// The file's only number.
    pub(super) fn number(&mut self, path: &Path) -> Option<u64> {
        self.read_up_to(path, 64)?.trim().parse().ok()
    }

    /// The number after `name` in a file of `name number` lines.
    pub(super) fn field(&mut self, path: &Path, name: &str) -> Option<u64> {
        self.read(path)?
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
    }
}

/// The growth of a counter, in units per second; `None` if it went backwards.
pub(super) fn per_second(now: u64, before: u64, elapsed_ms: u64) -> Option<i64> {
    let grown = u128::from(now.checked_sub(before)?);
    let elapsed_ms = u128::from(elapsed_ms.max(1));
    i64::try_from((grown * 1_000 + elapsed_ms / 2) / elapsed_ms).ok()
}

/// `part` of `whole` in hundredths of a percent, at most 100 %.
pub(super) fn basis_points(part: u64, whole: u64) -> i64 {
    let share = u128::from(part) * 10_000 / u128::from(whole.max(1));
    i64::try_from(share.min(10_000)).unwrap_or(10_000)
}

/// A counter or size as a sample's value.
pub(super) fn value(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
