//! From what the engine gives to lines that may be shown.

use muster_base::{ExposeSecret as _, SecretString, UnixMs};
use muster_protocol::latest::{LogLine, LogStream};

use crate::worker::{docker::Piece, redact::redact};

/// Bytes of a line that are looked at; no more of it is kept in memory.
const MAX_LINE: usize = 64 * 1024;
/// Bytes of it that are shown.
const MAX_SHOWN: usize = 8 * 1024;
const NS_PER_MS: i64 = 1_000_000;
const ESCAPE: char = '\u{1b}';
const BELL: char = '\u{7}';

/// Puts lines together.
pub(super) struct Assembler {
    masks: Vec<SecretString>,
    stdout: Option<Partial>,
    stderr: Option<Partial>,
}

/// A line whose end has not come.
struct Partial {
    at_ns: i64,
    bytes: Vec<u8>,
    cut: bool,
}

impl Assembler {
    /// For a container with these secrets in its environment.
    pub(super) fn new(secrets: &[SecretString]) -> Self {
        // One of several lines (a key, a certificate) is written line by line.
        let lines = secrets
            .iter()
            .flat_map(|secret| secret.expose_secret().lines().map(plain));
        Self {
            masks: lines.map(SecretString::from).collect(),
            stdout: None,
            stderr: None,
        }
    }

    /// The lines that end with this piece.
    pub(super) fn push(&mut self, piece: &Piece) -> Vec<LogLine> {
        let (at_ns, text) = stamped(&piece.bytes);
        let mut whole = Vec::new();
        for part in text.split_inclusive(|&byte| byte == b'\n') {
            let slot = self.slot(piece.stream);
            let partial = slot.get_or_insert_with(|| Partial {
                at_ns: at_ns.unwrap_or_default(),
                bytes: Vec::new(),
                cut: false,
            });
            let room = MAX_LINE - partial.bytes.len();
            partial.cut |= part.len() > room;
            partial.bytes.extend_from_slice(&part[..part.len().min(room)]);
            if part.ends_with(b"\n") || piece.terminal {
                whole.extend(self.end(piece.stream));
            }
        }
        whole
    }

    /// What is left when no more comes.
    pub(super) fn finish(&mut self) -> Vec<LogLine> {
        [LogStream::Stdout, LogStream::Stderr]
            .into_iter()
            .filter_map(|stream| self.end(stream))
            .collect()
    }

    fn end(&mut self, stream: LogStream) -> Option<LogLine> {
        let Partial {
            at_ns,
            bytes,
            mut cut,
        } = self.slot(stream).take()?;
        let mut text = redact(&plain(&String::from_utf8_lossy(&bytes)), &self.masks);
        if text.len() > MAX_SHOWN {
            text.truncate(text.floor_char_boundary(MAX_SHOWN));
            cut = true;
        }
        Some(LogLine {
            at_ns,
            stream,
            text,
            cut,
        })
    }

    const fn slot(&mut self, stream: LogStream) -> &mut Option<Partial> {
        match stream {
            LogStream::Stdout => &mut self.stdout,
            LogStream::Stderr => &mut self.stderr,
        }
    }
}

/// Whether a line is looked for, whatever its case.
pub(super) fn matches(line: &LogLine, search: Option<&str>) -> bool {
    search.is_none_or(|wanted| line.text.to_lowercase().contains(&wanted.to_lowercase()))
}

/// The engine's time stamp, if there is one, and what follows it.
fn stamped(bytes: &[u8]) -> (Option<i64>, &[u8]) {
    let Some(space) = bytes.iter().position(|&byte| byte == b' ') else {
        return (None, bytes);
    };
    let stamp = std::str::from_utf8(&bytes[..space]).ok();
    match stamp.and_then(nanoseconds) {
        Some(at_ns) => (Some(at_ns), &bytes[space + 1..]),
        None => (None, bytes),
    }
}

/// `2026-01-31T09:30:00.123456789Z` in nanoseconds since the epoch.
fn nanoseconds(stamp: &str) -> Option<i64> {
    let (seconds, rest) = stamp.split_once('.').unwrap_or((stamp, ""));
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (fraction, zone) = rest.split_at(digits);
    let whole: UnixMs = format!("{seconds}{zone}").parse().ok()?;
    let nanos: i64 = if fraction.is_empty() {
        0
    } else {
        format!("{fraction:0<9.9}").parse().ok()?
    };
    whole.0.checked_mul(NS_PER_MS)?.checked_add(nanos)
}

