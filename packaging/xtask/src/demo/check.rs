//! `cargo demo --check`: the product's main job once, with real services and nobody watching.
//!
//! Everything goes through the HTTP API, as it would for an outsider. A part that fails says why in `skipped`
//! and makes the exit status 1; the other parts are still tried.

use crate::interrupt::Interrupt;
use crate::{project, say};
use anyhow::{Context, Result, ensure};
use muster_tests::control_plane::Options;
use muster_tests::env::Registry;
use muster_tests::job::containers::Application;
use muster_tests::job::hosts;
use muster_tests::{Agent, Api, ControlPlane, agent};
use muster_workbench::{Env, Service, Workbench, images, process, random_hex};
use serde_json::{Value, json};
use std::process::ExitCode;
use std::time::Duration;

/// Hours pass in seconds for one of the two agents, so that its rollups close while we wait.
const FAST: u32 = 1_440;
const PATIENCE: Duration = Duration::from_mins(1);

/// Builds, runs the main job, prints the object, stops everything.
pub fn run(interrupt: &Interrupt) -> Result<ExitCode> {
    say::note("building");
    muster_tests::programs::use_dir(project::build_programs(interrupt)?);
    say::note("starting PostgreSQL, MariaDB, Docker and a registry");
    let bench = Workbench::start(Service::ALL)?;
    let dir = tempfile::Builder::new().prefix("muster-demo-").tempdir()?;
    let fleet = Fleet::start(bench.env(), dir.path())?;
    let report = fleet.run(interrupt);
    if interrupt.asked() {
        anyhow::bail!("interrupted");
    }
    if !report.complete() {
        say::note(format_args!(
            "the control plane's last words:\n{}",
            fleet.plane.last_words()
        ));
        say::note(format_args!(
            "the agent's last words:\n{}",
            fleet.agent.last_words()
        ));
    }
    drop(fleet);
    drop(bench);
    say::line(&report.values);
    Ok(if report.complete() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// A part of the job: what it adds to the report.
type Part = fn(&Fleet) -> Result<Value>;

const PARTS: &[(&str, Part)] = &[("deployments", Fleet::deployments)];

struct Fleet {
    services: Env,
    // Agents stop before the control plane that they are connected to.
    agent: Agent,
    _fast_agent: Agent,
    admin: Api,
    plane: ControlPlane,
}

impl Fleet {
    fn start(services: &Env, dir: &std::path::Path) -> Result<Self> {
        say::note("starting the control plane and joining this machine");
        let plane = ControlPlane::start(
            dir,
            Options {
                admin_password: random_hex(12)?,
                ..Options::default()
            },
        )?;
        let admin = plane.admin()?;
        let variable = |name: &str| services.get(name).unwrap_or_default().to_owned();
        let options = agent::Options {
            policy: policy(&variable("MUSTER_TEST_REGISTRY")),
            docker_host: Some(variable("MUSTER_TEST_DOCKER_HOST")),
            clock_factor: 1,
        };
        let agent = Agent::join_once(&dir.join("host"), &admin, options.clone())?;
        let fast = agent::Options {
            clock_factor: FAST,
            ..options
        };
        let fast_agent = Agent::join_once(&dir.join("fast"), &admin, fast)?;
        Ok(Self {
            services: services.clone(),
            agent,
            _fast_agent: fast_agent,
            admin,
            plane,
        })
    }

    fn run(&self, interrupt: &Interrupt) -> Report {
        let mut report = Report::default();
        let online = hosts::await_online(&self.admin, 2, PATIENCE);
        report.take("hosts", online.map(|hosts| json!({"hostsOnline": hosts.len()})));
        for (name, part) in PARTS {
            if interrupt.asked() {
                break;
            }
            say::note(format_args!("{name} …"));
            report.take(name, part(self));
        }
        report
    }

    /// A good version, then a broken one, both by webhook.
    fn deployments(&self) -> Result<Value> {
        let registry = Registry::of(|name| {
            self.services
                .get(name)
                .map(str::to_owned)
                .context("a service is missing")
        })?;
        let host = self.real_host()?;
        let application =
            Application::register(&self.admin, &registry, &host, "demo-web", process::free_port()?)?;
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

    /// The host whose clock is right: the one that joined first.
    fn real_host(&self) -> Result<Value> {
        let mut hosts = hosts::await_online(&self.admin, 2, PATIENCE)?;
        hosts.sort_by_key(|host| host["id"].to_string());
        hosts.into_iter().next().context("no host")
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

fn policy(registry: &str) -> String {
    format!(
        "[images]\nregistries = [\"{registry}\"]\n\n[sql]\nmax_risk = \"destructive\"\n\n\
         [[databases]]\nhost = \"127.0.0.1\"\nname = \"*\"\nmax_risk = \"destructive\"\n"
    )
}
