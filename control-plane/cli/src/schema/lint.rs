//! `musterctl schema lint`

use std::{
    io::{self, Write as _},
    path::PathBuf,
};

use muster_schema::{Dialect, lint};

use super::{FOUND, NOTHING, REFUSED, input};

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
    let text = input::read(&args.file)?;
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
