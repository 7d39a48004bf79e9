//! The control plane dies at every step of a rollout over several hosts: each of them was asked once, or was asked and sent
//! back, and every record says which.
//!
//! | story | what happens |
//! |---|---|
//! | goes through | somebody approves, a first batch of two, a pause, somebody says "go on", a last batch |
//! | stops | the second of three hosts can't start the new version: the third is left out, the first goes back |
//! | is called off | in the pause after the first host: that one goes back, and nobody else is asked |
//! | is called off at work | one host is done and another is away: its order is taken back |
//! | goes on | stopped at the second host, and begun again on those that were left |
//!
//! The hosts are simulated (`muster-simulator`): they live on while the control plane dies, say three things of each
//! order, and know by themselves which version they run and which orders they took.

mod steer;
mod ways;

use crate::ground::{Ground, PATIENCE, passings};
use anyhow::{Context as _, Result, bail, ensure};
use muster_auditor::log;
use muster_auditor::orders::hyphenated;
use muster_auditor::points::Point;
use muster_auditor::rollouts::{self, End};
use muster_base::HostId;
use muster_simulator::{Options, SimulatedFleet};
use muster_tests::api::text;
use muster_tests::job::people;
use muster_tests::{Agent, Api, agent, env};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const HOSTS: usize = 3;
/// What a simulated host says of an order: that it accepts it, a step, and how it ended. A rollout takes its steps with the
/// last of them.
const WORDS: usize = 3;
/// The host that can't start the new version where one can't.
const BROKEN: usize = 1;

struct Rollouts {
    // The hosts stop before their control plane.
    hosts: SimulatedFleet,
    ground: Ground,
    /// In the order that they are asked in.
    ids: Vec<HostId>,
    asker: Api,
    application: String,
    /// Deployments that were asked for.
    made: usize,
    /// What every host runs, as far as the story knows.
    runs: Vec<String>,
    /// A host that has joined and is not there.
    away: Option<HostId>,
}

/// A run of a story, in which somebody dies or nobody.
type What = fn(&mut Rollouts, Option<&Point>) -> Result<()>;

impl Rollouts {
    fn start(url: Option<String>, target: Value) -> Result<Self> {
        Self::start_with(url, target, |_| Ok(None))
    }

    /// As [`Self::start`], with a host more that is away.
    fn start_with(
        url: Option<String>,
        target: Value,
        away: impl FnOnce(&Ground) -> Result<Option<HostId>>,
    ) -> Result<Self> {
        let ground = Ground::start(url, 1, agent::Options::default())?;
        let admin = &ground.fleet.admin;
        let options = Options {
            agents: HOSTS,
            seed: 11,
        };
        let hosts = SimulatedFleet::join(admin, options)?;
        hosts.start();
        hosts.await_connected(PATIENCE)?;
        let ids: Vec<HostId> = hosts.books().map(|(id, _)| id).collect();
        let away = away(&ground)?;
        let mut environment = target;
        environment["hosts"] = json!(ids.iter().chain(&away).collect::<Vec<_>>());
        let body = json!({"name": "shop", "image": "team/shop", "environments": {"default": environment}});
        let made = admin.post("/api/v1/applications", &body)?;
        let asker = people::add(admin, "ada", "ADMIN")?;
        Ok(Self {
            application: text(&made, "id")?.to_owned(),
            hosts,
            ground,
            ids,
            asker,
            made: 0,
            runs: vec![String::new(); HOSTS],
            away,
        })
    }

