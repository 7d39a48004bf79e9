//! The agent dies at every point of the way that samples go, and of adding them up: each is stored once.
//!
//! Its clock runs fast, so that an hour passes in three seconds; the control plane seals hours and merges them meanwhile. What the agent
//! told of its samples is compared with what is stored (`muster_auditor::readings`).

use crate::ground::{Ground, PATIENCE, passings};
use anyhow::{Context as _, Result, ensure};
use muster_auditor::points::Point;
use muster_auditor::readings::{self, Told};
use muster_tests::api::text;
use muster_tests::wait::{self, Found};
use muster_tests::{agent, env};
use std::time::{Duration, Instant};

/// An hour of the agent's clock is three seconds.
const FACTOR: u32 = 1_200;
/// Seconds of the agent's clock between samples: ten in a second.
const INTERVAL_S: u32 = 120;

/// What is passed in any few seconds of the agent's work.
const AGENT: [&str; 9] = [
    "spool.sample.before",
    "spool.sample.before-commit",
    "spool.sample.after-commit",
    "spool.sample-and-checkpoint.before",
    "spool.sample-and-checkpoint.before-commit",
    "spool.sample-and-checkpoint.after-commit",
    "spool.handed-out",
    "spool.acknowledged.before",
    "spool.acknowledged.after",
];

struct Stream {
    ground: Ground,
    host: String,
}

impl Stream {
    fn start(url: Option<String>) -> Result<Self> {
        let fast = agent::Options {
            clock_factor: FACTOR,
            ..agent::Options::default()
        };
        let ground = Ground::start(url, INTERVAL_S, fast)?;
        let host = text(&ground.fleet.host, "id")?.to_owned();
        Ok(Self { ground, host })
    }

    /// Somebody dies at `point`, which `act` may have passed; what was kept until then is stored.
    fn round(&mut self, point: &Point, act: impl FnOnce(&mut Ground) -> Result<()>) -> Result<()> {
        let (mut kept, host) = (None, self.host.clone());
        self.ground.round(point, act, |ground, ()| {
            if !ground.points.has_killed() {
                return Ok(Found::No("nobody has died".to_owned()));
            }
            if kept.is_none() {
                kept = Some(Told::read(&ground.points.told()?)?.kept);
            }
            let stored = readings::stored(&ground.database, &host)?;
            let told = Told::read(&ground.points.told()?)?;
            let kept = kept.iter().flatten().copied().collect();
            let until_then = Told {
                taken: told.taken,
                kept,
            };
            let missing: Vec<_> = until_then.kept.difference(&stored).collect();
            let complete = readings::is_complete(&until_then, &stored)?;
            Ok(Found::from_option(
                complete.then_some(()),
                format!("{missing:?} are missing"),
            ))
        })?;
        Ok(())
    }
}

/// Everything that the agent has kept is stored, and every hour and day is there once and says so, at least so many. Stops
/// the agent.
pub fn audit(ground: &mut Ground, host: &str, least: usize) -> Result<()> {
    // The hours that have ended by now are on their way, too.
    let told = Told::read(&ground.points.told()?)?;
    wait::until("everything to be stored", PATIENCE, || {
        let stored = readings::stored(&ground.database, host)?;
        let complete = told.kept.is_subset(&stored);
        Ok(Found::from_option(
            complete.then_some(()),
            format!("{} stored", stored.len()),
        ))
    })?;
    for attempt in 0.. {
        ensure!(ground.fleet.agent.stop(), "the agent did not stop by itself");
        let told = Told::read(&ground.points.told()?)?;
        // What came last may be about to be packed.
        let there = wait::until("every hour and day to be there once", PATIENCE / 3, || {
            Ok(match readings::audit_rollups(&ground.database, host, &told) {
                Ok(rollups) if rollups >= least => Found::Yes(()),
                Ok(rollups) => Found::No(format!("only {rollups} hours and days were closed")),
                Err(error) => Found::No(format!("{error:#}")),
            })
        });
        match there {
            Err(error) if attempt < ANEW && format!("{error:#}").contains(PACKED_TOO) => {}
            there => return there,
        }
        // An hour whose acknowledgement was lost comes again. If its day was packed meanwhile it rests beside that, and is read as one
        // with it, until the host's next hours are packed.
        ground.fleet.agent.run()?;
        let next = wait::until("the day to be packed once more", PATIENCE / 2, || {
            let told = Told::read(&ground.points.told()?)?;
            Ok(match readings::audit_rollups(&ground.database, host, &told) {
                Err(error) if format!("{error:#}").contains(PACKED_TOO) => Found::No(format!("{error:#}")),
                Ok(_) | Err(_) => Found::Yes(()),
            })
        });
        next?;
    }
    Ok(())
}

/// So often the agent is run on for what it sent twice.
const ANEW: usize = 2;
/// How the auditor says that an hour is in two places.
const PACKED_TOO: &str = "is in a row of its own and packed";

fn first(program: &str, name: &str) -> Point {
    Point {
        name: format!("{program}:{name}"),
        passing: 1,
    }
}

/// Waits until the agent has kept another sample: one that its open hour holds.
fn await_sample(ground: &Ground) -> Result<()> {
    let before = Told::read(&ground.points.told()?)?.kept.len();
    wait::until("another sample to be kept", PATIENCE, || {
        let now = Told::read(&ground.points.told()?)?.kept.len();
        Ok(Found::from_option((now > before).then_some(()), now))
    })
}

