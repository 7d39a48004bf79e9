//! The control plane dies before and after every commit on an order's way: from the call that asks for it to the
//! conclusions that are drawn from its outcome. It is done once, and every record says so.
//!
//! Who calls is a client that repeats what got no answer, after having looked whether it happened.

use crate::ground::{Ground, PATIENCE, hurry};
use anyhow::{Context as _, Result, bail, ensure};
use muster_auditor::database::Column::{Id, Text};
use muster_auditor::orders::hyphenated as dashed;
use muster_auditor::points::Point;
use muster_auditor::{Containers, orders};
use muster_tests::fleet::agent_options;
use muster_tests::job::containers::Application;
use muster_tests::job::people;
use muster_tests::job::releases::{Kind, Server};
use muster_tests::wait::Found;
use muster_tests::{Api, env};
use muster_workbench::{Env, images, process};
use serde_json::json;

/// What is asked of the control plane, again and again.
struct Work {
    ground: Ground,
    application: Application,
    containers: Containers,
    server: Server,
    author: Api,
    approver: Api,
    deploys: usize,
    releases: usize,
}

impl Work {
    fn start(url: Option<String>) -> Result<Self> {
        let services = Env::from_process();
        let ground = Ground::start(url, 10, agent_options(&services))?;
        let (fleet, port) = (&ground.fleet, process::free_port()?);
        let name = format!("killed-{port}");
        let application = Application::register(&fleet.admin, &fleet.registry()?, &fleet.host, &name, port)?;
        hurry(&fleet.admin, &application)?;
        let containers = Containers::new(fleet.service("MUSTER_TEST_DOCKER_HOST")?, &name);
        let server = Server::register(&fleet.admin, &services, &fleet.host, Kind::Postgres)?;
        let author = people::add(&fleet.admin, "ada", "MEMBER")?;
        let approver = people::add(&fleet.admin, "ben", "ADMIN")?;
        let made = server.release(&author, &approver, "0", "create table counted (n int);\n")?;
        ensure!(made["status"] == "success", "{made}");
        Ok(Self {
            ground,
            application,
            containers,
            server,
            author,
            approver,
            deploys: 0,
            releases: 0,
        })
    }

    /// The commits that every one of two runs of `what` passes: what happens by itself from time to time is not among
    /// them.
    fn list(&mut self, what: fn(&mut Self, Option<&Point>) -> Result<()>) -> Result<Vec<Point>> {
        let mut lists = Vec::new();
        for _ in 0..2 {
            let mark = self.ground.points.mark()?;
            what(self, None)?;
            lists.push(self.ground.points.since(mark, 1)?);
        }
        let [first, second] = lists.as_slice() else {
            bail!("two runs")
        };
        let others = [
            "telemetry",
            "presence",
            "seal.",
            "pack.",
            "ingest.",
            "reports.",
            "::truth",
        ];
        let wanted = |point: &&Point| {
            point.program() == "muster"
                && second.contains(point)
                && !others.iter().any(|other| point.name.contains(other))
        };
        Ok(first.iter().filter(wanted).cloned().collect())
    }

    fn deploy(&mut self, point: Option<&Point>) -> Result<()> {
        let version = if self.deploys.is_multiple_of(2) {
            images::GOOD
        } else {
            images::NEXT
        };
        let (id, order) = self.ask_for(version, point, ("success", "done"))?;
        let container = self.containers.the_one()?;
        ensure!(
            container.order == order,
            "{container:?} is not of the order {order} of {id}"
        );
        self.serves(version)
    }

    /// A version that crashes is put back by the host, and the record says so; the one before serves on.
    fn broken_deploy(&mut self, point: Option<&Point>) -> Result<()> {
        if self.deploys == 0 {
            self.deploy(None)?;
        }
        let before = self.containers.the_one()?.order;
        self.ask_for(images::CRASHING, point, ("rolledBack", "rolledBack"))?;
        let container = self.containers.the_one()?;
        ensure!(
            container.order == before,
            "{container:?} is not of the order {before}"
        );
        self.serves(images::GOOD)
    }

    fn serves(&self, version: &str) -> Result<()> {
        let serving = self.application.serving(PATIENCE)?;
        ensure!(serving == version, "{serving} serves, not {version}");
        Ok(())
    }

