//! What we tell the person at the terminal.

use std::fmt::Display;

/// A line on standard output.
#[expect(clippy::print_stdout, reason = "this is a command line program")]
pub fn line(text: impl Display) {
    println!("{text}");
}

/// A line on standard error: progress, and what went wrong.
#[expect(clippy::print_stderr, reason = "this is a command line program")]
pub fn note(text: impl Display) {
    eprintln!("{text}");
}
