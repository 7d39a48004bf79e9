//! A container is stopped, started and restarted from afar while somebody dies: it is done once, and every record says so.
//!
//! The agent's two programs die at every point of it, the control plane (on both databases) before and after each commit
//! from the call to the outcome. What was really done is told by the engine: how often the container ended and began.

use crate::ground::{Ground, PATIENCE, hurry, passings};
use anyhow::{Context as _, Result, bail, ensure};
use muster_auditor::database::Column::Id;
use muster_auditor::orders::{self, hyphenated};
use muster_auditor::points::Point;
use muster_auditor::{Containers, log};
use muster_base::Clock;
use muster_tests::api::text;
use muster_tests::env;
use muster_tests::fleet::agent_options;
use muster_tests::job::containers::Application;
use muster_tests::wait::{self, Found};
use muster_workbench::{Env, images, process};
use serde_json::json;

/// What is done, how often that ends the container and begins it, and whether it runs then.
#[derive(Clone, Copy, Debug)]
enum Action {
    Stop,
    Start,
    Restart,
}

impl Action {
    const fn verb(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Start => "start",
            Self::Restart => "restart",
        }
    }

    const fn ends(self) -> usize {
        match self {
            Self::Stop | Self::Restart => 1,
            Self::Start => 0,
        }
    }

    const fn begins(self) -> usize {
        match self {
            Self::Start | Self::Restart => 1,
            Self::Stop => 0,
        }
    }
}

struct Handled {
    ground: Ground,
    containers: Containers,
    engine: String,
    name: String,
    /// Actions that were asked for.
    asked: usize,
}

impl Handled {
    fn start(url: Option<String>) -> Result<Self> {
        let ground = Ground::start(url, 1, agent_options(&Env::from_process()))?;
        let fleet = &ground.fleet;
        let (port, name) = (
            process::free_port()?,
            format!("handled-{}", process::free_port()?),
        );
        let application = Application::register(&fleet.admin, &fleet.registry()?, &fleet.host, &name, port)?;
        hurry(&fleet.admin, &application)?;
        let first = application.deploy(images::GOOD)?;
        ensure!(first["status"] == "success", "{first}");
        let listed = format!("/api/v1/containers?search={name}");
        wait::until("the container to be listed", PATIENCE, || {
            let all = fleet.admin.list(&listed)?;
            let there = all
                .iter()
                .any(|one| one["name"] == *name && one["state"] == "running");
            Ok(Found::from_option(there.then_some(()), json!(all)))
        })?;
        let engine = fleet.service("MUSTER_TEST_DOCKER_HOST")?.to_owned();
        Ok(Self {
            containers: Containers::new(&engine, &name),
            engine,
            name,
            ground,
            asked: 0,
        })
    }

    /// It is done while somebody dies at `point`.
    fn act(&mut self, action: Action, point: Option<&Point>) -> Result<()> {
        self.asked += 1;
        let (asked, since) = (self.asked, now());
        let host = text(&self.ground.fleet.host, "id")?.to_owned();
        let path = format!("/api/v1/hosts/{host}/containers/{}/{}", self.name, action.verb());
        let order = |ground: &mut Ground| {
            // As somebody who got no answer, and looks whether the order is there.
            let newest = |ground: &mut Ground| {
                let of_kind = "work_orders where kind = 'container' order by id";
                let all = ground.database.rows(&[Id("id")], of_kind)?;
                ensure!(all.len() <= asked, "{} orders were made of {asked}", all.len());
                let last = all.last().map(|row| row[0].clone());
                Ok(last.filter(|_| all.len() == asked))
            };
            ground.insist("the order to be there", newest, |ground| {
                let body = if matches!(action, Action::Start) {
                    json!({})
                } else {
                    json!({"graceS": 0})
                };
                ground.fleet.admin.post(&path, &body).map(drop)
            })
        };
        let ended = |ground: &mut Ground, id: &String| {
            let shown = ground
                .fleet
                .admin
                .get(&format!("/api/v1/orders/{}", hyphenated(id)))?;
            let ended = !matches!(
                text(&shown, "state")?,
                "queued" | "waitingForHost" | "sent" | "accepted"
            );
            Ok(Found::from_option(ended.then_some(()), shown))
        };
        let id = self.ground.maybe_round(point, order, ended)?;
        self.audit(action, &id, &since)
    }

    fn audit(&self, action: Action, id: &str, since: &str) -> Result<()> {
        let (database, agent) = (&self.ground.database, self.ground.fleet.agent.data());
        let order = orders::audit_order(database, &agent, id, "done")?;
        let told = log::count(database, "container:ended", &order)?;
        ensure!(told == 1, "the end is in the audit log {told} times");
        let until = now();
        for (event, expected) in [("die", action.ends()), ("start", action.begins())] {
            let events = self.events(event, since, &until)?;
            ensure!(
                events == expected,
                "{} had {events} times `{event}`, not {expected}",
                action.verb()
            );
        }
        let all = self.containers.list()?;
        let states: Vec<&str> = all.iter().map(|one| one.state.as_str()).collect();
        let expected = if action.begins() == 1 { "running" } else { "exited" };
        ensure!(states == [expected], "after {}: {all:?}", action.verb());
        Ok(())
    }

