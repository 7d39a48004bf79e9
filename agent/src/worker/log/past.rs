//! What was written before now, and where it ends.

use std::collections::VecDeque;

use futures_util::StreamExt as _;
use muster_protocol::latest::LogLine;

use super::{Assembler, LookError, MAX_TAIL, Out, Reader, SCANNED, matches};
use crate::worker::docker::{Lines, Readable};

/// Bytes of the past that are kept while it is read.
const MAX_BYTES: usize = 4 * 1024 * 1024;
const NS_PER_S: i64 = 1_000_000_000;

/// How far a log was read: up to here, and of this very moment so many lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Position {
    at_ns: i64,
    lines: u32,
}

impl Position {
    /// Everything up to and including this moment.
    pub(super) const fn after(at_ns: i64) -> Self {
        Self {
            at_ns,
            lines: u32::MAX,
        }
    }

    /// A line was read.
    pub(super) const fn pass(&mut self, at_ns: i64) {
        if at_ns > self.at_ns {
            *self = Self { at_ns, lines: 1 };
        } else if at_ns == self.at_ns {
            self.lines = self.lines.saturating_add(1);
        }
    }

    /// The second that what comes is asked from: the engine knows no smaller time.
    pub(super) fn since_s(self) -> i32 {
        i32::try_from(self.at_ns / NS_PER_S).unwrap_or(0)
    }

    /// Tells what was read before from what is new.
    pub(super) const fn repeats(self) -> Repeats {
        Repeats(self)
    }
}

/// Lines that come again because the engine counts in seconds.
#[derive(Debug)]
pub(super) struct Repeats(Position);

impl Repeats {
    /// Whether a line of this moment is one of those. Ask once for each line.
    pub(super) const fn is_one(&mut self, at_ns: i64) -> bool {
        if at_ns < self.0.at_ns {
            return true;
        }
        if at_ns > self.0.at_ns || self.0.lines == 0 {
            return false;
        }
        if self.0.lines != u32::MAX {
            self.0.lines -= 1;
        }
        true
    }
}

impl Reader<'_> {
    /// Tells the last lines that were written before now; where they end.
    pub(super) async fn past(&self, container: &Readable, out: &mut Out<'_>) -> Result<Position, LookError> {
        let wanted = self.wish.tail.min(MAX_TAIL);
        let search = self.wish.search.as_deref();
        let mut position = self.wish.after_ns.map_or_else(Position::default, Position::after);
        let mut repeats = position.repeats();
        let lines = Lines {
            // One at least: it says where the log is.
            tail: Some(if search.is_some() { SCANNED } else { wanted.max(1) }),
            since_s: position.since_s(),
            follow: false,
        };
        let mut pieces = self.engine.log(&container.id, lines);
        let mut assembler = Assembler::new(&container.secrets);
        let mut kept = Kept::new(usize::try_from(wanted).unwrap_or(usize::MAX));
        let mut keep = |lines: Vec<LogLine>| {
            for line in lines {
                if repeats.is_one(line.at_ns) {
                    continue;
                }
                position.pass(line.at_ns);
                if matches(&line, search) {
                    kept.push(line);
                }
            }
        };
        loop {
            let piece = tokio::select! {
                piece = pieces.next() => piece,
                () = self.gone.cancelled() => return Err(LookError::Left),
            };
            match piece {
                Some(piece) => keep(assembler.push(&piece?)),
                None => break,
            }
        }
        keep(assembler.finish());
        for line in kept.lines {
            out.push(line).await?;
        }
        Ok(position)
    }
}

/// The last lines of many.
struct Kept {
    most: usize,
    bytes: usize,
    lines: VecDeque<LogLine>,
}

impl Kept {
    const fn new(most: usize) -> Self {
        Self {
            most,
            bytes: 0,
            lines: VecDeque::new(),
        }
    }

    fn push(&mut self, line: LogLine) {
        self.bytes += line.text.len();
        self.lines.push_back(line);
        while self.lines.len() > self.most || self.bytes > MAX_BYTES {
            let Some(oldest) = self.lines.pop_front() else {
                return;
            };
            self.bytes -= oldest.text.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use muster_protocol::latest::LogStream;

    use super::*;

    #[test]
    fn what_was_read_is_told_from_what_is_new() {
        let mut position = Position::default();
        for at in [5, 7, 7] {
            position.pass(at);
        }
        let mut repeats = position.repeats();
        let new = [4, 5, 7, 7, 7, 8].map(|at| !repeats.is_one(at));
        assert_eq!(new, [false, false, false, false, true, true]);
        let mut after = Position::after(7).repeats();
        assert_eq!(
            [7, 7, 7, 8].map(|at| !after.is_one(at)),
            [false, false, false, true]
        );
        assert!(!Position::default().repeats().is_one(1));
    }

    #[test]
    fn the_last_lines_are_kept_and_not_too_many_bytes() {
        let line = |at_ns, text: &str| LogLine {
            at_ns,
            stream: LogStream::Stdout,
            text: text.to_owned(),
            cut: false,
        };
        let mut kept = Kept::new(2);
        (0..5).for_each(|at| kept.push(line(at, "x")));
        assert_eq!(
            kept.lines.iter().map(|line| line.at_ns).collect::<Vec<_>>(),
            [3, 4]
        );
        let mut kept = Kept::new(usize::MAX);
        let long = "x".repeat(MAX_BYTES / 2);
        (0..5).for_each(|at| kept.push(line(at, &long)));
        assert_eq!(kept.lines.len(), 2);
        let mut none = Kept::new(0);
        none.push(line(1, "x"));
        assert!(none.lines.is_empty());
    }
}
