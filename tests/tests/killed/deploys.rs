//! The agent's two programs die at every point of a deploy: either the new container serves or the old one does, and
//! every record says which.

use crate::ground::{Ground, PATIENCE, hurry, passings};
use anyhow::{Context as _, Result, ensure};
use muster_auditor::containers::{Container, Containers};
use muster_auditor::orders;
use muster_auditor::points::Point;
use muster_tests::api::text;
use muster_tests::job::containers::Application;
use muster_tests::wait::Found;
use muster_workbench::{images, process};

/// One application on a host whose agent dies.
struct Deploys {
    ground: Ground,
    application: Application,
    containers: Containers,
    serves: &'static str,
}

impl Deploys {
    fn start() -> Result<Self> {
        let deploys = Self::prepare()?;
        let first = deploys.application.deploy(images::GOOD)?;
        ensure!(first["status"] == "success", "{first}");
        Ok(deploys)
    }

    /// With no container yet.
    fn prepare() -> Result<Self> {
        let ground = Ground::on_sqlite()?;
        let (fleet, port) = (&ground.fleet, process::free_port()?);
        let name = format!("killed-{port}");
        let application = Application::register(&fleet.admin, &fleet.registry()?, &fleet.host, &name, port)?;
        hurry(&fleet.admin, &application)?;
        let containers = Containers::new(fleet.service("MUSTER_TEST_DOCKER_HOST")?, &name);
        Ok(Self {
            ground,
            application,
            containers,
            serves: images::GOOD,
        })
    }

    const fn other(&self) -> &'static str {
        if matches!(self.serves.as_bytes(), b"1.0.0") {
            images::NEXT
        } else {
            images::GOOD
        }
    }

    /// The points that a deploy of `version` passes, in the agent's two programs.
    fn list(&mut self, version: &'static str) -> Result<Vec<Point>> {
        let mark = self.ground.points.mark()?;
        self.application.deploy(version)?;
        if version == self.other() {
            self.serves = version;
        }
        let mut points = self.ground.points.since(mark, usize::MAX)?;
        points.retain(|point| {
            let (program, name) = point.name.split_once(':').unwrap_or_default();
            // The stream of readings goes on meanwhile, and has a suite of its own.
            let others = ["spool.", "reports.", "file.status"];
            program != "muster" && !others.iter().any(|other| name.starts_with(other))
        });
        Ok(points)
    }

    /// Deploys `version` while somebody dies at `point`; it ends as `status`.
    fn round(&mut self, point: &Point, version: &'static str, status: &str) -> Result<Container> {
        let application = &self.application;
        let id = self.ground.round(
            point,
            |_| {
                let answer = application.webhook(version, application.token(), false)?;
                let deployment =
                    text(&answer.json().context(answer.text.clone())?, "deploymentId")?.to_owned();
                Ok(deployment)
            },
            |ground, id| {
                let deployment = ground.fleet.admin.get(&format!("/api/v1/deployments/{id}"))?;
                let ended = !matches!(text(&deployment, "status")?, "pending" | "running");
                Ok(Found::from_option(ended.then_some(()), deployment))
            },
        )?;
        self.audit(&id, version, status)
            .with_context(|| format!("killed at {point}"))
    }

    fn audit(&mut self, deployment: &str, version: &'static str, status: &str) -> Result<Container> {
        let database = &self.ground.database;
        let state = if status == "success" { "done" } else { status };
        orders::audit_status(database, "deployments", deployment, status)?;
        let order = orders::audit(database, &self.ground.fleet.agent.data(), deployment, state)?;
        if status == "success" {
            self.serves = version;
        }
        let container = self.containers.the_one()?;
        ensure!(
            (container.order == order) == (status == "success"),
            "the deployment is a {status}, and the container is of the order {}",
            container.order
        );
        let serving = self.application.serving(PATIENCE)?;
        ensure!(serving == self.serves, "{serving} serves, not {}", self.serves);
        Ok(container)
    }
}

#[test]
fn a_deploy_is_done_once_wherever_the_agent_dies() -> Result<()> {
    let mut deploys = Deploys::start()?;
    let version = deploys.other();
    let mut points = deploys.list(version)?;
    points.retain(|point| point.passing <= passings());
    for point in &points {
        deploys.round(point, deploys.other(), "success")?;
    }
    deploys.containers.remove()?;
    deploys.ground.end("a deploy", points.len())
}

#[test]
fn a_deploy_is_undone_wherever_the_agent_dies() -> Result<()> {
    let mut deploys = Deploys::start()?;
    let points = deploys.list(images::CRASHING)?;
    // Those on the way back; the way forward has its rounds above.
    let undoing = |point: &Point| point.name.contains("journal.undoing");
    let back = points.iter().position(undoing).context("nothing was undone")?;
    let mut points = points[back..].to_vec();
    points.retain(|point| point.passing <= 2 * passings());
    let before = deploys.containers.the_one()?;
    for point in &points {
        let after = deploys.round(point, images::CRASHING, "rolledBack")?;
        ensure!(
            after.id == before.id,
            "another container serves: {after:?}, not {before:?}"
        );
    }
    deploys.containers.remove()?;
    deploys.ground.end("a deploy that fails", points.len())
}

#[test]
fn a_first_deploy_is_done_once_wherever_the_agent_dies() -> Result<()> {
    let mut deploys = Deploys::prepare()?;
    let version = deploys.other();
    let mut points = deploys.list(version)?;
    // The rest of the way has its rounds above.
    points.retain(|point| point.name.contains("journal.no-old"));
    for point in &points {
        deploys.containers.remove()?;
        deploys.round(point, deploys.other(), "success")?;
    }
    deploys.containers.remove()?;
    deploys.ground.end("a first deploy", points.len())
}

#[test]
fn a_worker_that_does_not_journal_what_it_starts_is_noticed() -> Result<()> {
    let mut deploys = Deploys::start()?;
    deploys.ground.points.leave_out("muster-worker:journal.started")?;
    let point = Point {
        name: "muster-worker:docker.stop.after".to_owned(),
        passing: 1,
    };
    let noticed = deploys.round(&point, deploys.other(), "success");
    deploys.containers.remove()?;
    let noticed = noticed.err().context("nobody noticed")?;
    println!("noticed: {noticed:#}");
    Ok(())
}
