//! Reading the kernel's small text files without allocating for each.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

/// No file that is read here is longer on a sane host.
const MAX_BYTES: usize = 256 * 1024;
/// What a first look may get: more than all but a few of the files hold.
const FIRST: usize = 8 * 1024;
/// The kernel stops before the end only where the next line does not fit into what is left of a page: what is shorter is
/// all, in a file without lines of this length.
const LONG_LINE: usize = 2 * 1024;
/// So many files are kept open at most by each that reads: five of them (a live view has its own) stay below what a process
/// may have. Each takes a page of the kernel's memory.
const MAX_KEPT: usize = 160;

/// A file that is read again and again. It stays open in between, since opening costs several times as much as reading.
#[derive(Debug)]
pub(super) struct Kept {
    path: PathBuf,
    file: Option<File>,
    has_long_lines: bool,
}

impl Kept {
    /// The file is not opened before it is read.
    pub(super) const fn new(path: PathBuf) -> Self {
        Self {
            path,
            file: None,
            has_long_lines: false,
        }
    }

    /// The same for a file whose lines may be of any length.
    pub(super) fn with_long_lines(path: PathBuf) -> Self {
        Self {
            has_long_lines: true,
            ..Self::new(path)
        }
    }

    /// The open file, if it is.
    pub(super) const fn file(&self) -> Option<&File> {
        self.file.as_ref()
    }
}

/// A buffer that one file after another is read into.
#[derive(Debug, Default)]
pub(super) struct Files {
    buffer: Vec<u8>,
    kept: usize,
}

impl Files {
    /// The file's text, up to a limit; `None` if it can't be read. The file is closed again: for those whose being open
    /// would hold something up, as a network that is to go with its last process.
    pub(super) fn read(&mut self, path: &Path) -> Option<&str> {
        let file = File::open(path).ok()?;
        let length = self.fill(&file, MAX_BYTES, false).ok()?;
        self.text(length)
    }

    /// The text of a file that is read again and again.
    pub(super) fn again(&mut self, kept: &mut Kept) -> Option<&str> {
        self.again_up_to(kept, MAX_BYTES)
    }

    /// The first `limit` bytes of it.
    pub(super) fn again_up_to(&mut self, kept: &mut Kept, limit: usize) -> Option<&str> {
        let long = kept.has_long_lines;
        let still_there = kept.file.as_ref().map(|file| self.fill(file, limit, long));
        if let Some(Ok(length)) = still_there {
            return self.text(length);
        }
        // What was open is gone; by the same name there may be another.
        self.close(kept);
        let file = File::open(&kept.path).ok()?;
        let length = self.fill(&file, limit, long).ok()?;
        if self.kept < MAX_KEPT {
            self.kept += 1;
            kept.file = Some(file);
        }
        self.text(length)
    }

    /// The only number of a file that is read again and again.
    pub(super) fn number(&mut self, kept: &mut Kept) -> Option<u64> {
        self.again_up_to(kept, 64)?.trim().parse().ok()
    }

    /// The number after `name` in a file of `name number` lines.
    pub(super) fn field(&mut self, kept: &mut Kept, name: &str) -> Option<u64> {
        self.again(kept)?
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
    }

    /// The file is not read any more.
    pub(super) fn close(&mut self, kept: &mut Kept) {
        if kept.file.take().is_some() {
            self.kept -= 1;
        }
    }

    /// Reads from the beginning to the end or the limit; how much that was.
    fn fill(&mut self, file: &File, limit: usize, has_long_lines: bool) -> io::Result<usize> {
        let mut length = 0;
        loop {
            let room = (length + FIRST).min(limit);
            if self.buffer.len() < room {
                self.buffer.resize(room, 0);
            }
            let read = file.read_at(&mut self.buffer[length..room], length as u64)?;
            length += read;
            let is_all = read == 0 || (!has_long_lines && read < LONG_LINE);
            if is_all || length >= limit {
                return Ok(length);
            }
        }
    }

    fn text(&self, length: usize) -> Option<&str> {
        let bytes = &self.buffer[..length];
        match std::str::from_utf8(bytes) {
            Ok(text) => Some(text),
            // A name in another encoding, or a character cut by the limit: everything before it is good.
            Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).ok(),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_file_is_read_anew_each_time_and_found_again_by_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("number");
        let (mut files, mut kept) = (Files::default(), Kept::new(path.clone()));
        assert_eq!(files.number(&mut kept), None);
        std::fs::write(&path, "12\n").unwrap();
        assert_eq!(files.number(&mut kept), Some(12));
        std::fs::write(&path, "7\n").unwrap();
        assert_eq!(
            files.number(&mut kept),
            Some(7),
            "nothing is left of what was longer"
        );
        assert!(kept.file().is_some());
        files.close(&mut kept);
        assert_eq!(files.kept, 0);
    }

    #[test]
    fn long_files_are_read_whole_and_longer_ones_to_the_limit() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("long");
        let mut files = Files::default();
        for length in [
            LONG_LINE - 1,
            LONG_LINE,
            FIRST,
            FIRST + 1,
            5 * FIRST + 3,
            MAX_BYTES,
        ] {
            std::fs::write(&path, "x".repeat(length)).unwrap();
            assert_eq!(files.read(&path).unwrap().len(), length);
            let mut kept = Kept::with_long_lines(path.clone());
            assert_eq!(files.again(&mut kept).unwrap().len(), length);
        }
        std::fs::write(&path, "x".repeat(MAX_BYTES + 9)).unwrap();
        assert_eq!(files.read(&path).unwrap().len(), MAX_BYTES);
        assert_eq!(files.again_up_to(&mut Kept::new(path), 3), Some("xxx"));
    }

    #[test]
    fn no_more_files_are_kept_than_a_process_may_have() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("number");
        std::fs::write(&path, "3").unwrap();
        let mut files = Files::default();
        let mut all: Vec<Kept> = (0..MAX_KEPT + 9).map(|_| Kept::new(path.clone())).collect();
        assert!(all.iter_mut().all(|kept| files.number(kept) == Some(3)));
        let open = all.iter().filter(|kept| kept.file().is_some());
        assert_eq!(open.count(), MAX_KEPT);
    }
}
