//! Waiting for something to become true, with an end.

use anyhow::{Result, bail};
use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(50);

/// Asks `look` until it finds something. At the deadline the error says what was awaited and what
/// was found instead.
pub fn until<T>(what: &str, deadline: Duration, mut look: impl FnMut() -> Result<Found<T>>) -> Result<T> {
    let end = Instant::now() + deadline;
    loop {
        let instead = match look()? {
            Found::Yes(found) => return Ok(found),
            Found::No(instead) => instead,
        };
        if Instant::now() > end {
            bail!("waited {} s for {what}; instead: {instead}", deadline.as_secs());
        }
        std::thread::sleep(POLL);
    }
}

/// What a look found.
pub enum Found<T> {
    /// It.
    Yes(T),
    /// Something else.
    No(String),
}

impl<T> Found<T> {
    /// It if there is one.
    pub fn from_option(found: Option<T>, instead: impl std::fmt::Display) -> Self {
        match found {
            Some(found) => Self::Yes(found),
            None => Self::No(instead.to_string()),
        }
    }
}
