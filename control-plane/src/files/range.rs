//! Which part of a file is asked for, as RFC 9110 writes it.

use super::FilesError;

/// A part of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// The first byte.
    pub(super) start: u64,
    /// The byte after the last one.
    pub(super) end: u64,
    /// Whether it was asked for, and is not simply all.
    pub(super) partial: bool,
}

impl Span {
    /// All of it.
    pub(super) const fn all(size: u64) -> Self {
        Self {
            start: 0,
            end: size,
            partial: false,
        }
    }

    /// What `range` (`bytes=0-99`, `bytes=100-`, `bytes=-5`) means of `size` bytes. One that can't be read, and several
    /// at once, mean all, as the RFC allows.
    pub(super) fn read(range: &str, size: u64) -> Result<Self, FilesError> {
        let Some((first, last)) = range
            .strip_prefix("bytes=")
            .and_then(|range| range.trim().split_once('-'))
        else {
            return Ok(Self::all(size));
        };
        let (start, end) = match (number(first), number(last)) {
            (Some(start), Some(last)) if start <= last => (start, last.saturating_add(1).min(size)),
            (Some(start), None) if last.is_empty() => (start, size),
            (None, Some(count)) if first.is_empty() && count > 0 => (size.saturating_sub(count), size),
            (None, Some(0)) if first.is_empty() => return Err(FilesError::OutOfRange(size)),
            _ => return Ok(Self::all(size)),
        };
        if start >= size {
            return Err(FilesError::OutOfRange(size));
        }
        Ok(Self {
            start,
            end,
            partial: true,
        })
    }

    /// How many bytes.
    pub(super) const fn len(self) -> u64 {
        self.end - self.start
    }
}

fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_or_means_all() {
        let part = |start, end| Span {
            start,
            end,
            partial: true,
        };
        for (range, wanted) in [
            ("bytes=0-0", part(0, 1)),
            ("bytes=2-4", part(2, 5)),
            ("bytes=2-", part(2, 10)),
            ("bytes=2-99", part(2, 10)),
            ("bytes=-3", part(7, 10)),
            ("bytes=-99", part(0, 10)),
            ("bytes=0-99999999999999999999999", part(0, 10)),
            ("bytes=4-2", Span::all(10)),
            ("bytes=", Span::all(10)),
            ("bytes=-", Span::all(10)),
            ("bytes=a-b", Span::all(10)),
            ("bytes=0-1,4-5", Span::all(10)),
            ("lines=0-1", Span::all(10)),
        ] {
            assert_eq!(Span::read(range, 10).unwrap(), wanted, "{range}");
        }
        for beyond in ["bytes=10-", "bytes=10-11", "bytes=-0"] {
            assert!(
                matches!(Span::read(beyond, 10), Err(FilesError::OutOfRange(10))),
                "{beyond}"
            );
        }
        assert!(Span::read("bytes=0-", 0).is_err());
        assert_eq!(part(2, 5).len(), 3);
    }
}