    /// The steps that every one of two runs of `what` takes.
    fn list(&mut self, what: What, others: &[&str]) -> Result<Vec<Point>> {
        let mut lists = Vec::new();
        for _ in 0..2 {
            let mark = self.ground.points.mark()?;
            what(self, None)?;
            lists.push(self.ground.points.since(mark, usize::MAX)?);
        }
        let [first, second] = lists.as_slice() else {
            bail!("two runs")
        };
        let rooms = ["::work::", "::delivery::"];
        // What the engines really have is looked at all the time, and has nothing to do with it.
        let asides = ["::truth", "::reconcile", "::usage", "::tracked"];
        let wanted = |point: &&Point| {
            let is_in = |parts: &[&str]| parts.iter().any(|part| point.name.contains(part));
            let its_turn = if point.name.contains("work::reply") {
                point.passing.is_multiple_of(WORDS)
            } else {
                point.passing <= passings()
            };
            its_turn
                && point.program() == "muster"
                && is_in(&rooms)
                && !is_in(&asides)
                && !is_in(others)
                && second.contains(point)
        };
        Ok(first.iter().filter(wanted).cloned().collect())
    }

    /// The version that is asked for next.
    fn next_version(&mut self) -> String {
        self.made += 1;
        format!("{}.0.0", self.made)
    }

    /// The record of a rollout over all hosts is true, and so are the hosts, which had taken so many orders before.
    fn audit(&self, (id, status): (&str, &str), ends: &[End], taken: usize) -> Result<()> {
        let orders = self.audit_record((id, status), &self.ids, ends)?;
        self.audit_hosts(&orders, taken)
    }

    fn audit_record(
        &self,
        (id, status): (&str, &str),
        hosts: &[HostId],
        ends: &[End],
    ) -> Result<BTreeMap<String, String>> {
        let hosts: Vec<(String, End)> = hosts
            .iter()
            .map(ToString::to_string)
            .zip(ends.iter().copied())
            .collect();
        rollouts::audit(&self.ground.database, id, status, &hosts)
    }

    /// The hosts took these orders since, each once, and run what they are said to run.
    fn audit_hosts(&self, orders: &BTreeMap<String, String>, taken: usize) -> Result<()> {
        let digits = |id: String| id.replace('-', "");
        let all = self.hosts.orders()?;
        let since = all.get(taken..).context("orders went away")?;
        let found: BTreeMap<String, String> = since
            .iter()
            .map(|started| {
                (
                    digits(started.order.to_string()),
                    digits(started.host.to_string()),
                )
            })
            .collect();
        ensure!(
            found == *orders && since.len() == orders.len(),
            "the hosts took {found:?}, and {orders:?} were made"
        );
        let running = self.hosts.running();
        for (id, version) in self.ids.iter().zip(&self.runs) {
            let found = running.get(id).cloned().flatten().unwrap_or_default();
            ensure!(found == *version, "{id} runs {found}, not {version}");
        }
        Ok(())
    }

    fn was_done_once(&self, operation: &str, id: &str) -> Result<()> {
        let times = log::count(&self.ground.database, operation, &hyphenated(id))?;
        ensure!(
            times == 1,
            "{operation} of {id} is in the audit log {times} times"
        );
        Ok(())
    }
}

/// Somebody dies at each step of `what`, but for those of `others`.
fn dies_anywhere(mut rollouts: Rollouts, suite: &str, what: What, others: &[&str]) -> Result<()> {
    let points = rollouts.list(what, others)?;
    for point in &points {
        what(&mut rollouts, Some(point)).with_context(|| format!("killed at {point}"))?;
    }
    rollouts.ground.end(suite, points.len())
}

/// The way to the first batch has its rounds where the rollout goes through.
const BEGINNING: [&str; 2] = ["delivery::trigger", "delivery::driver"];

fn through(url: Option<String>, suite: &str) -> Result<()> {
    let policy = json!({"batchSize": 2, "pauseAfterFirst": true});
    let target = json!({"approvalRequired": true, "rollout": policy});
    let rollouts = Rollouts::start(url, target)?;
    dies_anywhere(rollouts, suite, Rollouts::goes_through, &[])
}

