//! The agent is away while a day ends, with nothing of an open hour in hand, and dies where it closes that day at its next
//! start: the day is there once.
//!
//! Its clock goes on while it is dead, 26 hours in a minute; a day's end comes in that time.

use crate::ground::{Ground, PATIENCE};
use crate::stream;
use anyhow::{Context as _, Result, bail};
use muster_auditor::points::Point;
use muster_auditor::readings::Told;
use muster_base::UnixMs;
use muster_tests::agent;
use muster_tests::api::text;
use muster_tests::job::readings;
use muster_tests::wait::{self, Found};
use std::time::Instant;

const FACTOR: u32 = 1_600;
/// Seconds of the agent's clock between samples: seven in a second.
const INTERVAL_S: u32 = 240;
/// What the agent's clock may be further than is reckoned here, or less far.
const DOUBT_MS: i64 = 10 * 60_000;

/// The agent's clock, by the last sample that it kept.
struct Reckoning {
    kept: i64,
    seen: Instant,
}

impl Reckoning {
    fn now(&self) -> i64 {
        let passed = self.seen.elapsed() * FACTOR;
        self.kept + i64::try_from(passed.as_millis()).unwrap_or(i64::MAX)
    }

    fn await_time(&self, at: i64) -> Result<()> {
        wait::until("the agent's clock to come so far", PATIENCE, || {
            let reached = self.now() >= at + DOUBT_MS;
            Ok(Found::from_option(reached.then_some(()), self.now()))
        })
    }
}

const fn end_of(span: i64, at: i64) -> i64 {
    (at.div_euclid(span) + 1) * span
}

fn point(name: &str) -> Point {
    Point {
        name: format!("muster-agent:spool.{name}"),
        passing: 1,
    }
}

fn newest_kept(ground: &Ground) -> Result<i64> {
    let told = Told::read(&ground.points.told()?)?;
    told.kept.last().copied().context("no sample was kept")
}

/// Has the agent close its last hour and die at once; the end of the day that it left open.
fn leave_a_day_open(ground: &mut Ground) -> Result<(Reckoning, i64)> {
    // A day may end just then.
    for _ in 0..3 {
        let before = Told::read(&ground.points.told()?)?.kept.len();
        wait::until("samples to be kept", PATIENCE, || {
            let kept = Told::read(&ground.points.told()?)?.kept.len();
            Ok(Found::from_option((kept > before + 1).then_some(()), kept))
        })?;
        ground.fleet.agent.kill()?;
        let reckoning = Reckoning {
            seen: Instant::now(),
            kept: newest_kept(ground)?,
        };
        reckoning.await_time(end_of(UnixMs::HOUR, reckoning.kept))?;
        ground.agent_dies_at_start(&point("checkpoint.after-commit"))?;
        let end = end_of(UnixMs::DAY, reckoning.kept);
        if reckoning.now() + DOUBT_MS < end {
            return Ok((reckoning, end));
        }
        ground.fleet.agent.run()?;
    }
    bail!("three days ended at the wrong moment")
}

#[test]
fn a_day_that_ended_while_the_agent_was_away_is_closed_once_wherever_it_dies() -> Result<()> {
    let fast = agent::Options {
        clock_factor: FACTOR,
        ..agent::Options::default()
    };
    let mut ground = Ground::start(None, INTERVAL_S, fast)?;
    let host = text(&ground.fleet.host, "id")?.to_owned();
    let (reckoning, end) = leave_a_day_open(&mut ground)?;
    reckoning.await_time(end)?;
    let parts = ["before", "before-commit", "after-commit"];
    for part in parts {
        ground.agent_dies_at_start(&point(&format!("close.{part}")))?;
    }
    ground.fleet.agent.run()?;
    readings::await_stored(&ground.fleet.admin, &ground.fleet.host, PATIENCE, |stored| {
        stored.hour_rollups >= 1 && stored.day_rollups >= 1
    })?;
    stream::audit(&mut ground, &host, 2)?;
    ground.end("a day that ends while the agent is away", parts.len())
}
