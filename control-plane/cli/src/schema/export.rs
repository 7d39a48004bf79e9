//! `musterctl schema export`

use std::io::{self, Write as _};

use muster_schema::{Dialect, render};

use super::{
    NOTHING, REFUSED,
    diff::terminated,
    side::{Side, side},
};

/// What to write down.
#[derive(clap::Args)]
pub struct Args {
    /// mysql or postgres
    #[arg(long)]
    dialect: Dialect,
    /// Print the schema as one JSON object instead
    #[arg(long)]
    json: bool,
    /// A database's URL, or a file of DDL that is to be brought into one form
    from: String,
}

pub(super) fn run(args: &Args) -> anyhow::Result<u8> {
    let schema = match side(args.dialect, "the database", &args.from)? {
        Side::Schema(schema) => schema,
        Side::Unreadable(reason) => {
            crate::report(&reason);
            return Ok(REFUSED);
        }
    };
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, &schema)?;
        writeln!(out)?;
        return Ok(NOTHING);
    }
    let statements = match render(&schema) {
        Ok(statements) => statements,
        Err(refusal) => {
            refusal.reasons.iter().for_each(|reason| crate::report(reason));
            return Ok(REFUSED);
        }
    };
    for sql in &statements {
        writeln!(out, "{}", terminated(args.dialect, sql))?;
    }
    out.flush()?;
    Ok(NOTHING)
}
