//! `cargo demo --check`: the product's main job once, with real services and nobody watching.
//!
//! Everything goes through the HTTP API, as it would for an outsider. A part that fails says why in `skipped`
//! and makes the exit status 1; the other parts are still tried.

use crate::interrupt::Interrupt;
use crate::{project, say};
use anyhow::{Context, Result, bail, ensure};
use muster_tests::fleet::{PATIENCE, agent_options};
use muster_tests::job::containers::Application;
use muster_tests::job::releases::{Kind, Server};
use muster_tests::job::{hosts, people, readings};
use muster_tests::{Agent, Fleet, agent, control_plane};
use muster_workbench::{Env, Service, Workbench, images, process};
use serde_json::{Value, json};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// Hours pass in seconds for one of the two agents, so that its rollups close while we wait.
const FAST: u32 = 1_440;
/// How long a day may take on the fast clock, and a few samples on the right one.
const LONG: Duration = Duration::from_mins(3);

/// Builds, runs the main job, prints the object, stops everything.
pub fn run(interrupt: &Interrupt) -> Result<ExitCode> {
    say::note("building");
    muster_tests::programs::use_dir(project::build_programs(interrupt)?);
    say::note("starting PostgreSQL, MariaDB, Docker and a registry");
    let bench = Workbench::start(Service::ALL)?;
    let dir = tempfile::Builder::new().prefix("muster-demo-").tempdir()?;
    let job = Job::start(bench.env(), dir.path())?;
    let report = job.run(interrupt);
    if interrupt.asked() {
        bail!("interrupted");
    }
    drop(job);
    drop(bench);
    say::line(&report.values);
    Ok(if report.complete() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// A part of the job: what it adds to the report.
type Part = fn(&Job) -> Result<Value>;

const PARTS: &[(&str, Part)] = &[
    ("hosts", Job::hosts),
    ("deployments", Job::deployments),
    ("release on PostgreSQL", Job::release_postgres),
    ("release on MariaDB", Job::release_mysql),
    ("refusals", Job::refusals),
    ("readings", Job::readings),
];

struct Job {
    fleet: Fleet,
    fast: Agent,
}

impl Job {
    fn start(services: &Env, dir: &Path) -> Result<Self> {
        say::note(
            "starting the control plane and joining this machine, with a right clock and with a fast one",
        );
        let tapped = agent::Options {
            tap: true,
            ..agent_options(services)
        };
        let fleet = Fleet::start_with(services, dir, control_plane::Options::new()?, tapped)?;
        let options = agent::Options {
            clock_factor: FAST,
            ..agent_options(services)
        };
        let fast = Agent::join_once(&dir.join("fast"), &fleet.admin, options)?;
        Ok(Self { fleet, fast })
    }

    fn run(&self, interrupt: &Interrupt) -> Report {
        let mut report = Report::default();
        for (name, part) in PARTS {
            if interrupt.asked() {
                break;
            }
            say::note(format_args!("{name} …"));
            report.take(name, part(self));
        }
        if !report.complete() {
            say::note(format_args!(
                "the control plane's last words:\n{}",
                self.fleet.plane.last_words()
            ));
            say::note(format_args!(
                "the agent's last words:\n{}",
                self.fleet.agent.last_words()
            ));
            say::note(format_args!(
                "the fast agent's last words:\n{}",
                self.fast.last_words()
            ));
        }
        report
    }

    fn hosts(&self) -> Result<Value> {
        let online = hosts::await_online(&self.fleet.admin, 2, PATIENCE)?;
        Ok(json!({"hostsOnline": online.len()}))
    }

    /// A good version, then a broken one, both by webhook.
    fn deployments(&self) -> Result<Value> {
        let Fleet { admin, host, .. } = &self.fleet;
        let registry = self.fleet.registry()?;
        let application = Application::register(admin, &registry, host, "demo-web", process::free_port()?)?;
        let good = application.deploy(images::GOOD)?;
        let serving = application.serving(PATIENCE)?;
        ensure!(
            serving == images::GOOD,
            "{serving} is served after the deploy of {}",
            images::GOOD
        );
        let broken = application.deploy(images::CRASHING)?;
        let still = application
            .serving(PATIENCE)
            .is_ok_and(|version| version == images::GOOD);
        Ok(json!({
            "deployment": {"status": good["status"], "durationMs": good["durationMs"], "digest": good["digest"], "healthy": true},
            "brokenDeployment": {"status": broken["status"], "oldContainerServing": still},
        }))
    }

    fn release_postgres(&self) -> Result<Value> {
        Ok(json!({"releasePostgres": self.release(Kind::Postgres, "ada", "1.0-postgres")?}))
    }

    fn release_mysql(&self) -> Result<Value> {
        Ok(json!({"releaseMysql": self.release(Kind::Mysql, "bob", "1.0-mysql")?}))
    }

    /// Proposed by one person, approved by another, executed by this machine's agent.
    fn release(&self, kind: Kind, author: &str, version: &str) -> Result<Value> {
        let Fleet { admin, host, .. } = &self.fleet;
        let author_api = people::add(admin, author, "MEMBER")?;
        let approver = people::add(admin, &format!("{author}s-colleague"), "ADMIN")?;
        let server = Server::register(admin, self.fleet.services(), host, kind)?;
        let sql = "create table orders (id bigint primary key, placed_on date not null);\n\
                   create index orders_placed_on on orders (placed_on);\n\
                   insert into orders (id, placed_on) values (1, '2026-01-31');\n";
        let ended = server.release(&author_api, &approver, version, sql)?;
        let rows = server.query("select count(*) from orders")?;
        ensure!(rows == "1", "the released table holds {rows} rows: {ended}");
        let statements = ended["steps"].as_array().map_or(0, Vec::len);
        Ok(json!({"status": ended["status"], "statements": statements}))
    }

    /// Both clocks' readings: those of the right clock arrive, and those of the fast one add up to hours and days.
    fn readings(&self) -> Result<Value> {
        let admin = &self.fleet.admin;
        let real = readings::await_stored(admin, &self.fleet.host, LONG, |stored| {
            stored.samples >= 3 && stored.container_series > 0
        })?;
        let mut hosts = hosts::await_online(admin, 2, PATIENCE)?;
        hosts.retain(|host| host["id"] != self.fleet.host["id"]);
        let fast = hosts.first().context("the fast host is gone")?;
        let sums = readings::await_stored(admin, fast, LONG, |stored| {
            stored.hour_rollups > 0 && stored.day_rollups > 0
        })?;
        Ok(json!({
            "samplesStored": real.samples + sums.samples,
            "hourRollups": sums.hour_rollups,
            "dayRollups": sums.day_rollups,
            "containerSeries": real.container_series,
        }))
    }

    /// What the worker was handed is presented to it again, as it was and changed.
    fn refusals(&self) -> Result<Value> {
        let verdicts = self.fleet.agent.present_recorded()?;
        ensure!(!verdicts.is_empty(), "no order was recorded");
        say::note(format_args!(
            "the worker's answers: {}",
            Value::from(verdicts.clone())
        ));
        let all = |way: &str, word: &str| {
            verdicts.iter().all(|verdict| {
                let said = &verdict[way];
                said["began"] == false && said["word"].as_str().is_some_and(|said| said.starts_with(word))
            })
        };
        Ok(json!({
            "replayedOrderRefused": all("again", "outcome") && all("againWithoutJournal", "refused: Replay"),
            "unsignedOrderRefused": all("forgedSignature", "refused: BadSignature")
                && all("noSignature", "refused: BadSignature")
                && all("changedPayload", "refused: BadDigest"),
        }))
    }
}

struct Report {
    values: Value,
}

impl Default for Report {
    fn default() -> Self {
        Self {
            values: json!({
                "hostsOnline": 0, "samplesStored": 0, "hourRollups": 0, "dayRollups": 0, "containerSeries": 0,
                "deployment": null, "brokenDeployment": null, "releasePostgres": null, "releaseMysql": null,
                "replayedOrderRefused": false, "unsignedOrderRefused": false, "skipped": [],
            }),
        }
    }
}

impl Report {
    fn take(&mut self, part: &str, came: Result<Value>) {
        match came {
            Ok(Value::Object(values)) => values
                .into_iter()
                .for_each(|(name, value)| self.values[name] = value),
            Ok(other) => self.skip(format!("{part}: unexpected {other}")),
            Err(error) => self.skip(format!("{part}: {error:#}")),
        }
    }

    fn skip(&mut self, reason: String) {
        say::note(format_args!("failed: {reason}"));
        if let Some(skipped) = self.values["skipped"].as_array_mut() {
            skipped.push(Value::from(reason));
        }
    }

    /// Whether every part worked.
    fn complete(&self) -> bool {
        let v = &self.values;
        let counts = [
            "hostsOnline",
            "samplesStored",
            "hourRollups",
            "dayRollups",
            "containerSeries",
        ];
        counts
            .iter()
            .all(|name| v[name].as_u64().is_some_and(|count| count > 0))
            && v["deployment"]["status"] == "success"
            && v["deployment"]["healthy"] == true
            && v["brokenDeployment"]["status"] == "rolledBack"
            && v["brokenDeployment"]["oldContainerServing"] == true
            && v["releasePostgres"]["status"] == "success"
            && v["releaseMysql"]["status"] == "success"
            && v["replayedOrderRefused"] == true
            && v["unsignedOrderRefused"] == true
            && v["skipped"].as_array().is_some_and(Vec::is_empty)
    }
}
