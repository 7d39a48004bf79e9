//! Bad peers hammer both ports of a control plane, while real agents and simulated ones report every second: nobody who
//! means well is disturbed.
//!
//! What the bad ones do is told in `muster_simulator::BadPeers`, most of it from other addresses than the agents', some from
//! the same; `MUSTER_BAD_PEERS_S` has them do it for longer. Meanwhile the API is called all the time, a new host joins in the
//! thick of it, and an order is carried out by it and by one that was there before. At the end two auditors count: of each sample
//! that an agent told to have taken and kept, and of each that a simulated host took, one is stored. No session ended, the
//! control plane took some more memory and not much, nothing in it panicked, and all seats for strangers are free.

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
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
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
/// How long a host may take that joins meanwhile: an agent's patience with one handshake is ten seconds, and it shakes hands twice.
const LATE: Duration = Duration::from_secs(25);
/// The slowest answer that anybody may have to wait for.
const SLOWEST: Duration = Duration::from_secs(5);

/// A real agent, and what it tells.
struct Witness {
    agent: Agent,
    points: Points,
    /// Where orders may put files.
    files: PathBuf,
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
        let dir = tempfile::tempdir_in("/tmp")?; // Files are put nowhere below /dev, where temporary ones may be.
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

    /// Looks how much memory the control plane takes at most, until it is over.
    fn watch(&self, before: u64, over: &AtomicBool) -> Result<u64> {
        let mut most = before;
        while !over.load(Ordering::Relaxed) {
            most = most.max(self.memory()?);
            thread::sleep(Duration::from_millis(100));
        }
        Ok(most)
    }

    /// Another host joins, and is given an order; so is one that was there.
    fn go_on(&self) -> Result<Witness> {
        thread::sleep(storm() / 3);
        let known: BTreeSet<String> = self
            .witnesses
            .iter()
            .map(|witness| witness.host.clone())
            .collect();
        let began = Instant::now();
        let joined = Witness::join(&self.admin, self.dir.path(), REAL, &known);
        let latecomer = joined.context("nobody can join meanwhile")?;
        let took = began.elapsed();
        println!("a host joined and was online after {took:?}");
        ensure!(took <= LATE, "a host needed {took:?} to join");
        let bytes = b"an order that is carried out all the same".repeat(1_000);
        let hash = muster_base::sha256(&bytes).to_string();
        let file = self.admin.upload("order.bin", &bytes, &hash)?;
        for witness in [&latecomer, self.witnesses.first().context("nobody was there")?] {
            witness.take(&self.admin, &file, &bytes)?;
        }
        Ok(latecomer)
    }

    /// Nobody sits there any more who has no business there.
    fn await_free_seats(&self) -> Result<()> {
        wait::until("all seats to be free", PATIENCE, || {
            let figures = self.admin.get_text("/metrics")?;
            let taken: Vec<&str> = figures
                .lines()
                .filter(|line| line.starts_with("muster_handshakes ") || line.starts_with("muster_joins "))
                .collect();
            ensure!(taken.len() == 2, "no figures of seats: {figures}");
            let are_free = taken.iter().all(|line| line.ends_with(" 0"));
            Ok(Found::from_option(are_free.then_some(()), taken.join(", ")))
        })
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
        let files = dir.join("files");
        fs::create_dir_all(&files)?;
        let points = Points::new(&dir.join("points"))?;
        let options = agent::Options {
            env: vec![points.variable()],
            policy: format!("[files]\nallow = [\"{}/**\"]\n", files.display()),
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
            files,
            host: text(&online, "id")?.to_owned(),
            connected_at: connected_at(&online),
        })
    }

    /// Carries out an order: this file lies there afterwards.
    fn take(&self, admin: &Api, file: &str, bytes: &[u8]) -> Result<()> {
        let target = self.files.join("order.bin");
        let order = json!({"fileIds": [file], "hosts": [self.host], "destination": target, "mode": "600", "replace": false});
        let sent = admin.post("/api/v1/files/sends", &order)?;
        let targets = format!("/api/v1/files/sends/{}/targets", text(&sent, "id")?);
        let end = wait::until("an order to be carried out", PATIENCE, || {
            let targets = admin.list(&targets)?;
            let end = targets.iter().find(|target| !target["endedAt"].is_null());
            Ok(Found::from_option(end.cloned(), json!(targets)))
        })?;
        ensure!(end["state"] == "done", "{end}");
        ensure!(fs::read(&target)? == bytes, "other bytes came");
        Ok(())
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

/// How the API was called.
#[derive(Default)]
struct Calls {
    count: usize,
    slowest: Duration,
    /// How often one of the agents had told nothing for three seconds.
    silent: usize,
}

impl Story {
    /// The API is called again and again until it is over, and says each time that everybody is there.
    fn call(&self, over: &AtomicBool) -> Result<Calls> {
        const HOSTS: &str = "/api/v1/hosts";
        let paths = ["/readyz", HOSTS, "/api/v1/audit?limit=5", "/api/v1/applications"];
        let mut calls = Calls::default();
        while !over.load(Ordering::Relaxed) {
            for path in paths {
                let began = Instant::now();
                let answer = self.admin.call("GET", path, None)?;
                let (status, text) = (answer.status, &answer.text);
                ensure!(status == 200, "GET {path}: {status} {text}");
                calls.slowest = calls.slowest.max(began.elapsed());
                calls.count += 1;
                if path == HOSTS {
                    calls.silent += self.silent(&answer.json()?)?;
                }
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(calls)
    }

    fn silent(&self, hosts: &Value) -> Result<usize> {
        let mut silent = 0;
        for host in hosts["items"].as_array().context("no list of hosts")? {
            if self.witnesses.iter().any(|witness| host["id"] == *witness.host) {
                ensure!(host["status"] != "offline", "an agent is gone: {host}");
                silent += usize::from(host["status"] != "online");
            }
        }
        Ok(silent)
    }
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
    let (most, mut latecomer, calls) = thread::scope(|scope| -> Result<_> {
        let calling = scope.spawn(|| story.call(&over));
        let watching = scope.spawn(|| story.watch(before, &over));
        // Here: a program ends with the thread that started it.
        let latecomer = story.go_on();
        thread::sleep(until.saturating_duration_since(Instant::now()));
        over.store(true, Ordering::Relaxed);
        let called = calling.join().map_err(|_| anyhow!("the caller fell over"))?;
        let most = watching.join().map_err(|_| anyhow!("who watched fell over"))?;
        Ok((most?, latecomer?, called?))
    })?;
    let deeds = bad.end();
    for (kind, count) in &deeds.made {
        println!("{count:>7} {kind}");
    }
    let more = most.saturating_sub(before);
    println!(
        "memory {} MiB, {} MiB more at most; {} calls of the API, the slowest {:?}; {} times an agent was silent for a while",
        before >> 20,
        more >> 20,
        calls.count,
        calls.slowest,
        calls.silent,
    );
    ensure!(deeds.faults.is_empty(), "{:#?}", deeds.faults);
    let samples = latecomer.audit(&story.admin, &story.database)? + story.audit()?;
    println!("{samples} samples, each stored once");
    story.audit_log()?;
    story.await_free_seats()?;
    ensure!(more <= MORE_MEMORY, "the control plane took {more} bytes more");
    ensure!(
        calls.slowest <= SLOWEST,
        "somebody waited for {:?}",
        calls.slowest
    );
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
