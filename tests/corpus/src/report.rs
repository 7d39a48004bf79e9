//! Where each case's verdict is written.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::verdict::Judged;

/// Writes all verdicts, one object a line, so that two runs can be compared line by line.
pub fn write(file: &Path, judged: &[Judged]) -> Result<()> {
    let mut text = String::new();
    for case in judged {
        text.push_str(&serde_json::to_string(case)?);
        text.push('\n');
    }
    fs::write(file, text).with_context(|| format!("{} can't be written", file.display()))
}
