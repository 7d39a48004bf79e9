//! Texts from files and standard input.

use std::{
    io::{self, Read as _},
    path::Path,
};

use anyhow::Context as _;
use muster_schema::MAX_TEXT_BYTES;

/// No more than the library takes, and one byte to see that there is more.
pub(super) fn read(file: &Path) -> anyhow::Result<String> {
    let most = u64::try_from(MAX_TEXT_BYTES)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    let mut text = String::new();
    let reading = if file == Path::new("-") {
        io::stdin().lock().take(most).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(most).read_to_string(&mut text))
    };
    reading.with_context(|| format!("{} can't be read", file.display()))?;
    Ok(text)
}
