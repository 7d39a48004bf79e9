//! Counts of what passed and failed.

use std::fmt;
use std::ops::AddAssign;

/// How many tests or checks passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Those that passed.
    pub passed: u32,
    /// Those that failed.
    pub failed: u32,
}

impl Tally {
    /// One check that passed.
    pub const PASSED: Self = Self { passed: 1, failed: 0 };
    /// One check that failed.
    pub const FAILED: Self = Self { passed: 0, failed: 1 };

    /// Adds what one line of a test runner's output says: cargo-nextest's summary, or the result line
    /// of one of `cargo test`'s programs (which nextest shows indented, for a test that failed).
    pub fn read_line(&mut self, line: &str) {
        let is_libtest = line.starts_with("test result: ");
        let line = line.trim_start();
        let is_nextest = line.starts_with("Summary [") && line.contains("run: ");
        if is_libtest || is_nextest {
            self.passed += count_before(line, " passed");
            self.failed += count_before(line, " failed") + count_before(line, " timed out");
        }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// The number that stands right before `word`.
fn count_before(line: &str, word: &str) -> u32 {
    let before = line.find(word).map_or("", |at| &line[..at]);
    before
        .rsplit(|c: char| !c.is_ascii_digit())
        .next()
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Tally {
        let mut tally = Tally::default();
        tally.read_line(line);
        tally
    }

    #[test]
    fn nextest_summary_is_counted() {
        let line =
            "     Summary [   1.2s] 17 tests run: 15 passed (1 slow), 1 failed, 1 timed out, 3 skipped";
        assert_eq!(
            read(line),
            Tally {
                passed: 15,
                failed: 2
            }
        );
    }

    #[test]
    fn libtest_result_is_counted() {
        let line = "test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out";
        assert_eq!(read(line), Tally { passed: 4, failed: 2 });
    }

    #[test]
    fn a_failed_test_shown_by_nextest_counts_once() {
        assert_eq!(
            read("    test result: FAILED. 0 passed; 1 failed; 0 ignored"),
            Tally::default()
        );
    }

    #[test]
    fn other_lines_do_not_count() {
        assert_eq!(read("7 passed the door, 2 failed"), Tally::default());
    }
}
