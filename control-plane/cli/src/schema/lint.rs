//! `musterctl schema lint`

use std::{
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use muster_schema::{Dialect, MAX_TEXT_BYTES, lint};

use super::{FOUND, NOTHING, REFUSED};

/// What to lint.
#[derive(clap::Args)]
pub struct Args {
    /// mysql or postgres
    #[arg(long)]
    dialect: Dialect,
    /// Print one JSON array instead
    #[arg(long)]
    json: bool,
    /// The file; `-` for standard input
    file: PathBuf,
}

pub(super) fn run(args: &Args) -> anyhow::Result<u8> {
    let text = read(&args.file).with_context(|| format!("{} can't be read", args.file.display()))?;
    let findings = match lint(args.dialect, &text) {
        Ok(findings) => findings,
        Err(error) => {
            crate::report(&error.to_string());
            return Ok(REFUSED);
        }
    };
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, &findings)?;
        writeln!(out)?;
    } else {
        for finding in &findings {
            writeln!(out, "{finding}")?;
        }
    }
    out.flush()?;
    Ok(if findings.is_empty() { NOTHING } else { FOUND })
}

/// No more than lint takes, and one byte to see that there is more.
fn read(file: &Path) -> io::Result<String> {
    let most = u64::try_from(MAX_TEXT_BYTES)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    let mut text = String::new();
    if file == Path::new("-") {
        io::stdin().lock().take(most).read_to_string(&mut text)?;
    } else {
        std::fs::File::open(file)?.take(most).read_to_string(&mut text)?;
    }
    Ok(text)
}
