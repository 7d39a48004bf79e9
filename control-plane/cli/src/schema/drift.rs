//! `musterctl schema drift`

use std::collections::BTreeSet;
use std::io::{self, Write as _};

use muster_schema::{Dialect, PlanOptions, left_over, plan};

use super::{
    FOUND, NOTHING, REFUSED,
    side::{Side, side},
};

/// What to compare.
#[derive(clap::Args)]
pub struct Args {
    /// mysql or postgres
    #[arg(long)]
    dialect: Dialect,
    /// What the database should be: a file of DDL, `-` for standard input, or a database's URL
    #[arg(long)]
    expected: String,
    /// Print one JSON array instead
    #[arg(long)]
    json: bool,
    /// The database's URL, or what stands for it
    found: String,
}

pub(super) fn run(args: &Args) -> anyhow::Result<u8> {
    let sides = (
        side(args.dialect, "--expected", &args.expected)?,
        side(args.dialect, "the database", &args.found)?,
    );
    let (expected, found) = match sides {
        (Side::Schema(expected), Side::Schema(found)) => (expected, found),
        (Side::Unreadable(reason), _) | (_, Side::Unreadable(reason)) => {
            crate::report(&reason);
            return Ok(REFUSED);
        }
    };
    for one in left_over(&found) {
        crate::report(&format!(
            "{} is an invalid index that a build which broke off left behind: {} builds it, {} removes it",
            one.index, one.rebuild, one.remove
        ));
    }
    let plan = match plan(&found, &expected, &PlanOptions::default()) {
        Ok(plan) => plan,
        Err(refusal) => {
            refusal.reasons.iter().for_each(|reason| crate::report(reason));
            return Ok(REFUSED);
        }
    };
    let differing: BTreeSet<String> = plan.steps.iter().map(|step| step.object.to_string()).collect();
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, &differing)?;
        writeln!(out)?;
    } else {
        for object in &differing {
            writeln!(out, "{object}")?;
        }
    }
    out.flush()?;
    Ok(if plan.is_empty() { NOTHING } else { FOUND })
}
