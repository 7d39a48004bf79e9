//! Readings arrive, all of them and once, whatever is killed in between.
//!
//! The agent's own books say how many samples it ever took: each has a number in its spool. The hours that it added up
//! say how many were in each hour, reckoned apart from the samples' way. Both must agree with what is stored.

use anyhow::{Context, Result, ensure};
use muster_agent::spool::Spool;
use muster_base::{Clock, UnixMs};
use muster_tests::api::text;
use muster_tests::control_plane::{ControlPlane, Options};
use muster_tests::wait::{self, Found};
use muster_tests::{Agent, Api, agent, env};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// A day and two hours pass in less than a minute; then the agent's time is the real one.
const FACTOR: u32 = 2_400;
const PATIENCE: Duration = Duration::from_mins(2);

#[test]
fn an_outage_and_killed_agents_lose_no_sample_and_double_none_on_sqlite() -> Result<()> {
    outage(Options::new()?)
}

#[test]
fn an_outage_and_killed_agents_lose_no_sample_and_double_none_on_postgres() -> Result<()> {
    outage(Options {
        database: Some(env::new_postgres_database()?),
        ..Options::new()?
    })
}

fn outage(options: Options) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let mut plane = ControlPlane::start(dir.path(), options)?;
    let admin = plane.admin()?;
    let fast = agent::Options {
        clock_factor: FACTOR,
        ..agent::Options::default()
    };
    let mut agent = Agent::join_once(&dir.path().join("host"), &admin, fast)?;
    let hosts = admin.list("/api/v1/hosts")?;
    let host = text(hosts.first().context("no host")?, "id")?.to_owned();
    await_stored(&admin, &host, |stored| stored["samples"].as_u64() > Some(100))?;

    // In the middle of a stream of reports.
    plane.kill()?;
    for _ in 0..3 {
        await_writes(&agent)?;
        agent.kill()?;
        agent.run()?;
    }
    await_writes(&agent)?;
    plane.serve()?;
    let admin = plane.admin()?;
    await_stored(&admin, &host, |stored| stored["hourRollups"].as_u64() > Some(8))?;
    // And while it catches up.
    agent.kill()?;
    agent.run()?;
    await_stored(&admin, &host, |stored| stored["dayRollups"].as_u64() > Some(0))?;

    let books = await_quiet(&plane, &admin, &mut agent, &host)?;
    let raw = counts(&admin, &host, "60", 3_600_000)?;
    let hours = counts(&admin, &host, "1h", 3_600_000)?;
    let days = counts(&admin, &host, "1d", 86_400_000)?;
    assert_eq!(
        raw.values().sum::<u64>(),
        books,
        "what is answered is what was taken"
    );
    ensure!(hours.len() >= 24, "only {} hours were closed", hours.len());
    for (hour, count) in &hours {
        assert_eq!(
            raw.get(hour),
            Some(count),
            "samples and rollup of the hour at {hour}"
        );
    }
    let mut by_day: BTreeMap<i64, u64> = BTreeMap::new();
    for (hour, count) in raw {
        *by_day.entry(hour - hour % UnixMs::DAY).or_default() += count;
    }
    for (day, count) in &days {
        assert_eq!(
            by_day.get(day),
            Some(count),
            "samples and rollup of the day at {day}"
        );
    }
    Ok(())
}

/// Waits until the agent's time is the real one and everything it took is stored, stops it, and says how many samples
/// it ever took. At the interval of 10 s there is time enough between two samples.
fn await_quiet(plane: &ControlPlane, admin: &Api, agent: &mut Agent, host: &str) -> Result<u64> {
    wait::until("the agent to have delivered everything", PATIENCE, || {
        let before = stored(admin, host)?;
        ensure!(agent.stop(), "the agent did not stop by itself");
        let spool = Spool::open(&agent.data().join("resident/spool.redb"))?;
        let (books, backlog) = (spool.last_sample(), spool.backlog()?);
        drop(spool);
        let now = stored(admin, host)?;
        if backlog == (0, 0) && now["samples"].as_u64() == Some(books) {
            return Ok(Found::Yes(books));
        }
        ensure!(
            now["samples"].as_u64() <= Some(books),
            "{books} samples were taken and {now} is stored"
        );
        agent.run()?;
        await_stored(admin, host, |stored| stored["samples"] != before["samples"])?;
        Ok(Found::No(format!(
            "{books} taken, {backlog:?} not acknowledged, {now} stored; {}",
            plane.last_words()
        )))
    })
}

/// Waits until the agent has written to its spool for a while.
fn await_writes(agent: &Agent) -> Result<()> {
    let spool = agent.data().join("resident/spool.redb");
    let begin = spool.metadata()?.modified()?;
    wait::until("the spool to be written", PATIENCE, || {
        let written = spool.metadata()?.modified()?;
        let span = written.duration_since(begin).unwrap_or_default();
        Ok(if span > Duration::from_secs(2) {
            Found::Yes(())
        } else {
            Found::No(agent.last_words())
        })
    })
}

fn stored(admin: &Api, host: &str) -> Result<Value> {
    admin.get(&format!("/api/v1/hosts/{host}/metrics/stored"))
}

fn await_stored(admin: &Api, host: &str, enough: impl Fn(&Value) -> bool) -> Result<()> {
    wait::until("readings to be stored", PATIENCE, || {
        let stored = stored(admin, host)?;
        Ok(if enough(&stored) {
            Found::Yes(())
        } else {
            Found::No(stored.to_string())
        })
    })
}

/// How many values of `load.1`, which every sample has, there are in each interval of `width_ms`.
fn counts(admin: &Api, host: &str, step: &str, width_ms: i64) -> Result<BTreeMap<i64, u64>> {
    let since = Clock::system().now().plus_ms(-50 * UnixMs::HOUR).0;
    let asked = format!("series=load.1&stats=count&from={since}&step={step}");
    let answer = admin.get(&format!("/api/v1/hosts/{host}/metrics?{asked}"))?;
    let mut counts = BTreeMap::new();
    let points = answer["series"][0]["points"].as_array().context("no points")?;
    for point in points {
        let (at, count) = (point[0].as_i64(), point[1].as_u64());
        let at = at.context("a point without a time")?;
        *counts.entry(at - at % width_ms).or_default() += count.context("a point without a count")?;
    }
    Ok(counts)
}