/// The text as a terminal would leave it standing: without its line end, colours, and what was written over.
fn plain(text: &str) -> String {
    let line = text.trim_end_matches(['\n', '\r']);
    let line = line.rsplit('\r').next().unwrap_or_default();
    let mut shown = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            ESCAPE => match chars.next() {
                // A control sequence ends with its letter, a command to the terminal with a bell or an escape.
                Some('[') => drop(chars.by_ref().find(|c| ('@'..='~').contains(c))),
                Some(']') => drop(chars.by_ref().find(|&c| c == BELL || c == ESCAPE)),
                Some(_) | None => {}
            },
            '\t' => shown.push(c),
            c if c.is_control() => {}
            c => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: &str = "2026-01-31T09:30:00.000000007Z";
    const AT: i64 = 1_769_851_800_000_000_007;

    fn piece(stream: LogStream, text: &str) -> Piece {
        Piece {
            stream,
            terminal: false,
            bytes: format!("{STAMP} {text}").into_bytes(),
        }
    }

    fn texts(lines: &[LogLine]) -> Vec<&str> {
        lines.iter().map(|line| line.text.as_str()).collect()
    }

    #[test]
    fn lines_have_the_engine_s_time_to_the_nanosecond() {
        let lines = Assembler::new(&[]).push(&piece(LogStream::Stderr, "hello\n"));
        let hello = LogLine {
            at_ns: AT,
            stream: LogStream::Stderr,
            text: "hello".to_owned(),
            cut: false,
        };
        assert_eq!(lines, [hello]);
        assert_eq!(nanoseconds("1970-01-01T00:00:01Z"), Some(1_000_000_000));
        assert_eq!(nanoseconds("1970-01-01T01:00:00.5+01:00"), Some(500_000_000));
        assert_eq!(nanoseconds("yesterday"), None);
    }

    #[test]
    fn a_long_line_that_comes_in_pieces_is_one_line_and_streams_stay_apart() {
        let mut assembler = Assembler::new(&[]);
        assert!(assembler.push(&piece(LogStream::Stdout, "one, ")).is_empty());
        assert_eq!(
            texts(&assembler.push(&piece(LogStream::Stderr, "error\n"))),
            ["error"]
        );
        assert_eq!(
            texts(&assembler.push(&piece(LogStream::Stdout, "two\n"))),
            ["one, two"]
        );
        assert!(assembler.push(&piece(LogStream::Stdout, "no end")).is_empty());
        assert_eq!(texts(&assembler.finish()), ["no end"]);
        assert!(assembler.finish().is_empty());
    }

    #[test]
    fn an_endless_line_is_cut_in_memory_and_shorter_for_people() {
        let mut assembler = Assembler::new(&[]);
        for _ in 0..10 {
            let long = "é".repeat(8 * 1024);
            assert!(assembler.push(&piece(LogStream::Stdout, &long)).is_empty());
        }
        let lines = assembler.push(&piece(LogStream::Stdout, "\n"));
        assert_eq!(lines.len(), 1);
        assert!(
            lines[0].cut && lines[0].text.len() <= MAX_SHOWN,
            "{}",
            lines[0].text.len()
        );
    }

    #[test]
    fn secrets_are_masked_also_in_colour_in_two_pieces_and_of_several_lines() {
        let secrets: [SecretString; 2] = ["hunter22".into(), "-----KEY-----\nabcdef\n".into()];
        let mut assembler = Assembler::new(&secrets);
        let lines = assembler.push(&piece(LogStream::Stdout, "it is hun\u{1b}[31mter22\u{1b}[0m!\n"));
        assert_eq!(texts(&lines), ["it is ***!"]);
        assert!(assembler.push(&piece(LogStream::Stdout, "it is hunt")).is_empty());
        assert_eq!(
            texts(&assembler.push(&piece(LogStream::Stdout, "er22\n"))),
            ["it is ***"]
        );
        assert_eq!(
            texts(&assembler.push(&piece(LogStream::Stdout, "abcdef\n"))),
            ["***"]
        );
    }

    #[test]
    fn a_line_is_shown_as_a_terminal_leaves_it() {
        assert_eq!(plain("10 %\r20 %\r100 %\r\n"), "100 %");
        assert_eq!(
            plain("\u{1b}]0;title\u{7}a\tb\u{1b}[1;32mc\u{1b}[0m\u{0}d\n"),
            "a\tbcd"
        );
        assert_eq!(plain("\u{1b}"), "");
        assert_eq!(plain("\u{1b}[31"), "");
    }

    #[test]
    fn a_search_asks_for_no_case() {
        let line = |text: &str| LogLine {
            at_ns: 0,
            stream: LogStream::Stdout,
            text: text.to_owned(),
            cut: false,
        };
        assert!(matches(&line("An ERROR"), Some("error")));
        assert!(matches(&line("x"), None));
        assert!(!matches(&line("x"), Some("error")));
    }
}