/// Waits for an hour of the agent's clock.
fn await_hour() -> Result<()> {
    let began = Instant::now();
    let hour = Duration::from_hours(1) / FACTOR;
    wait::until("an hour to pass", PATIENCE, || {
        Ok(Found::from_option(
            (began.elapsed() > hour).then_some(()),
            "not yet",
        ))
    })
}

#[test]
fn each_sample_is_stored_once_wherever_the_agent_dies() -> Result<()> {
    let mut stream = Stream::start(None)?;
    let mut points = 0;
    for name in AGENT.into_iter().chain(["reports.sent"]) {
        stream.round(&first("muster-agent", name), |_| Ok(()))?;
        points += 1;
    }
    for part in ["before", "before-commit", "after-commit"] {
        // A stop writes the open hours once more.
        let flush = first("muster-agent", &format!("spool.checkpoint.{part}"));
        stream.round(&flush, |ground| {
            ground.fleet.agent.stop();
            Ok(())
        })?;
        // And a start closes the hours that ended meanwhile.
        let close = first("muster-agent", &format!("spool.checkpoint.{part}"));
        stream.round(&close, |ground| {
            ground.points.spare()?;
            await_sample(ground)?;
            ground.fleet.agent.kill()?;
            await_hour()?;
            ground.points.kill_at(&close)?;
            ground.fleet.agent.run()
        })?;
        points += 2;
    }
    for part in ["before-commit", "after-commit"] {
        let open = first("muster-agent", &format!("spool.open.{part}"));
        stream.round(&open, |ground| {
            ground.fleet.agent.kill()?;
            ground.fleet.agent.run()
        })?;
        points += 1;
    }
    for part in ["written", "in-place"] {
        let status = first("muster-agent", &format!("file.status.json.{part}"));
        stream.round(&status, |ground| {
            ground.fleet.agent.kill()?;
            ground.fleet.agent.run()
        })?;
        points += 1;
    }
    audit(&mut stream.ground, &stream.host, 3)?;
    stream.ground.end("samples that the agent takes", points)
}

#[test]
fn each_sample_is_stored_once_wherever_the_control_plane_dies_on_sqlite() -> Result<()> {
    control_plane_dies(None)
}

#[test]
fn each_sample_is_stored_once_wherever_the_control_plane_dies_on_postgres() -> Result<()> {
    control_plane_dies(Some(env::new_postgres_database()?))
}

fn control_plane_dies(url: Option<String>) -> Result<()> {
    let mut stream = Stream::start(url)?;
    let mark = stream.ground.points.mark()?;
    let ground = &stream.ground;
    let points = wait::until("hours to be sealed and merged", PATIENCE, || {
        let mut points = ground.points.since(mark, passings())?;
        points.retain(|point| {
            let (program, name) = point.name.split_once(':').unwrap_or_default();
            // What the full hour of the wall clock brings comes once.
            program == "muster"
                && !name.contains("retention")
                && ["telemetry", "ingest", "seal", "pack.", "reports"]
                    .iter()
                    .any(|part| name.contains(part))
        });
        let merged = points
            .iter()
            .any(|point| point.name.ends_with("pack.after-commit"));
        Ok(if merged {
            Found::Yes(points)
        } else {
            Found::No(format!("{points:?}"))
        })
    })?;
    for point in &points {
        stream.round(point, |_| Ok(())).context("the stream of samples")?;
    }
    audit(&mut stream.ground, &stream.host, 3)?;
    stream
        .ground
        .end("samples that the control plane stores", points.len())
}

#[test]
fn an_acknowledgement_without_a_commit_is_noticed() -> Result<()> {
    is_noticed("muster:ingest.write", "spool.acknowledged.after")
}

#[test]
fn a_sample_that_does_not_reach_the_disk_is_noticed() -> Result<()> {
    is_noticed("muster-agent:spool.commit", "spool.sample.after-commit")
}

#[expect(clippy::print_stdout, reason = "a suite says what was noticed")]
/// `effect` is left out until the agent has passed `point` three times; the auditor sees what is lost.
fn is_noticed(effect: &str, point: &str) -> Result<()> {
    let stream = Stream::start(None)?;
    let ground = &stream.ground;
    ground.points.leave_out(effect)?;
    let mark = ground.points.mark()?;
    wait::until("the effect to be left out", PATIENCE, || {
        let points = ground.points.since(mark, 3)?;
        let passed = points
            .iter()
            .filter(|passed| passed.name.ends_with(point))
            .count();
        Ok(Found::from_option((passed == 3).then_some(()), passed))
    })?;
    let told = Told::read(&ground.points.told()?)?;
    ground.points.leave_nothing_out()?;
    let newest = told.kept.last().copied().context("no sample was kept")?;
    let stored = wait::until("newer samples to be stored", PATIENCE, || {
        let stored = readings::stored(&ground.database, &stream.host)?;
        let newer = stored.last().is_some_and(|last| *last > newest);
        Ok(if newer {
            Found::Yes(stored)
        } else {
            Found::No(format!("{} stored", stored.len()))
        })
    })?;
    let told = Told {
        taken: Told::read(&ground.points.told()?)?.taken,
        kept: told.kept,
    };
    let lost: Vec<&i64> = told.kept.difference(&stored).collect();
    ensure!(!lost.is_empty(), "nobody noticed");
    ensure!(
        !readings::is_complete(&told, &stored)?,
        "the auditor takes it for complete"
    );
    println!("noticed: {} samples are not stored without {effect}", lost.len());
    Ok(())
}
