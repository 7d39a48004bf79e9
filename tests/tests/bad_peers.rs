//! Bad peers hammer both ports of a control plane, while real agents and simulated ones report every second: nobody who
//! means well is disturbed.
//!
//! What the bad ones do is told in `muster_simulator::BadPeers`; `MUSTER_BAD_PEERS_S` has them do it for longer. Meanwhile
//! the API is called all the time, and a new host joins in the thick of it. At the end two auditors count: of each sample
//! that an agent told to have taken and kept, and of each that a simulated host took, one is stored. No session ended, the
//! control plane took some more memory and not much, and nothing in it panicked.

#![expect(
    clippy::print_stdout,
    reason = "a story of bad peers says how many there were"
)]

use anyhow::{Context as _, Result, anyhow, ensure};
use muster_auditor::database::Place;
use muster_auditor::readings::{self, Told};
use muster_auditor::{Database, Points};
use muster_simulator::{BadPeers, Options, SimulatedFleet, audit};
use muster_tests::api::text;
use muster_tests::usage::rss_bytes;
use muster_tests::wait::{self, Found};
use muster_tests::{Agent, Api, ControlPlane, agent, control_plane, env};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const REAL: usize = 3;
const SIMULATED: usize = 20;
const STORM: Duration = Duration::from_secs(15);
const PATIENCE: Duration = Duration::from_mins(1);
/// What the control plane may take more, at any moment, than before.
const MORE_MEMORY: u64 = 96 << 20;
/// What it may write into its log: each of the fleet's own hosts that goes mad is a line or two.
const MOST_LOG: u64 = 4 << 20;
/// The slowest answer that anybody may have to wait for.
const SLOWEST: Duration = Duration::from_secs(5);

/// A real agent, and what it tells.
struct Witness {
    agent: Agent,
    points: Points,
    host: String,
    connected_at: String,
}

struct Story {
    // The agents stop before their control plane, and that before its directory goes.
    witnesses: Vec<Witness>,
    simulated: SimulatedFleet,
    admin: Api,
    plane: ControlPlane,
    database: Database,
    dir: TempDir,
}