fn stop(url: Option<String>, suite: &str) -> Result<()> {
    let policy = json!({"batchSize": 1, "maxFailures": 0, "onFailure": "rollBack"});
    let mut rollouts = Rollouts::start(url, json!({"rollout": policy}))?;
    rollouts.plainly()?;
    rollouts.hosts.break_deploys([rollouts.ids[BROKEN]]);
    dies_anywhere(rollouts, suite, Rollouts::stops, &BEGINNING)
}

fn call_off(url: Option<String>, suite: &str) -> Result<()> {
    let policy = json!({"batchSize": 1, "pauseAfterFirst": true});
    let mut rollouts = Rollouts::start(url, json!({"rollout": policy}))?;
    rollouts.plainly()?;
    dies_anywhere(rollouts, suite, Rollouts::is_called_off, &BEGINNING)
}

fn call_off_at_work(url: Option<String>, suite: &str) -> Result<()> {
    let away = |ground: &Ground| -> Result<Option<HostId>> {
        let (admin, dir) = (&ground.fleet.admin, ground.dir().join("away"));
        let grant = admin.post("/api/v1/join-tokens", &json!({"uses": 1, "expiresInS": 600}))?;
        Agent::prepare(&dir, agent::Options::default())?.enrol(&grant)?;
        let hosts = admin.list("/api/v1/hosts")?;
        let away = hosts.iter().find(|host| host["status"] == "offline");
        let id = text(away.context("no host is away")?, "id")?;
        Ok(Some(id.parse()?))
    };
    let rollouts = Rollouts::start_with(url, json!({}), away)?;
    // How often a host is heard depends on whether it is asked to stop before it has said everything.
    let others = [BEGINNING.as_slice(), &["work::reply"]].concat();
    dies_anywhere(rollouts, suite, Rollouts::is_called_off_at_work, &others)
}

fn go_on(url: Option<String>, suite: &str) -> Result<()> {
    let policy = json!({"batchSize": 1, "onFailure": "stop"});
    let rollouts = Rollouts::start(url, json!({"rollout": policy}))?;
    dies_anywhere(rollouts, suite, Rollouts::goes_on, &BEGINNING)
}

#[test]
fn a_rollout_goes_through_once_on_sqlite() -> Result<()> {
    through(None, "a rollout on SQLite")
}

#[test]
fn a_rollout_goes_through_once_on_postgres() -> Result<()> {
    through(Some(env::new_postgres_database()?), "a rollout on PostgreSQL")
}

#[test]
fn a_rollout_stops_and_goes_back_once_on_sqlite() -> Result<()> {
    stop(None, "a rollout that stops on SQLite")
}

#[test]
fn a_rollout_stops_and_goes_back_once_on_postgres() -> Result<()> {
    stop(
        Some(env::new_postgres_database()?),
        "a rollout that stops on PostgreSQL",
    )
}

#[test]
fn a_rollout_is_called_off_once_on_sqlite() -> Result<()> {
    call_off(None, "a rollout that is called off on SQLite")
}

#[test]
fn a_rollout_is_called_off_once_on_postgres() -> Result<()> {
    call_off(
        Some(env::new_postgres_database()?),
        "a rollout that is called off on PostgreSQL",
    )
}

#[test]
fn a_rollout_goes_on_once_on_sqlite() -> Result<()> {
    go_on(None, "a rollout that is begun again on SQLite")
}

#[test]
fn a_rollout_goes_on_once_on_postgres() -> Result<()> {
    go_on(
        Some(env::new_postgres_database()?),
        "a rollout that is begun again on PostgreSQL",
    )
}

#[test]
fn a_rollout_at_work_is_called_off_once_on_sqlite() -> Result<()> {
    call_off_at_work(None, "a rollout at work that is called off on SQLite")
}

#[test]
fn a_rollout_at_work_is_called_off_once_on_postgres() -> Result<()> {
    let url = Some(env::new_postgres_database()?);
    call_off_at_work(url, "a rollout at work that is called off on PostgreSQL")
}
