//! Measurements that the simulator makes: it starts the control plane by itself and answers with JSON.

use super::{Args, built, median, rounded};
use crate::interrupt::Interrupt;
use crate::say;
use anyhow::{Context, Result, ensure};
use muster_tests::job::releases::make_postgres_database;
use muster_workbench::{Service, Workbench};
use serde_json::{Map, Value, json};
use std::path::Path;
use std::process::{Command, Stdio};

/// Of these the worst round counts, not the median.
const FAULTS: &[&str] = &["lost", "missing", "duplicated", "wrong", "lostSessions"];

/// A fleet that connects, reports, loses its control plane and comes back.
pub fn fleet(args: &Args, interrupt: &Interrupt) -> Result<Value> {
    let agents = args.agents.unwrap_or(2_000).to_string();
    let (interval, seconds) = (args.interval.to_string(), args.seconds.to_string());
    let simulate = [
        "fleet",
        "--agents",
        &agents,
        "--interval",
        &interval,
        "--for",
        &seconds,
    ];
    if args.database == "postgres" {
        return postgres_rounds(args.rounds.unwrap_or(1), &simulate, interrupt);
    }
    rounds(args.rounds.unwrap_or(1), &simulate, interrupt)
}

/// Rows of readings into PostgreSQL, and a day of them out of it.
pub fn readings(args: &Args, interrupt: &Interrupt) -> Result<Value> {
    postgres_rounds(args.rounds.unwrap_or(1), &["readings"], interrupt)
}

/// Orders to a connected fleet.
pub fn dispatch(args: &Args, interrupt: &Interrupt) -> Result<Value> {
    let agents = args.agents.unwrap_or(500).to_string();
    rounds(
        args.rounds.unwrap_or(1),
        &["dispatch", "--agents", &agents],
        interrupt,
    )
}

/// The URL of a new database on a PostgreSQL that was started.
fn postgres_database(bench: &Workbench, name: &str) -> Result<String> {
    make_postgres_database(bench.env(), name)?;
    let server = bench.env().get("MUSTER_TEST_POSTGRES_URL");
    let (server, _) = server
        .and_then(|url| url.rsplit_once('/'))
        .context("PostgreSQL was not started")?;
    Ok(format!("{server}/{name}"))
}

/// Rounds on PostgreSQL, each in a database of its own.
fn postgres_rounds(count: usize, arguments: &[&str], interrupt: &Interrupt) -> Result<Value> {
    let programs = built::control_plane(interrupt)?;
    let bench = Workbench::start(&[Service::Postgres])?;
    let mut rounds = Vec::new();
    for round in 0..count.max(1) {
        let database = postgres_database(&bench, &format!("measured{round}"))?;
        let arguments = [arguments, &["--database", &database]].concat();
        rounds.push(simulate(&programs, &arguments, interrupt)?);
    }
    Ok(Value::Object(medians(&rounds)))
}

/// A run of the simulator on each database.
pub fn on_both_databases(run: &str, interrupt: &Interrupt) -> Result<Value> {
    let programs = built::control_plane(interrupt)?;
    let bench = Workbench::start(&[Service::Postgres])?;
    let database = postgres_database(&bench, "measured")?;
    let sqlite = simulate(&programs, &[run], interrupt)?;
    let postgres = simulate(&programs, &[run, "--database", &database], interrupt)?;
    Ok(json!({"sqlite": sqlite, "postgres": postgres}))
}

/// Every list and search on each database; as a table, too, for people to look along.
pub fn api(interrupt: &Interrupt) -> Result<Value> {
    let both = on_both_databases("api", interrupt)?;
    for database in ["sqlite", "postgres"] {
        say::line(format_args!("{database:>9} p50 ms   p95 ms     rows of how many"));
        for (name, numbers) in both[database]["routes"].as_object().into_iter().flatten() {
            let [p50, p95] = ["p50Ms", "p95Ms"].map(|key| numbers[key].as_f64().unwrap_or_default());
            let [rows, of] = ["rows", "of"].map(|key| numbers[key].as_i64().unwrap_or_default());
            say::line(format_args!("{p50:16.2} {p95:8.2} {rows:8} {of:11}  {name}"));
        }
    }
    Ok(both)
}

/// A storm of webhook calls on each database. The numbers that count are SQLite's.
pub fn webhook(interrupt: &Interrupt) -> Result<Value> {
    let Value::Object(mut both) = on_both_databases("webhook", interrupt)? else {
        return Ok(Value::Null);
    };
    for name in ["perSecond", "p99Ms"] {
        let number = both["sqlite"][name].clone();
        both.insert(name.to_owned(), number);
    }
    let doubles = ["sqlite", "postgres"].map(|database| both[database]["doubleDeployments"].as_u64());
    let doubles: u64 = doubles.into_iter().flatten().sum();
    both.insert("doubleDeployments".to_owned(), doubles.into());
    Ok(Value::Object(both))
}

fn rounds(count: usize, arguments: &[&str], interrupt: &Interrupt) -> Result<Value> {
    let programs = built::control_plane(interrupt)?;
    let rounds = (0..count.max(1))
        .map(|_| simulate(&programs, arguments, interrupt))
        .collect::<Result<Vec<_>>>()?;
    Ok(Value::Object(medians(&rounds)))
}

/// One run of the simulator; the last line that it prints is its answer.
pub fn simulate(programs: &Path, arguments: &[&str], interrupt: &Interrupt) -> Result<Map<String, Value>> {
    let mut command = Command::new(programs.join("muster-simulator"));
    let (mut reader, writer) = std::io::pipe()?;
    command
        .args(arguments)
        .env("MUSTER_TEST_BIN_DIR", programs)
        .stdin(Stdio::null())
        .stdout(writer);
    let status = interrupt.status(&mut command)?;
    ensure!(status.success(), "the simulator failed ({status})");
    drop(command);
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut reader, &mut answer)?;
    let line = answer.lines().last().context("the simulator said nothing")?;
    serde_json::from_str(line).with_context(|| format!("the simulator said {line}"))
}

fn medians(rounds: &[Map<String, Value>]) -> Map<String, Value> {
    let Some(first) = rounds.first() else {
        return Map::new();
    };
    let of = |name: &String| -> Vec<f64> {
        rounds
            .iter()
            .filter_map(|round| round.get(name)?.as_f64())
            .collect()
    };
    let summed = |(name, value): (&String, &Value)| {
        let numbers = of(name);
        let number = if FAULTS.contains(&name.as_str()) {
            numbers.into_iter().reduce(f64::max)
        } else {
            median(numbers)
        };
        let number = match number {
            // Counts stay whole numbers.
            Some(number) if value.is_u64() => rounds
                .iter()
                .filter_map(|round| round.get(name))
                .find(|value| value.as_f64() == Some(number))
                .cloned(),
            Some(number) => Some(rounded(number).into()),
            None => None,
        };
        (name.clone(), number.unwrap_or_else(|| value.clone()))
    };
    first.iter().map(summed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_counts_but_of_faults_the_worst() {
        let rounds = [(1, 0, 2.5), (9, 3, 1.5), (5, 0, 7.25)].map(|(agents, lost, wait)| {
            let round = json!({"agents": agents, "lost": lost, "ackP50Ms": wait});
            round.as_object().cloned().unwrap_or_default()
        });
        let expected = json!({"agents": 5, "lost": 3, "ackP50Ms": 2.5});
        assert_eq!(Value::Object(medians(&rounds)), expected);
    }
}
