//! `cargo demo`: Muster on this machine, for a person to look at; with `--check`, its main job once, for a
//! script to believe.

mod check;
mod show;

use crate::interrupt::Interrupt;
use anyhow::Result;
use std::path::PathBuf;
use std::process::ExitCode;

/// What `cargo demo` takes.
#[derive(clap::Args)]
pub struct Args {
    /// Runs the whole main job once and prints what came of it as one JSON object; keeps nothing.
    #[arg(long)]
    check: bool,
    /// Where the demo keeps its data [default: ~/.cache/muster/demo].
    #[arg(long, conflicts_with = "check")]
    data: Option<PathBuf>,
}

/// Does what was asked for.
pub fn run(args: Args, interrupt: &Interrupt) -> Result<ExitCode> {
    if args.check {
        check::run(interrupt)
    } else {
        show::run(args.data, interrupt)
    }
}
