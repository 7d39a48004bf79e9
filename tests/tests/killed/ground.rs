//! What both suites are told with: a fleet whose programs die where they are told to, and are started again.

use crate::stories;
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
use std::collections::BTreeSet;
use std::net::SocketAddr;
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
    /// The points at which somebody died.
    killed: BTreeSet<String>,
    dir: TempDir,
}

impl Ground {
    /// Starts a fleet on SQLite, or on the PostgreSQL database at `url`. `sample_s` is the seconds between samples.
    pub fn start(url: Option<String>, sample_s: u32, agent: agent::Options) -> Result<Self> {
        Self::start_with(url, sample_s, agent, |_| Ok(()))
    }

    /// As [`Self::start`]; what the points are told in `prepare`, the programs hear from their first step on.
    pub fn start_with(
        url: Option<String>,
        sample_s: u32,
        agent: agent::Options,
        prepare: impl FnOnce(&Points) -> Result<()>,
    ) -> Result<Self> {
        let plane = control_plane::Options {
            database: url,
            settings: vec![interval(sample_s)],
            ..control_plane::Options::new()?
        };
        Self::start_as(plane, agent, prepare)
    }

    /// A fleet on SQLite whose agent reaches the control plane, which listens at `port`, by `address`.
    pub fn behind(port: u16, address: SocketAddr, agent: agent::Options) -> Result<Self> {
        let advertise = ("MUSTER_LINK__ADVERTISE".to_owned(), address.to_string());
        let plane = control_plane::Options {
            link_port: Some(port),
            settings: vec![interval(10), advertise],
            ..control_plane::Options::new()?
        };
        Self::start_as(plane, agent, |_| Ok(()))
    }

    fn start_as(
        mut plane: control_plane::Options,
        agent: agent::Options,
        prepare: impl FnOnce(&Points) -> Result<()>,
    ) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let points = Points::new(&dir.path().join("points"))?;
        prepare(&points)?;
        let services = Env::from_process();
        plane.settings.push(points.variable());
        let url = plane.database.clone();
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
            killed: BTreeSet::new(),
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
            // Before everything else: whoever dies while one looks would be taken for running, and nobody would start it.
            let died = self.points.has_killed();
            let running = self.start_what_died()?;
            // Whoever dies may do so in the middle of an answer.
            Ok(match is_well(self, &done) {
                Ok(Found::Yes(())) if died && running && self.is_running() => Found::Yes(()),
                Ok(Found::Yes(())) => Found::No("nobody died, or somebody just did".to_owned()),
                Ok(Found::No(instead)) => Found::No(instead),
                Err(error) => Found::No(format!("{error:#}")),
            })
        });
        settled.with_context(|| context(self))?;
        self.killed.insert(point.name.clone());
        Ok(done)
    }

    /// A round whose point was told to [`Self::start_with`]: waits until somebody has died there and runs again.
    pub fn await_death(&mut self, point: &Point) -> Result<()> {
        self.rounds += 1;
        let mut started = false;
        wait::until(&format!("somebody to die at {point}"), PATIENCE, || {
            let running = self.start_what_died()?;
            // Whoever is about to die still runs.
            started |= !running;
            let well = running && started && self.points.has_killed();
            Ok(Found::from_option(
                well.then_some(()),
                "nobody died, or somebody just did",
            ))
        })?;
        self.killed.insert(point.name.clone());
        Ok(())
    }

    /// Starts the agent, which dies at `point` and stays dead.
    pub fn agent_dies_at_start(&mut self, point: &Point) -> Result<()> {
        self.rounds += 1;
        self.points.kill_at(point)?;
        self.fleet.agent.run()?;
        wait::until(&format!("the agent to die at {point}"), PATIENCE, || {
            let died = self.points.has_killed() && !self.fleet.agent.is_running();
            Ok(Found::from_option(
                died.then_some(()),
                self.fleet.agent.last_words(),
            ))
        })?;
        self.killed.insert(point.name.clone());
        Ok(())
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

    fn is_running(&mut self) -> bool {
        self.fleet.plane.is_running() && self.fleet.agent.is_running()
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
    /// At the end: the audit log holds, somebody died at each point that the story is listed with, and the count is
    /// printed.
    pub fn end(&self, suite: &str, points: usize) -> Result<()> {
        let rows = log::audit(&self.database)?;
        // None is passed in a release build.
        ensure!(
            points > 0 && self.rounds >= points,
            "{points} points and {} rounds",
            self.rounds
        );
        stories::check(suite, &self.killed, &self.points.since(0, 1)?)?;
        println!(
            "{suite}: points {points}, rounds {}, {rows} rows of the audit log",
            self.rounds
        );
        Ok(())
    }
}

fn interval(sample_s: u32) -> (String, String) {
    ("MUSTER_LINK__SAMPLE_INTERVAL_S".to_owned(), sample_s.to_string())
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