    /// How often the engine told of it.
    fn events(&self, event: &str, since: &str, until: &str) -> Result<usize> {
        let (event, container) = (format!("event={event}"), format!("container={}", self.name));
        let arguments = [
            "events",
            "--since",
            since,
            "--until",
            until,
            "--filter",
            &event,
            "--filter",
            &container,
            "--format",
            "{{.Action}}",
        ];
        Ok(env::docker(&self.engine, &arguments)?.lines().count())
    }

    /// What is passed while it is done, by the programs that `of` names.
    fn list(&mut self, action: Action, of: impl Fn(&Point) -> bool) -> Result<Vec<Point>> {
        let mark = self.ground.points.mark()?;
        self.act(action, None)?;
        let mut points = self.ground.points.since(mark, usize::MAX)?;
        points.retain(of);
        Ok(points)
    }

    fn end(self, suite: &str, points: usize) -> Result<()> {
        self.containers.remove()?;
        self.ground.end(suite, points)
    }
}

/// Now, as the engine's events are asked by.
fn now() -> String {
    let ms = Clock::system().now().0;
    format!("{}.{:03}000000", ms / 1_000, ms % 1_000)
}

/// A point of the agent's two programs on an order's way.
fn is_of_the_agent(point: &Point) -> bool {
    let (program, name) = point.name.split_once(':').unwrap_or_default();
    // The stream of readings goes on meanwhile, and has a suite of its own.
    let others = ["spool.", "reports.", "file.status"];
    program != "muster" && point.passing <= passings() && !others.iter().any(|other| name.starts_with(other))
}

/// A commit of the control plane on an order's way.
fn is_of_the_plane(point: &Point) -> bool {
    point.program() == "muster"
        && ["::containers::", "::work::"]
            .iter()
            .any(|room| point.name.contains(room))
}

#[test]
fn a_container_is_stopped_and_started_once_wherever_the_agent_dies() -> Result<()> {
    let mut handled = Handled::start(None)?;
    let stop = handled.list(Action::Stop, is_of_the_agent)?;
    let start = handled.list(Action::Start, is_of_the_agent)?;
    for nth in 0..stop.len().max(start.len()) {
        for (action, points) in [(Action::Stop, &stop), (Action::Start, &start)] {
            let point = points.get(nth);
            handled.act(action, point).with_context(|| {
                let point = point.map(ToString::to_string).unwrap_or_default();
                format!("{}, killed at {point}", action.verb())
            })?;
        }
    }
    handled.end(
        "a container that is stopped and started",
        stop.len() + start.len(),
    )
}

#[test]
fn a_container_is_restarted_once_wherever_the_agent_dies() -> Result<()> {
    let mut handled = Handled::start(None)?;
    let points = handled.list(Action::Restart, is_of_the_agent)?;
    for point in &points {
        handled
            .act(Action::Restart, Some(point))
            .with_context(|| format!("killed at {point}"))?;
    }
    handled.end("a container that is restarted", points.len())
}

fn plane_dies(url: Option<String>, suite: &str) -> Result<()> {
    let mut handled = Handled::start(url)?;
    let first = handled.list(Action::Restart, is_of_the_plane)?;
    let second = handled.list(Action::Restart, is_of_the_plane)?;
    // Of what a host says it is the first word and the last that change what is known of the order.
    let last = |name: &str| {
        let same = first.iter().filter(|point| point.name == name);
        same.map(|point| point.passing).max().unwrap_or(1)
    };
    let wanted = |point: &&Point| {
        (point.passing <= passings() || point.passing == last(&point.name)) && second.contains(point)
    };
    let points: Vec<Point> = first.iter().filter(wanted).cloned().collect();
    for point in &points {
        let mut actions = vec![Action::Restart];
        if point.name.contains("::containers::") {
            actions.extend([Action::Stop, Action::Start]);
        }
        for action in actions {
            handled
                .act(action, Some(point))
                .with_context(|| format!("{}, killed at {point}", action.verb()))?;
        }
    }
    handled.end(suite, points.len())
}

#[test]
fn a_container_is_handled_once_wherever_the_control_plane_dies_on_sqlite() -> Result<()> {
    plane_dies(None, "a container on SQLite")
}

#[test]
fn a_container_is_handled_once_wherever_the_control_plane_dies_on_postgres() -> Result<()> {
    plane_dies(Some(env::new_postgres_database()?), "a container on PostgreSQL")
}

#[test]
fn a_restart_that_is_not_written_down_is_noticed() -> Result<()> {
    let mut handled = Handled::start(None)?;
    handled
        .ground
        .points
        .leave_out("muster-worker:journal.restarting")?;
    let point = Point {
        name: "muster-worker:docker.start.after".to_owned(),
        passing: 1,
    };
    let noticed = handled.act(Action::Restart, Some(&point));
    handled.containers.remove()?;
    let Err(noticed) = noticed else {
        bail!("nobody noticed")
    };
    println!("noticed: {noticed:#}");
    Ok(())
}
