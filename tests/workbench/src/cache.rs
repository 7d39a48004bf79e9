//! What is kept between runs and checkouts.

use anyhow::{Context, Result};
use std::path::PathBuf;

/// The folder for it, `muster` below `XDG_CACHE_HOME` or `~/.cache`.
pub fn dir() -> Result<PathBuf> {
    let base = match std::env::var_os("XDG_CACHE_HOME") {
        Some(dir) => PathBuf::from(dir),
        None => PathBuf::from(std::env::var_os("HOME").context("neither XDG_CACHE_HOME nor HOME is set")?)
            .join(".cache"),
    };
    Ok(base.join("muster"))
}
