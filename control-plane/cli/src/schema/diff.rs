//! `musterctl schema diff`

use std::io::{self, Write as _};

use muster_schema::{Dialect, Finding, Plan, PlanOptions, Reverse, Schema, SplitError, lint, plan, split};
use serde_json::{Value, json};

use super::{
    FOUND, NOTHING, REFUSED,
    side::{Side, side},
};

/// What to compare.
#[derive(clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command")]
pub struct Args {
    /// mysql or postgres
    #[arg(long)]
    dialect: Dialect,
    /// The schema that is there: a file of DDL, `-` for standard input, or a database's URL
    #[arg(long)]
    from: String,
    /// The schema that is wanted, given in the same way
    #[arg(long)]
    to: String,
    /// Drop nothing; what would have been dropped is told
    #[arg(long)]
    no_drops: bool,
    /// PostgreSQL: build and drop indexes concurrently, outside of transactions
    #[arg(long)]
    concurrently: bool,
    /// PostgreSQL: add checks and foreign keys of tables that are there as not valid, and validate them by statements of
    /// their own
    #[arg(long)]
    validate_apart: bool,
    /// MySQL and MariaDB: say at each ALTER TABLE how it is carried out (ALGORITHM=INSTANT, INPLACE or COPY, and LOCK), by the version of
    /// the database that is read; what the server can't do so fails instead of locking more
    #[arg(long)]
    online: bool,
    /// With --online, the server's version where no database is read, for instance 8.0.40 or 10.11.14-MariaDB
    #[arg(long, requires = "online")]
    server_version: Option<String>,
    /// Print one JSON object with each step's risk, the lint findings and the way back instead
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<u8> {
    let sides = (
        side(args.dialect, "--from", &args.from)?,
        side(args.dialect, "--to", &args.to)?,
    );
    let (from, to) = match sides {
        (Side::Schema(from), Side::Schema(to)) => (from, to),
        (Side::Unreadable(reason), _) | (_, Side::Unreadable(reason)) => {
            crate::report(&reason);
            return Ok(REFUSED);
        }
    };
    let online = match online(args, &from, &to) {
        Ok(online) => online,
        Err(why) => {
            crate::report(why);
            return Ok(REFUSED);
        }
    };
    let options = PlanOptions {
        online,
        drops: !args.no_drops,
        concurrently: args.concurrently,
        validate_apart: args.validate_apart,
        ..PlanOptions::default()
    };
    let plan = match plan(&from, &to, &options) {
        Ok(plan) => plan,
        Err(refusal) => {
            refusal.reasons.iter().for_each(|reason| crate::report(reason));
            return Ok(REFUSED);
        }
    };
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, &described(args.dialect, &plan)?)?;
        writeln!(out)?;
    } else {
        for step in &plan.steps {
            writeln!(out, "{}", terminated(args.dialect, &step.sql))?;
        }
        for withheld in &plan.withheld {
            crate::report(&format!("kept: {} ({})", withheld.object, withheld.sql));
        }
    }
    out.flush()?;
    Ok(if plan.is_empty() { NOTHING } else { FOUND })
}

/// The version by which each `alter table` says how it is carried out; the error says what is missing.
fn online(args: &Args, from: &Schema, to: &Schema) -> Result<Option<String>, &'static str> {
    if !args.online {
        return Ok(None);
    }
    if args.dialect != Dialect::MySql {
        return Err("--online is for MySQL and MariaDB; PostgreSQL has --concurrently and --validate-apart");
    }
    let read = [from, to].into_iter().find_map(|side| side.server.as_ref());
    let version = args
        .server_version
        .clone()
        .or_else(|| read.map(|server| server.version.clone()));
    version.map(Some).ok_or(
        "--online needs a database on one side, or --server-version: what a server can do depends on its version",
    )
}

/// A statement as the server's own client reads it.
pub(super) fn terminated(dialect: Dialect, sql: &str) -> String {
    let is_block =
        dialect == Dialect::MySql && matches!(split(dialect, sql), Err(SplitError::NeedsDelimiter { .. }));
    // Without a block in it, a `;` stands in a string or comment.
    if is_block {
        format!("delimiter //\n{sql}//\ndelimiter ;")
    } else {
        format!("{sql};")
    }
}

fn described(dialect: Dialect, plan: &Plan) -> anyhow::Result<Value> {
    let mut value = serde_json::to_value(plan)?;
    let mut back = Vec::new();
    let mut lost = Vec::new();
    for step in plan.steps.iter().rev() {
        match &step.reverse {
            Reverse::Sql(statements) => back.extend(statements.iter()),
            Reverse::Lossy(statements, what) => {
                back.extend(statements.iter());
                lost.push(what);
            }
            Reverse::None(why) => lost.push(why),
        }
    }
    let object = value.as_object_mut();
    if let Some(object) = object {
        object.insert("risk".to_owned(), json!(plan.risk()));
        object.insert("sql".to_owned(), json!(plan.sql()));
        object.insert("rollbackSql".to_owned(), json!(back));
        object.insert("notBroughtBack".to_owned(), json!(lost));
        object.insert("findings".to_owned(), json!(findings(dialect, plan)));
    }
    Ok(value)
}

/// Of each statement by itself, with the line in which it stands in the whole; a routine's body is not linted.
fn findings(dialect: Dialect, plan: &Plan) -> Vec<Finding> {
    lint(dialect, &plan.sql()).unwrap_or_else(|_| {
        plan.steps
            .iter()
            .filter_map(|step| lint(dialect, &step.sql).ok())
            .flatten()
            .collect()
    })
}
