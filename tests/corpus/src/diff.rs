//! How long a plan takes for a large schema with few changes: in memory, and with reading the live database; beside
//! another tool that is given the same two databases.
//!
//! Against the other tool a process of its own counts (`between`), as it does there: start, connect, read both, plan,
//! write the SQL.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use muster_schema::{Dialect, PlanOptions, Schema, plan, read};
use muster_workbench::Env;
use serde_json::{Value, json};

use crate::cases::Body;
use crate::database::{Database, Server};
use crate::judge::introspected;
use crate::{mysql, postgres};

/// How often each is measured; the median counts.
const ROUNDS: usize = 7;

#[derive(clap::Args)]
pub struct Args {
    /// How many tables.
    #[arg(long, default_value_t = 1_000)]
    tables: usize,
    /// The program `migra`; without it there is no peer.
    #[arg(long)]
    migra: Option<PathBuf>,
}

#[derive(clap::Args)]
pub struct Between {
    /// The PostgreSQL database where it starts.
    from: String,
    /// That to which it leads.
    to: String,
}

/// The plan from one live database to another, as SQL.
pub fn between(args: &Between) -> Result<String> {
    let plan = runtime()?.block_on(async {
        let one = async |url: &str| {
            schema(
                &mut postgres::PostgresDatabase::open(url).await?,
                Dialect::Postgres,
            )
            .await
        };
        let (from, to) = tokio::try_join!(one(&args.from), one(&args.to))?;
        anyhow::Ok(plan(&from, &to, &PlanOptions::default())?)
    })?;
    Ok(plan.sql())
}

/// All numbers.
pub fn measure(args: &Args, env: &Env) -> Result<Value> {
    let url = |variable: &str| {
        env.get(variable)
            .with_context(|| format!("{variable} is not set"))
    };
    let in_memory = in_memory(args.tables)?;
    let url_of_postgres = url("MUSTER_TEST_POSTGRES_URL")?;
    let (on_postgres, own, migra) = runtime()?.block_on(async {
        let server = postgres::Postgres::connect(url_of_postgres).await?;
        let (mut one, mut other) = two(&server, args.tables).await?;
        let inside = with_introspection::<postgres::Postgres>(&mut one, args.tables).await?;
        let (from, to) = (
            address(&mut one, url_of_postgres).await?,
            address(&mut other, url_of_postgres).await?,
        );
        let own = std::env::current_exe()?;
        let own = processes(Command::new(own).args(["between", &from, &to]))?;
        let migra = args.migra.as_ref().map(|program| {
            let known = |url: &str| url.replacen("postgres://", "postgresql://", 1);
            processes(Command::new(program).args(["--unsafe", &known(&from), &known(&to)]))
        });
        server.give_back(one);
        server.give_back(other);
        server.close().await?;
        anyhow::Ok((inside, own, migra.transpose()?))
    })?;
    let on_mysql = runtime()?.block_on(async {
        let server = mysql::MySql::connect(url("MUSTER_TEST_MYSQL_URL")?).await?;
        let (mut one, _other) = two(&server, args.tables).await?;
        let inside = with_introspection::<mysql::MySql>(&mut one, args.tables).await;
        server.close().await?;
        inside
    })?;
    Ok(json!({
        "tables": args.tables,
        "inMemoryMs": in_memory,
        "withIntrospectionMs": on_postgres,
        "mysqlWithIntrospectionMs": on_mysql,
        "processMs": own,
        "migraMs": migra,
        "ratioMigra": migra.map(|migra| own / migra),
        "ratioSkeema": Value::Null,
    }))
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// The plan alone.
fn in_memory(tables: usize) -> Result<f64> {
    let of = |changed| read(Dialect::Postgres, &made(Dialect::Postgres, tables, changed));
    let (from, to) = (of(false)?, of(true)?);
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let plan = plan(&from, &to, &PlanOptions::default())?;
        times.push(ms(start));
        ensure!(plan.steps.len() >= 10, "too little was planned: {}", plan.sql());
    }
    Ok(median(times))
}

