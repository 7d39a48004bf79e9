//! `muster-corpus`: other people's cases of a schema that changes, run through Muster's planner on real servers.
//!
//! A case is a schema that is there and one that is wanted. What counts is what the database ends up as, not the text of
//! the SQL: what is there is applied to an empty database and read from its catalogue; the plan from it to the wanted
//! schema is run; then the catalogue must say the same as that of a database that was given the wanted schema directly,
//! and planning again must find nothing to do. The way back must do the same. [`verdict::Verdict`] lists what can become of a case.
//!
//! The two catalogues are compared by queries of this program's own, which know nothing of how the planner reads them.
//!
//! It starts the servers, or uses those that `MUSTER_TEST_…` names, and ends with the sums as one line of JSON.

mod cases;
mod database;
mod diff;
mod judge;
#[cfg(test)]
mod laws;
mod mysql;
mod postgres;
mod report;
mod run;
mod verdict;
mod version;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser;
use muster_schema::Dialect;
use muster_workbench::{Env, Service, Workbench};
use serde_json::{Map, Value};

use verdict::{Judged, Verdict};

#[derive(Parser)]
#[command(about, disable_help_subcommand = true)]
enum Command {
    /// Judges cases.
    Judge(Args),
    /// Measures plans of a large schema.
    Diff(diff::Args),
    /// Writes the SQL from one live database to another.
    Between(diff::Between),
}

#[derive(clap::Args)]
struct Args {
    /// The folder that holds the folders `mysql` and `postgres`.
    #[arg(long)]
    corpus: PathBuf,
    /// Only the cases in whose file or name this stands; their reasons are printed.
    #[arg(long)]
    filter: Option<String>,
    /// Only this server.
    #[arg(long)]
    dialect: Option<Dialect>,
    /// How many cases at a time on each server.
    #[arg(long, default_value_t = 3)]
    jobs: usize,
    /// Where each case's verdict and reason is written, one JSON object a line.
    #[arg(long)]
    report: PathBuf,
}

fn main() -> ExitCode {
    let answer = match Command::parse() {
        Command::Judge(args) => run(&args).map(|sums| sums.to_string()),
        Command::Diff(args) => on_servers(&[Dialect::MySql, Dialect::Postgres], |env| {
            Ok(diff::measure(&args, env)?.to_string())
        }),
        Command::Between(args) => diff::between(&args),
    };
    match answer {
        Ok(answer) => {
            say(answer.trim_end());
            ExitCode::SUCCESS
        }
        Err(error) => {
            note(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Does something with servers of these kinds: those that the environment names, and others that are started for it.
fn on_servers<T>(dialects: &[Dialect], work: impl FnOnce(&Env) -> Result<T>) -> Result<T> {
    let mut env = Env::from_process();
    let missing: Vec<Service> = [
        (Dialect::MySql, Service::Mysql, "MUSTER_TEST_MYSQL_URL"),
        (Dialect::Postgres, Service::Postgres, "MUSTER_TEST_POSTGRES_URL"),
    ]
    .into_iter()
    .filter(|(dialect, _, variable)| dialects.contains(dialect) && env.get(variable).is_none())
    .map(|(_, service, _)| service)
    .collect();
    let bench = if missing.is_empty() {
        None
    } else {
        let bench = Workbench::start(&missing)?;
        env.extend(bench.env());
        Some(bench)
    };
    let done = work(&env);
    drop(bench);
    done
}

fn run(args: &Args) -> Result<Value> {
    let wants = |dialect| args.dialect.is_none_or(|only| only == dialect);
    let dialects: Vec<Dialect> = [Dialect::MySql, Dialect::Postgres]
        .into_iter()
        .filter(|dialect| wants(*dialect))
        .collect();
    let judged = on_servers(&dialects, |env| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(judged(args, env))
    })?;
    report::write(&args.report, &judged)?;
    explain(args, &judged);
    let mut sums = Map::new();
    for dialect in [Dialect::MySql, Dialect::Postgres]
        .into_iter()
        .filter(|dialect| wants(*dialect))
    {
        let engine = dialect.to_string();
        let own: Vec<Judged> = judged
            .iter()
            .filter(|case| case.engine == engine)
            .cloned()
            .collect();
        sums.insert(engine, verdict::sums(&own));
    }
    sums.insert("report".to_owned(), args.report.to_string_lossy().into());
    Ok(Value::Object(sums))
}

/// Both servers side by side.
async fn judged(args: &Args, env: &Env) -> Result<Vec<Judged>> {
    let url = |variable: &str| {
        env.get(variable)
            .with_context(|| format!("{variable} is not set"))
    };
    let on_mysql = async {
        if args.dialect == Some(Dialect::Postgres) {
            return Ok(Vec::new());
        }
        let server = mysql::MySql::connect(url("MUSTER_TEST_MYSQL_URL")?).await?;
        run::all(&server, chosen(args, "mysql")?, args.jobs).await
    };
    let on_postgres = async {
        if args.dialect == Some(Dialect::MySql) {
            return Ok(Vec::new());
        }
        let server = postgres::Postgres::connect(url("MUSTER_TEST_POSTGRES_URL")?).await?;
        run::all(&server, chosen(args, "postgres")?, args.jobs).await
    };
    let (mysql, postgres): (Result<Vec<Judged>>, Result<Vec<Judged>>) = tokio::join!(on_mysql, on_postgres);
    let mut judged = mysql.context("MySQL's side")?;
    judged.extend(postgres.context("PostgreSQL's side")?);
    Ok(judged)
}

fn chosen(args: &Args, engine: &str) -> Result<Vec<cases::Case>> {
    let mut cases = cases::read(&args.corpus.join(engine))?;
    if let Some(filter) = &args.filter {
        cases.retain(|case| case.name.contains(filter) || case.file.contains(filter));
    }
    Ok(cases)
}

/// What is wrong is always told; with a filter, everything.
fn explain(args: &Args, judged: &[Judged]) {
    for case in judged {
        if case.verdict == Verdict::Wrong || args.filter.is_some() {
            let verdict = format!("{:?}", case.verdict).to_lowercase();
            note(&format!(
                "{verdict} {} {} {}: {}",
                case.engine, case.file, case.name, case.reason
            ));
        }
    }
}

#[expect(clippy::print_stdout, reason = "this program's answer")]
fn say(text: &str) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "a command's own news and errors")]
fn note(text: &str) {
    eprintln!("{text}");
}
