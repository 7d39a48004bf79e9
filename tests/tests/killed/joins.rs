//! Agent and control plane die at every point of a join: the host joins by the same command, once, and the token is spent
//! once.

use crate::ground::{Ground, PATIENCE};
use anyhow::{Context as _, Result, ensure};
use muster_auditor::database::Column::{Bytes, Id, Text};
use muster_auditor::points::Point;
use muster_tests::fleet::agent_options;
use muster_tests::wait::{self, Found};
use muster_tests::{Agent, agent, env};
use serde_json::{Value, json};
use std::fs;
use std::thread;

struct Joins {
    ground: Ground,
    /// Hosts that have joined; the fleet's own is one.
    hosts: usize,
}

impl Joins {
    fn prepare(&mut self) -> Result<(Agent, Value)> {
        self.hosts += 1;
        let options = agent::Options {
            env: vec![self.ground.points.variable()],
            ..agent_options(self.ground.fleet.services())
        };
        let agent = Agent::prepare(&self.ground.dir().join(format!("host-{}", self.hosts)), options)?;
        let token = json!({"uses": 1, "expiresInS": 600});
        Ok((
            agent,
            self.ground.fleet.admin.post("/api/v1/join-tokens", &token)?,
        ))
    }

    /// The points that a join passes, in both programs.
    fn list(&mut self) -> Result<Vec<Point>> {
        let (agent, grant) = self.prepare()?;
        let mark = self.ground.points.mark()?;
        agent.enrol(&grant)?;
        let mut points = self.ground.points.since(mark, 1)?;
        points.retain(|point| {
            let (program, name) = point.name.split_once(':').unwrap_or_default();
            match program {
                // The fleet's own agent goes on with its own work meanwhile.
                "muster-agent" => {
                    name.starts_with("join.") || name.starts_with("file.") && !name.contains("status")
                }
                _ => name.contains("fleet::enrolment"),
            }
        });
        Ok(points)
    }

    fn round(&mut self, point: &Point) -> Result<()> {
        let (mut agent, grant) = self.prepare()?;
        // Until it has joined, as a person would: by the same command.
        self.ground.round(
            point,
            |ground| {
                wait::until("the host to join", PATIENCE, || {
                    ground.start_what_died()?;
                    let joined = thread::scope(|scope| {
                        let join = scope.spawn(|| agent.enrol(&grant));
                        wait::until("the join to end", PATIENCE, || {
                            ground.start_what_died()?;
                            let ended = join.is_finished().then_some(());
                            Ok(Found::from_option(ended, "it goes on"))
                        })?;
                        Ok::<_, anyhow::Error>(join.join())
                    })?;
                    let said = joined.map_err(|_| anyhow::anyhow!("the join panicked"))?;
                    let has_identity = agent.data().join("resident/identity.json").exists();
                    Ok(if has_identity {
                        Found::Yes(())
                    } else {
                        Found::No(format!("{said:?}"))
                    })
                })
            },
            |_, ()| Ok(Found::Yes(())),
        )?;
        self.audit(&mut agent, &grant)
            .with_context(|| format!("killed at {point}"))
    }

    fn audit(&self, agent: &mut Agent, grant: &Value) -> Result<()> {
        let database = &self.ground.database;
        let hosts = database.rows(
            &[Id("id"), Bytes("seal_public_key")],
            "hosts where deleted_at is null",
        )?;
        ensure!(
            hosts.len() == self.hosts,
            "{} hosts for {} machines",
            hosts.len(),
            self.hosts
        );
        let token = database.id(grant["id"].as_str().context("no token")?);
        let spent = database.rows(&[Text("uses_left")], &format!("join_tokens where id = {token}"))?;
        ensure!(spent == [["0"]], "{spent:?} uses are left");
        let uses = database.rows(
            &[Id("host_id")],
            &format!("join_token_uses where token_id = {token}"),
        )?;
        ensure!(uses.len() == 1, "{} hosts by one use", uses.len());
        let seal_key = fs::read_to_string(agent.data().join("resident/seal.pub"))?;
        let known = hosts
            .iter()
            .find(|host| host[0] == uses[0][0])
            .context("no such host")?;
        ensure!(
            known[1] == seal_key.trim(),
            "secrets would be sealed to another key than the host's"
        );
        ensure!(agent.enrol(grant).is_err(), "a host that has joined joined again");
        let kept = agent.data().join("worker/join.json");
        ensure!(!kept.exists(), "the keys of a join are kept beyond its end");

        agent.run()?;
        let seen = format!(
            "hosts where last_seen_at is not null and id = {}",
            database.id(&uses[0][0])
        );
        wait::until("the host to be seen", PATIENCE, || {
            let seen = database.rows(&[Id("id")], &seen)?;
            Ok(Found::from_option(seen.first().map(|_| ()), agent.last_words()))
        })?;
        ensure!(agent.stop(), "the agent did not stop by itself");
        Ok(())
    }
}

fn dies_anywhere(url: Option<String>) -> Result<()> {
    let agent = agent_options(&muster_workbench::Env::from_process());
    let mut joins = Joins {
        ground: Ground::start(url, 10, agent)?,
        hosts: 1,
    };
    // What only one of two joins passes is not a join's: the fleet's own host tells something now and then.
    let mut points = joins.list()?;
    let again = joins.list()?;
    points.retain(|point| again.contains(point));
    for program in ["muster-agent", "muster"] {
        ensure!(
            points.iter().any(|point| point.program() == program),
            "no points of {program}"
        );
    }
    for point in &points {
        joins.round(point)?;
    }
    joins.ground.end("a join", points.len())
}

#[test]
fn a_host_joins_once_on_sqlite() -> Result<()> {
    dies_anywhere(None)
}

#[test]
fn a_host_joins_once_on_postgres() -> Result<()> {
    dies_anywhere(Some(env::new_postgres_database()?))
}