impl Story {
    fn begin(url: Option<String>) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let options = control_plane::Options {
            database: url.clone(),
            settings: vec![("MUSTER_LINK__SAMPLE_INTERVAL_S".to_owned(), "1".to_owned())],
            ..control_plane::Options::new()?
        };
        let plane = ControlPlane::start(dir.path(), options)?;
        let admin = plane.admin()?;
        let mut witnesses = Vec::new();
        for number in 0..REAL {
            let known: BTreeSet<String> = witnesses
                .iter()
                .map(|witness: &Witness| witness.host.clone())
                .collect();
            witnesses.push(Witness::join(&admin, dir.path(), number, &known)?);
        }
        let options = Options {
            agents: SIMULATED,
            seed: 5,
        };
        let simulated = SimulatedFleet::join(&admin, options)?;
        simulated.start();
        simulated.await_connected(PATIENCE)?;
        let place = url.map_or_else(|| Place::Sqlite(plane.data()), Place::Postgres);
        Ok(Self {
            witnesses,
            simulated,
            admin,
            database: Database::new(place)?,
            plane,
            dir,
        })
    }

    /// Everybody reports, and has for a while.
    fn await_samples(&self) -> Result<()> {
        wait::until("everybody to report", PATIENCE, || {
            let mut fewest = self.simulated.counts().1 / SIMULATED;
            for witness in &self.witnesses {
                fewest = fewest.min(readings::stored(&self.database, &witness.host)?.len());
            }
            Ok(Found::from_option((fewest >= 5).then_some(()), fewest))
        })
    }

    fn memory(&self) -> Result<u64> {
        rss_bytes(self.plane.id().context("the control plane is gone")?)
    }

    /// Looks how much memory the control plane takes at most, until then; and who joined meanwhile.
    fn watch(&self, before: u64, until: Instant) -> Result<(u64, Witness)> {
        let (mut most, mut latecomer) = (before, None);
        let known: BTreeSet<String> = self
            .witnesses
            .iter()
            .map(|witness| witness.host.clone())
            .collect();
        while Instant::now() < until {
            most = most.max(self.memory()?);
            if latecomer.is_none() && until.saturating_duration_since(Instant::now()) < storm() / 2 {
                let joined = Witness::join(&self.admin, self.dir.path(), REAL, &known);
                latecomer = Some(joined.context("nobody can join meanwhile")?);
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok((most, latecomer.context("nobody joined meanwhile")?))
    }

    /// Whoever reports has the session that they had, and everything that they took is there once.
    fn audit(&mut self) -> Result<usize> {
        let lost = self.simulated.losses();
        ensure!(lost.is_empty(), "simulated hosts lost their sessions: {lost:?}");
        self.simulated.drain(PATIENCE)?;
        let audited = audit(&self.admin, self.simulated.books())?;
        ensure!(audited.is_clean(), "{audited:?}");
        let mut samples = audited.taken;
        for witness in &mut self.witnesses {
            samples += witness.audit(&self.admin, &self.database)?;
        }
        Ok(samples)
    }

    /// Nothing panicked, and the log is one that somebody can read.
    fn audit_log(&self) -> Result<()> {
        let log = fs::read_to_string(self.plane.log())?;
        let panics: Vec<&str> = log.lines().filter(|line| line.contains("panicked")).collect();
        ensure!(panics.is_empty(), "{panics:?}");
        ensure!(log.len() as u64 <= MOST_LOG, "the log has {} bytes", log.len());
        Ok(())
    }
}

impl Witness {
    /// Another host than those that are known.
    fn join(admin: &Api, dir: &Path, number: usize, known: &BTreeSet<String>) -> Result<Self> {
        let dir = dir.join(format!("host-{number}"));
        let points = Points::new(&dir.join("points"))?;
        let options = agent::Options {
            env: vec![points.variable()],
            ..agent::Options::default()
        };
        let agent = Agent::join_once(&dir, admin, options)?;
        let online = wait::until("a real agent to be online", PATIENCE, || {
            let hosts = admin.list("/api/v1/hosts")?;
            let new = hosts.into_iter().find(|host| {
                let id = host["id"].as_str().unwrap_or_default();
                let name = host["name"].as_str().unwrap_or_default();
                let made_up = name.starts_with("simulated-") || name.starts_with("mad-");
                !made_up && !known.contains(id) && host["status"] == "online"
            });
            Ok(Found::from_option(new, agent.last_words()))
        })?;
        Ok(Self {
            agent,
            points,
            host: text(&online, "id")?.to_owned(),
            connected_at: connected_at(&online),
        })
    }

    /// It has the session that it had, and every sample that it kept is stored once; how many there are. Stops it.
    fn audit(&mut self, admin: &Api, database: &Database) -> Result<usize> {
        let host = admin.get(&format!("/api/v1/hosts/{}", self.host))?;
        ensure!(
            connected_at(&host) == self.connected_at,
            "a session was lost: {} and not {}",
            host["connectedAt"],
            self.connected_at
        );
        // What came last may still be on its way.
        let told = Told::read(&self.points.told()?)?;
        wait::until("every sample to be stored", PATIENCE, || {
            let stored = readings::stored(database, &self.host)?;
            let so_far = Told {
                taken: Told::read(&self.points.told()?)?.taken,
                kept: told.kept.clone(),
            };
            let complete = readings::is_complete(&so_far, &stored)?;
            Ok(Found::from_option(complete.then_some(()), stored.len()))
        })?;
        ensure!(self.agent.stop(), "the agent did not stop by itself");
        ensure!(!told.kept.is_empty(), "it kept nothing");
        Ok(told.kept.len())
    }
}

fn connected_at(host: &Value) -> String {
    host["connectedAt"].to_string()
}

/// The API is called again and again until it is over: how often, and the slowest answer.
fn calls(admin: &Api, over: &AtomicBool) -> Result<(usize, Duration)> {
    let paths = [
        "/readyz",
        "/api/v1/hosts",
        "/api/v1/audit?limit=5",
        "/api/v1/applications",
    ];
    let (mut count, mut slowest) = (0, Duration::ZERO);
    while !over.load(Ordering::Relaxed) {
        for path in paths {
            let began = Instant::now();
            let answer = admin.call("GET", path, None)?;
            ensure!(
                answer.status == 200,
                "GET {path}: {} {}",
                answer.status,
                answer.text
            );
            slowest = slowest.max(began.elapsed());
            count += 1;
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok((count, slowest))
}

fn storm() -> Duration {
    let given = std::env::var("MUSTER_BAD_PEERS_S").ok();
    given
        .and_then(|text| text.parse().ok())
        .map_or(STORM, Duration::from_secs)
}

fn nobody_is_disturbed(url: Option<String>) -> Result<()> {
    let mut story = Story::begin(url)?;
    story.await_samples()?;
    let before = story.memory()?;
    let (over, until) = (AtomicBool::new(false), Instant::now() + storm());
    let bad = BadPeers::begin(&story.admin)?;
    let (most, mut latecomer, (count, slowest)) = thread::scope(|scope| -> Result<_> {
        let calling = scope.spawn(|| calls(&story.admin, &over));
        let watched = story.watch(before, until);
        over.store(true, Ordering::Relaxed);
        let called = calling.join().map_err(|_| anyhow!("the caller fell over"))?;
        let (most, latecomer) = watched?;
        Ok((most, latecomer, called?))
    })?;
    let deeds = bad.end();
    for (kind, count) in &deeds.made {
        println!("{count:>7} {kind}");
    }
    let more = most.saturating_sub(before);
    println!(
        "memory {} MiB, {} MiB more at most; {count} calls of the API, the slowest {slowest:?}",
        before >> 20,
        more >> 20
    );
    ensure!(deeds.faults.is_empty(), "{:#?}", deeds.faults);
    let samples = latecomer.audit(&story.admin, &story.database)? + story.audit()?;
    println!("{samples} samples, each stored once");
    story.audit_log()?;
    ensure!(more <= MORE_MEMORY, "the control plane took {more} bytes more");
    ensure!(slowest <= SLOWEST, "somebody waited for {slowest:?}");
    Ok(())
}

#[test]
fn bad_peers_disturb_nobody_on_sqlite() -> Result<()> {
    nobody_is_disturbed(None)
}

#[test]
fn bad_peers_disturb_nobody_on_postgres() -> Result<()> {
    nobody_is_disturbed(Some(env::new_postgres_database()?))
}
