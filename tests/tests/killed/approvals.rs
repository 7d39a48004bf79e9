//! The control plane dies at every vote on a ticket: each vote that was given is there once, and the last one makes one
//! release.
//!
//! Two of the org's admins have to say yes, and then a third. Who votes is somebody who votes again if no answer came and no
//! vote is there.

use crate::ground::Ground;
use anyhow::{Context as _, Result, bail, ensure};
use muster_auditor::database::Column::Id;
use muster_auditor::orders::hyphenated;
use muster_auditor::points::Point;
use muster_auditor::{log, tickets};
use muster_tests::fleet::agent_options;
use muster_tests::job::people;
use muster_tests::job::releases::{Kind, Server};
use muster_tests::wait::Found;
use muster_tests::{Api, env};
use muster_workbench::Env;
use serde_json::json;

/// The step that each vote is for, in their order.
const STEPS: [usize; 3] = [0, 0, 1];

struct Approvals {
    ground: Ground,
    server: Server,
    author: Api,
    approvers: Vec<Api>,
    proposed: usize,
}

impl Approvals {
    fn start(url: Option<String>) -> Result<Self> {
        let services = Env::from_process();
        let ground = Ground::start(url, 10, agent_options(&services))?;
        let admin = &ground.fleet.admin;
        let server = Server::register(admin, &services, &ground.fleet.host, Kind::Postgres)?;
        let flow = json!({
            "apiVersion": "v1alpha1", "kind": "ApprovalFlow", "metadata": {"name": "careful"},
            "spec": {"steps": [
                {"name": "both", "role": "ADMIN", "quorum": 2},
                {"name": "last", "role": "ADMIN"},
            ]},
        });
        admin.post("/api/v1/schema/apply", &flow)?;
        let author = people::add(admin, "ada", "MEMBER")?;
        let approvers = ["ben", "cas", "dan"].map(|name| people::add(admin, name, "ADMIN"));
        Ok(Self {
            approvers: approvers.into_iter().collect::<Result<_>>()?,
            ground,
            server,
            author,
            proposed: 0,
        })
    }

    /// A ticket is proposed and approved, while somebody dies at `point`.
    fn approve(&mut self, point: Option<&Point>) -> Result<()> {
        self.proposed += 1;
        let version = self.proposed.to_string();
        let sql = format!("create table t_{version} (id int primary key);\n");
        let (server, author, approvers) = (&self.server, &self.author, &self.approvers);
        let voted = |ground: &mut Ground| {
            let ticket = ground.insist(
                "the ticket",
                |ground| one(ground, "tickets", &format!("version = '{version}'")),
                |_| server.propose(author, &version, &sql).map(drop),
            )?;
            let path = format!("/api/v1/schema/tickets/{}/approve", hyphenated(&ticket));
            for (before, approver) in approvers.iter().enumerate() {
                ground.insist(
                    "a vote",
                    |ground| Ok((votes(ground, &ticket)? > before).then_some(())),
                    |_| approver.post(&path, &json!({"comment": "looks right"})).map(drop),
                )?;
            }
            Ok(ticket)
        };
        let released = |ground: &mut Ground, ticket: &String| {
            let of_ticket = format!("ticket_id = {}", ground.database.id(ticket));
            let release = one(ground, "releases", &of_ticket)?;
            let shown = ground
                .fleet
                .admin
                .get(&format!("/api/v1/schema/tickets/{}", hyphenated(ticket)))?;
            Ok(Found::from_option(release.map(drop), shown))
        };
        let ticket = self.ground.maybe_round(point, voted, released)?;
        let database = &self.ground.database;
        tickets::audit_approved(database, &ticket, &version, &STEPS)?;
        let logged = log::count(database, "release:approve", &hyphenated(&ticket))?;
        ensure!(
            logged == STEPS.len(),
            "{logged} votes are in the audit log, of {}",
            STEPS.len()
        );
        Ok(())
    }

    /// The commits that every one of two runs passes: of each vote, and of the proposal.
    fn list(&mut self) -> Result<Vec<Point>> {
        let mut lists = Vec::new();
        for _ in 0..2 {
            let mark = self.ground.points.mark()?;
            self.approve(None)?;
            lists.push(self.ground.points.since(mark, STEPS.len())?);
        }
        let [first, second] = lists.as_slice() else {
            bail!("two runs")
        };
        let wanted = |point: &&Point| {
            let is_vote = point.name.contains("::schema::decision");
            let is_first = point.name.contains("::schema::open") && point.passing == 1;
            (is_vote || is_first) && second.contains(point)
        };
        Ok(first.iter().filter(wanted).cloned().collect())
    }
}

/// The one row of `table` for which the condition holds, if it is there.
fn one(ground: &Ground, table: &str, condition: &str) -> Result<Option<String>> {
    let rows = ground
        .database
        .rows(&[Id("id")], &format!("{table} where {condition}"))?;
    ensure!(rows.len() < 2, "{} rows of {table} where {condition}", rows.len());
    Ok(rows.first().map(|row| row[0].clone()))
}

fn votes(ground: &Ground, ticket: &str) -> Result<usize> {
    let of_ticket = format!(
        "ticket_approvals where ticket_id = {}",
        ground.database.id(ticket)
    );
    Ok(ground.database.rows(&[Id("ticket_id")], &of_ticket)?.len())
}

fn dies_anywhere(url: Option<String>, suite: &str) -> Result<()> {
    let mut approvals = Approvals::start(url)?;
    let points = approvals.list()?;
    for vote in 1..=STEPS.len() {
        let of_vote = points
            .iter()
            .filter(|point| point.name.contains("decision") && point.passing == vote);
        ensure!(of_vote.count() == 2, "vote {vote} is not one commit: {points:?}");
    }
    for point in &points {
        approvals
            .approve(Some(point))
            .with_context(|| format!("killed at {point}"))?;
    }
    approvals.ground.end(suite, points.len())
}

#[test]
fn each_vote_is_kept_and_the_last_makes_one_release_on_sqlite() -> Result<()> {
    dies_anywhere(None, "an approval on SQLite")
}

#[test]
fn each_vote_is_kept_and_the_last_makes_one_release_on_postgres() -> Result<()> {
    dies_anywhere(Some(env::new_postgres_database()?), "an approval on PostgreSQL")
}
