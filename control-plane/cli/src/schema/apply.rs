//! `musterctl schema apply`
//!
//! The files are read here first, so that what is wrong with them is said without a control plane, each with its file
//! and line. Then they go to it as one text, and are applied as a whole or not at all.

use std::{
    io::{self, Write as _},
    path::PathBuf,
};

use anyhow::bail;
use serde_json::Value;

use super::{
    FOUND, NOTHING, REFUSED, input,
    server::{self, Place},
    sources::Sources,
};

/// What to apply where.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    place: Place,
    /// Only read the files: no control plane is asked
    #[arg(long, conflicts_with = "dry_run")]
    check: bool,
    /// Let the control plane say what it would do, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Print the answer as one JSON object instead
    #[arg(long)]
    json: bool,
    /// Files of documents, YAML or JSON; `-` for standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<u8> {
    let mut sources = Sources::default();
    for file in &args.files {
        let text = input::read(file)?;
        sources.add(&file.display().to_string(), &text);
    }
    let faults = sources.faults();
    if !faults.is_empty() {
        for fault in &faults {
            crate::report(fault);
        }
        return Ok(REFUSED);
    }
    if args.check {
        return Ok(NOTHING);
    }
    let server = args.place.server()?;
    let path = if args.dry_run {
        "/api/v1/schema/apply?dryRun=true"
    } else {
        "/api/v1/schema/apply"
    };
    match server.post(path, "application/yaml", sources.text())? {
        server::Answer::Done(answer) => told(args, &answer),
        server::Answer::Refused { detail, errors } => {
            for (field, message) in &errors {
                crate::report(&sources.placed(field, message));
            }
            if errors.is_empty() {
                crate::report(&detail);
            }
            Ok(REFUSED)
        }
    }
}

/// A line for each document: what was done, its kind, its name, its revision.
fn told(args: &Args, answer: &Value) -> anyhow::Result<u8> {
    let Some(applied) = answer["applied"].as_array() else {
        bail!("the control plane's answer can't be understood");
    };
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, answer)?;
        writeln!(out)?;
    } else {
        for one in applied {
            let word = |field: &str| one[field].as_str().unwrap_or_default();
            write!(out, "{} {} {}", word("change"), word("kind"), word("name"))?;
            match one["revision"].as_i64() {
                Some(revision) => writeln!(out, " {revision}")?,
                None => writeln!(out)?,
            }
        }
    }
    out.flush()?;
    let would_change = applied.iter().any(|one| one["change"] != "unchanged");
    Ok(if args.dry_run && would_change {
        FOUND
    } else {
        NOTHING
    })
}