    /// Asks for a version and waits until its deployment and its order have ended thus; their ids.
    fn ask_for(
        &mut self,
        version: &str,
        point: Option<&Point>,
        (status, state): (&str, &str),
    ) -> Result<(String, String)> {
        self.deploys += 1;
        let (application, deploys) = (&self.application, self.deploys);
        let asked = |ground: &mut Ground| {
            // As CI does that got no answer: it looks whether its deployment is there.
            let newest = |ground: &mut Ground| {
                let all = ground.database.rows(&[Id("id")], "deployments order by id")?;
                ensure!(
                    all.len() <= deploys,
                    "{} deployments were made of {deploys}",
                    all.len()
                );
                Ok(if all.len() == deploys {
                    all.last().map(|row| row[0].clone())
                } else {
                    None
                })
            };
            ground.insist("the deployment to be there", newest, |_| {
                let answer = application.webhook(version, application.token(), false)?;
                ensure!(
                    answer.status < 300,
                    "the webhook answered {}: {}",
                    answer.status,
                    answer.text
                );
                Ok(())
            })
        };
        let ended = |ground: &mut Ground, id: &String| status_of(ground, "deployments", id);
        let id = self.ground.maybe_round(point, asked, ended)?;
        orders::audit_status(&self.ground.database, "deployments", &id, status)?;
        let order = orders::audit(&self.ground.database, &self.ground.fleet.agent.data(), &id, state)?;
        Ok((id, order))
    }

    fn release(&mut self, point: Option<&Point>) -> Result<()> {
        self.releases += 1;
        let n = self.releases;
        let (server, author, approver) = (&self.server, &self.author, &self.approver);
        let sql =
            format!("insert into counted values ({n});\ncreate index concurrently by_{n} on counted (n);\n");
        let asked = |ground: &mut Ground| {
            let version = n.to_string();
            let find = move |ground: &mut Ground, table: &str, condition: &str| {
                let rows = ground
                    .database
                    .rows(&[Id("id")], &format!("{table} where {condition}"))?;
                ensure!(rows.len() < 2, "{} rows of {table} where {condition}", rows.len());
                Ok(rows.first().map(|row| row[0].clone()))
            };
            let this = format!("version = '{n}'");
            let ticket = ground.insist(
                "the ticket",
                |ground| find(ground, "tickets", &this),
                |_| server.propose(author, &version, &sql).map(drop),
            )?;
            let release = ground.insist(
                "the release",
                |ground| find(ground, "releases", &this),
                |_| {
                    let approve = format!("/api/v1/schema/tickets/{}/approve", dashed(&ticket));
                    approver.post(&approve, &json!({})).map(drop)
                },
            )?;
            let of_release = format!("release_id = {}", ground.database.id(&release));
            ground.insist(
                "the execution",
                |ground| find(ground, "executions", &of_release),
                |_| {
                    let execute = format!("/api/v1/schema/releases/{}/execute", dashed(&release));
                    approver
                        .post(&execute, &json!({"server": server.label}))
                        .map(drop)
                },
            )
        };
        let ended = |ground: &mut Ground, id: &String| status_of(ground, "executions", id);
        let id = self.ground.maybe_round(point, asked, ended)?;
        orders::audit_status(&self.ground.database, "executions", &id, "success")?;
        orders::audit(
            &self.ground.database,
            &self.ground.fleet.agent.data(),
            &id,
            "done",
        )?;
        let found = self
            .server
            .query("select count(*), count(distinct n) from counted")?;
        ensure!(found == format!("{n}\t{n}"), "{found} after {n} releases");
        Ok(())
    }
}

fn status_of(ground: &mut Ground, table: &str, id: &str) -> Result<Found<()>> {
    let this = format!("{table} where id = {}", ground.database.id(id));
    let rows = ground.database.rows(&[Text("status")], &this)?;
    let status = rows.first().context("it is gone")?[0].clone();
    let ended = !matches!(status.as_str(), "pending" | "running");
    Ok(Found::from_option(ended.then_some(()), status))
}

fn dies_anywhere(
    url: Option<String>,
    suite: &str,
    what: fn(&mut Work, Option<&Point>) -> Result<()>,
) -> Result<()> {
    let mut work = Work::start(url)?;
    let points = work.list(what)?;
    for point in &points {
        what(&mut work, Some(point)).with_context(|| format!("killed at {point}"))?;
    }
    work.containers.remove()?;
    work.ground.end(suite, points.len())
}

#[test]
fn a_deploy_is_done_once_on_sqlite() -> Result<()> {
    dies_anywhere(None, "a deploy on SQLite", Work::deploy)
}

#[test]
fn a_deploy_is_done_once_on_postgres() -> Result<()> {
    dies_anywhere(
        Some(env::new_postgres_database()?),
        "a deploy on PostgreSQL",
        Work::deploy,
    )
}

#[test]
fn a_deploy_that_fails_is_put_back_on_sqlite() -> Result<()> {
    dies_anywhere(None, "a broken deploy on SQLite", Work::broken_deploy)
}

#[test]
fn a_deploy_that_fails_is_put_back_on_postgres() -> Result<()> {
    dies_anywhere(
        Some(env::new_postgres_database()?),
        "a broken deploy on PostgreSQL",
        Work::broken_deploy,
    )
}

#[test]
fn a_release_is_executed_once_on_sqlite() -> Result<()> {
    dies_anywhere(None, "a release on SQLite", Work::release)
}

#[test]
fn a_release_is_executed_once_on_postgres() -> Result<()> {
    dies_anywhere(
        Some(env::new_postgres_database()?),
        "a release on PostgreSQL",
        Work::release,
    )
}
