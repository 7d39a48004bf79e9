//! The control plane dies at every point at which the hours of a past day become one row: each hour and the day are there
//! once, and say what was measured.
//!
//! A day is packed once, an hour after its end. The agent's clock begins a day and two hours behind real time and runs so
//! fast that a day's end comes in a moment; who is to die there knows it before the agent begins.

use crate::ground::{Ground, PATIENCE};
use crate::stream;
use anyhow::{Context as _, Result, ensure};
use muster_auditor::Points;
use muster_auditor::points::Point;
use muster_auditor::readings;
use muster_tests::api::text;
use muster_tests::wait::{self, Found};
use muster_tests::{agent, env};

/// An hour of the agent's clock is a second and a half.
const FACTOR: u32 = 2_400;
/// Seconds of the agent's clock between samples: ten in a second.
const INTERVAL_S: u32 = 240;

const BEFORE: &str = "muster:pack-hours.before-commit";
const AFTER: &str = "muster:pack-hours.after-commit";

struct Packing {
    ground: Ground,
    host: String,
}

impl Packing {
    fn start(url: Option<String>, prepare: impl FnOnce(&Points) -> Result<()>) -> Result<Self> {
        let fast = agent::Options {
            clock_factor: FACTOR,
            ..agent::Options::default()
        };
        let ground = Ground::start_with(url, INTERVAL_S, fast, prepare)?;
        let host = text(&ground.fleet.host, "id")?.to_owned();
        Ok(Self { ground, host })
    }

    /// Waits until `point` was passed by somebody who lived on.
    fn await_passed(&mut self, point: &str) -> Result<()> {
        let ground = &mut self.ground;
        wait::until("a day's hours to be packed", PATIENCE, || {
            let running = ground.start_what_died()?;
            let passed = ground.points.since(0, 1)?;
            let is_passed = passed.iter().any(|passed| passed.name == point);
            Ok(Found::from_option(
                (running && is_passed).then_some(()),
                format!("running: {running}, {} points passed", passed.len()),
            ))
        })
    }
}

fn dies_anywhere(url: impl Fn() -> Result<Option<String>>) -> Result<()> {
    let points = [BEFORE, AFTER].map(|name| Point {
        name: name.to_owned(),
        passing: 1,
    });
    for point in &points {
        let mut packing = Packing::start(url()?, |points| points.kill_at(point))?;
        let round = packing.round(point);
        round.with_context(|| {
            let fleet = &packing.ground.fleet;
            format!(
                "killed at {point}\nthe control plane's last words:\n{}",
                fleet.plane.last_words()
            )
        })?;
    }
    Ok(())
}

impl Packing {
    fn round(&mut self, point: &Point) -> Result<()> {
        self.ground.await_death(point)?;
        // What was rolled back is done by the next one; what was committed is there.
        if point.name == BEFORE {
            self.await_passed(AFTER)?;
        }
        stream::audit(&mut self.ground, &self.host, 3)?;
        let days = readings::packed_days(&self.ground.database, &self.host)?;
        ensure!(days >= 1, "no day is packed");
        let story = if point.name == BEFORE {
            "a day's packing that is rolled back"
        } else {
            "a day's packing that is committed"
        };
        self.ground.end(story, 1)
    }
}

#[test]
fn each_hour_is_there_once_wherever_a_day_s_packing_dies_on_sqlite() -> Result<()> {
    dies_anywhere(|| Ok(None))
}

#[test]
fn each_hour_is_there_once_wherever_a_day_s_packing_dies_on_postgres() -> Result<()> {
    dies_anywhere(|| env::new_postgres_database().map(Some))
}

#[test]
fn hours_that_are_packed_nowhere_are_noticed() -> Result<()> {
    // By the day that they are of; or, where the agent was stopped before it told of the day, because they were there.
    let what = ["its hours 0", "only 0 hours and days were closed"];
    is_noticed("muster:pack-hours.put", &what)
}

#[test]
fn hours_that_are_packed_and_stay_are_noticed() -> Result<()> {
    is_noticed("muster:pack-hours.delete", &["is in a row of its own and packed"])
}

#[expect(clippy::print_stdout, reason = "a suite says what was noticed")]
/// With `effect` left out, the auditor says one of `what`.
fn is_noticed(effect: &str, what: &[&str]) -> Result<()> {
    let mut packing = Packing::start(None, |points| points.leave_out(effect))?;
    packing.await_passed(AFTER)?;
    let audited = stream::audit(&mut packing.ground, &packing.host, 3);
    let said = audited.err().context("nobody noticed")?;
    let said = format!("{said:#}");
    ensure!(
        what.iter().any(|what| said.contains(what)),
        "something else was noticed: {said}"
    );
    println!("noticed: {said}");
    Ok(())
}
