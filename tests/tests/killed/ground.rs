//! What both suites are told with: a fleet whose programs die where they are told to, and are started again.

use anyhow::{Context as _, Result, ensure};
use muster_auditor::database::Place;
use muster_auditor::points::Point;
use muster_auditor::{Database, Points, log};
use muster_tests::fleet::agent_options;
use muster_tests::job::containers::Application;
use muster_tests::wait::{self, Found};
use muster_tests::{Api, Fleet, agent, control_plane};
use muster_workbench::Env;
use serde_json::{Value, json};
use std::time::Duration;
use tempfile::TempDir;

/// How long everything may take to be well again.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// A fleet with points.
pub struct Ground {
    // The fleet stops before its directory goes.
    pub fleet: Fleet,
    pub points: Points,
    pub database: Database,
    rounds: usize,
    dir: TempDir,
}

impl Ground {
    /// Starts a fleet on SQLite, or on the PostgreSQL database at `url`. `sample_s` is the seconds between samples.
    pub fn start(url: Option<String>, sample_s: u32, agent: agent::Options) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let points = Points::new(&dir.path().join("points"))?;
        let services = Env::from_process();
        let interval = ("MUSTER_LINK__SAMPLE_INTERVAL_S".to_owned(), sample_s.to_string());
        let plane = control_plane::Options {
            database: url.clone(),
            settings: vec![interval, points.variable()],
            ..control_plane::Options::new()?
        };
        let agent = agent::Options {
            env: vec![points.variable()],
            ..agent
        };
        let fleet = Fleet::start_with(&services, dir.path(), plane, agent)?;
        let place = url.map_or_else(|| Place::Sqlite(fleet.plane.data()), Place::Postgres);
        Ok(Self {
            fleet,
            points,
            database: Database::new(place)?,
            rounds: 0,
            dir,
        })
    }

    /// As [`Self::start`], on SQLite and with an agent that does what stories ask for.
    pub fn on_sqlite() -> Result<Self> {
        Self::start(None, 1, agent_options(&Env::from_process()))
    }

    /// Has a program die at `point`, does `act`, starts whatever has died, and waits until somebody did and `is_well`.
    pub fn round<T>(
        &mut self,
        point: &Point,
        act: impl FnOnce(&mut Self) -> Result<T>,
        mut is_well: impl FnMut(&mut Self, &T) -> Result<Found<()>>,
    ) -> Result<T> {
        self.rounds += 1;
        let context = |ground: &Self| {
            format!(
                "round {}: killed at {point}\nthe agent's last words:\n{}\nthe control plane's last words:\n{}",
                ground.rounds,
                ground.fleet.agent.last_words(),
                ground.fleet.plane.last_words(),
            )
        };
        self.points.kill_at(point)?;
        let done = act(self).with_context(|| context(self))?;
        let settled = wait::until("everything to be well again", PATIENCE, || {
            let running = self.start_what_died()?;
            // Whoever dies may do so in the middle of an answer.
            Ok(match is_well(self, &done) {
                Ok(Found::Yes(())) if running && self.points.has_killed() => Found::Yes(()),
                Ok(Found::Yes(())) => Found::No("nobody died, or somebody just did".to_owned()),
                Ok(Found::No(instead)) => Found::No(instead),
                Err(error) => Found::No(format!("{error:#}")),
            })
        });
        settled.with_context(|| context(self))?;
        Ok(done)
    }

    /// As [`Self::round`]; without a point nobody dies.
    pub fn maybe_round<T>(
        &mut self,
        point: Option<&Point>,
        act: impl FnOnce(&mut Self) -> Result<T>,
        mut is_well: impl FnMut(&mut Self, &T) -> Result<Found<()>>,
    ) -> Result<T> {
        if let Some(point) = point {
            return self.round(point, act, is_well);
        }
        let done = act(self)?;
        wait::until("everything to be done", PATIENCE, || is_well(self, &done))?;
        Ok(done)
    }

    /// What a client does that gets no answer: looks whether it happened, asks again if not.
    pub fn insist<T>(
        &mut self,
        what: &str,
        mut find: impl FnMut(&mut Self) -> Result<Option<T>>,
        mut ask: impl FnMut(&mut Self) -> Result<()>,
    ) -> Result<T> {
        wait::until(what, PATIENCE, || {
            self.start_what_died()?;
            if let Some(found) = find(self)? {
                return Ok(Found::Yes(found));
            }
            let asked = ask(self);
            let found = find(self)?;
            Ok(Found::from_option(found, format!("{asked:?}")))
        })
    }

    /// Starts again whatever has died; whether nothing had.
    pub fn start_what_died(&mut self) -> Result<bool> {
        let mut running = true;
        if !self.fleet.plane.is_running() {
            let plane = &mut self.fleet.plane;
            match plane.serve().and_then(|()| plane.admin()) {
                Ok(admin) => self.fleet.admin = admin,
                // It died at its point before it was ready: the next look starts it again.
                Err(_) if self.points.has_killed() => {}
                Err(error) => return Err(error),
            }
            running = false;
        }
        if !self.fleet.agent.is_running() {
            self.fleet.agent.run()?;
            running = false;
        }
        Ok(running)
    }

    /// A directory for the story's own.
    pub fn dir(&self) -> &std::path::Path {
        self.dir.path()
    }

    #[expect(
        clippy::print_stdout,
        reason = "a suite says how many points and rounds it had"
    )]
    /// At the end: the audit log holds, and the count is printed.
    pub fn end(&self, suite: &str, points: usize) -> Result<()> {
        let rows = log::audit(&self.database)?;
        // None is passed in a release build.
        ensure!(
            points > 0 && self.rounds >= points,
            "{points} points and {} rounds",
            self.rounds
        );
        println!(
            "{suite}: points {points}, rounds {}, {rows} rows of the audit log",
            self.rounds
        );
        Ok(())
    }
}

/// Passings of one point that are rounds of their own, at most.
pub fn passings() -> usize {
    let given = std::env::var("MUSTER_KILL_PASSINGS").ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// Waiting would be most of each round: the test image does not hear SIGTERM, and need not crash more than once.
pub fn hurry(admin: &Api, application: &Application) -> Result<()> {
    let path = format!("/api/v1/applications/{}", application.id);
    let mut container = admin.get(&path)?["container"].clone();
    container["stopGraceMs"] = Value::from(0);
    container["restart"] = Value::from("no");
    admin.patch(&path, &json!({"container": container}))?;
    Ok(())
}