/// Reading the live database, and the plan to a schema that is known.
async fn with_introspection<S: Server>(database: &mut S::Database, tables: usize) -> Result<f64> {
    let to = read(S::DIALECT, &made(S::DIALECT, tables, true))?;
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let from = schema(database, S::DIALECT).await?;
        let plan = plan(&from, &to, &PlanOptions::default())?;
        times.push(ms(start));
        ensure!(!plan.steps.is_empty(), "nothing was planned");
    }
    Ok(median(times))
}

async fn schema<D: Database>(database: &mut D, dialect: Dialect) -> Result<Schema> {
    introspected(database, dialect)
        .await
        .map_err(|(_, reason)| anyhow::Error::msg(reason))
}

/// Two databases, one with the schema, the other with the changed one.
async fn two<S: Server>(server: &S, tables: usize) -> Result<(S::Database, S::Database)> {
    let (mut one, mut other) = (server.database().await?, server.database().await?);
    for (database, changed) in [(&mut one, false), (&mut other, true)] {
        server.empty(database, &Body::default()).await?;
        let sql = made(S::DIALECT, tables, changed);
        database.run_text(&sql).await.map_err(anyhow::Error::msg)?;
    }
    Ok((one, other))
}

/// The URL of a database on the server of another's URL.
async fn address(database: &mut postgres::PostgresDatabase, server: &str) -> Result<String> {
    let rows = database
        .rows("select current_database()::text")
        .await
        .map_err(anyhow::Error::msg)?;
    let name = rows.into_iter().flatten().flatten().next().context("no name")?;
    let (server, _) = server.rsplit_once('/').context("the URL names no database")?;
    Ok(format!("{server}/{name}"))
}

/// A program from its start to its end, on the wall's clock.
fn processes(command: &mut Command) -> Result<f64> {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let ran = command.stdin(Stdio::null()).output()?;
        times.push(ms(start));
        // migra ends with 2 where there are differences.
        ensure!(
            matches!(ran.status.code(), Some(0 | 2)) && !ran.stdout.is_empty(),
            "{} failed: {}",
            command.get_program().to_string_lossy(),
            String::from_utf8_lossy(&ran.stderr)
        );
    }
    Ok(median(times))
}

fn ms(start: Instant) -> f64 {
    (start.elapsed().as_secs_f64() * 1e5).round() / 100.0
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_unstable_by(f64::total_cmp);
    times[times.len() / 2]
}

/// A schema of so many tables, or the same with ten changes.
fn made(dialect: Dialect, tables: usize, changed: bool) -> String {
    let (text, moment) = match dialect {
        Dialect::Postgres => ("varchar(80)", "timestamptz"),
        Dialect::MySql => ("varchar(80)", "datetime"),
    };
    let mut sql = String::new();
    for at in 0..tables {
        // Ten tables, spread over all.
        let step = (tables / 10).max(1);
        let change = (changed && at % step == 0).then_some(at / step);
        let number = if change == Some(0) { "bigint" } else { "int" };
        let name = if change == Some(1) { "varchar(120)" } else { text };
        let added = if change == Some(2) {
            "\n    added bigint,"
        } else {
            ""
        };
        let note = if change == Some(3) { "" } else { "\n    note text," };
        let default = if change == Some(4) { "5" } else { "0" };
        let check = if change == Some(5) {
            "amount > 1"
        } else {
            "amount > 0"
        };
        sql.extend([format!(
            "create table table_{at} (
    id bigint not null,
    parent_id bigint,
    name {name} not null,
    amount {number} default {default} not null,
    price numeric(12,2),{added}{note}
    made_at {moment} not null,
    constraint table_{at}_pkey primary key (id),
    constraint table_{at}_name unique (name),
    constraint table_{at}_amount check ({check})
);\n"
        )]);
        let index = if change == Some(6) {
            "amount, made_at"
        } else {
            "made_at"
        };
        sql.extend([format!("create index table_{at}_made on table_{at} ({index});\n")]);
        let parent = at.saturating_sub(1);
        if change != Some(7) {
            sql.extend([format!("alter table table_{at} add constraint table_{at}_parent foreign key (parent_id) references table_{parent} (id);\n")]);
        }
        if change == Some(8) {
            sql.extend([format!("create table extra_{at} (id bigint primary key);\n")]);
        }
        if change == Some(9) {
            sql.extend([format!(
                "create view view_{at} as select id, name from table_{at};\n"
            )]);
        }
    }
    sql
}
