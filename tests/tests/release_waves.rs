//! One release over four databases behind two real agents, in waves: the canary first, halted by the first failure with
//! those after it untouched, and resumed once a person has decided. The record says so, and nothing runs twice.

use anyhow::{Context as _, Result, ensure};
use muster_tests::api::text;
use muster_tests::fleet::{PATIENCE, agent_options};
use muster_tests::job::releases::{Kind, Server, publish_to};
use muster_tests::job::{hosts, people};
use muster_tests::{Agent, Api, Fleet};
use muster_workbench::Env;
use serde_json::{Value, json};

/// The one that fails at first: the second wave.
const FAILING: usize = 1;

#[test]
fn waves_halt_and_are_resumed_on_postgres() -> Result<()> {
    waves(Kind::Postgres)
}

#[test]
fn waves_halt_and_are_resumed_on_mariadb() -> Result<()> {
    waves(Kind::Mysql)
}

fn waves(kind: Kind) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let services = Env::from_process();
    let fleet = Fleet::start(&services, dir.path())?;
    let _second = Agent::join_once(&dir.path().join("second"), &fleet.admin, agent_options(&services))?;
    let online = hosts::await_online(&fleet.admin, 2, PATIENCE)?;
    let other = online.iter().find(|host| host["id"] != fleet.host["id"]);
    let other = other.context("there is one host only")?;
    let author = people::add(&fleet.admin, "ada", "MEMBER")?;
    let approver = people::add(&fleet.admin, "ben", "ADMIN")?;
    let servers: Vec<Server> = [&fleet.host, other, &fleet.host, other]
        .into_iter()
        .map(|host| Server::register(&fleet.admin, &services, host, kind))
        .collect::<Result<_>>()?;
    let servers = Servers(servers.iter().collect());

    // Everywhere the same, and nothing in the way: two waves, and a word in between.
    let mail = |not_null| json!({"name": "mail", "dataType": "varchar(80)", "notNull": not_null});
    let first = servers.released(&author, &approver, "1.0", &mail(false))?;
    let waves = json!({"servers": servers.labels(), "waves": [1], "pauseAfterFirst": true});
    let rollout = roll_out(&approver, &first, &waves)?;
    let paused = stands(&approver, &rollout, "paused")?;
    assert_eq!(servers.begun(&paused), [true, false, false, false], "{paused}");
    ensure!(servers.0[0].query("select mail from account").is_ok());
    ensure!(
        servers.0[1].query("select mail from account").is_err(),
        "a later wave began before its time"
    );
    approver.post(&format!("{rollout}/continue"), &json!({}))?;
    let ended = stands(&approver, &rollout, "success")?;
    assert_eq!(servers.statuses(&ended), ["success"; 4], "{ended}");

    // One database holds a row that the next release can't do with.
    for server in &servers.0 {
        server.query("insert into account (id, mail) values (1, 'ada@example.org')")?;
    }
    servers.0[FAILING].query("insert into account (id, mail) values (2, null)")?;
    let second = servers.released(&author, &approver, "1.1", &mail(true))?;
    let waves = json!({"servers": servers.labels(), "waves": [1, 1]});
    let rollout = roll_out(&approver, &second, &waves)?;
    let halted = stands(&approver, &rollout, "halted")?;
    assert_eq!(servers.begun(&halted), [true, true, false, false], "{halted}");
    let statuses = servers.statuses(&halted);
    assert_eq!(statuses[0], "success", "{halted}");
    ensure!(
        ["rolledBack", "failure"].contains(&statuses[1].as_str()),
        "{halted}"
    );
    let reason = text(&halted, "reason")?;
    ensure!(reason.contains(&servers.0[FAILING].label), "{reason}");
    ensure!(
        !text(&halted["servers"][FAILING], "error")?.is_empty(),
        "{halted}"
    );
    assert_eq!(
        servers.takes_nulls()?,
        [false, true, true, true],
        "what is said and what is there differ: {halted}"
    );
    assert_eq!(
        executions(&approver, &second)?.len(),
        2,
        "somebody else was begun"
    );

    // A person looks, decides, mends the row, and has it go on.
    ensure!(
        approver
            .call("POST", &format!("{rollout}/continue"), Some(&json!({})))?
            .status
            == 409,
        "what was halted is resumed"
    );
    servers.0[FAILING].query("update account set mail = 'ben@example.org' where id = 2")?;
    approver.post(&format!("{rollout}/resume"), &json!({}))?;
    let ended = stands(&approver, &rollout, "success")?;
    assert_eq!(servers.statuses(&ended), ["success"; 4], "{ended}");
    assert_eq!(servers.takes_nulls()?, [false; 4]);
    for (nth, server) in servers.0.iter().enumerate() {
        let rows = if nth == FAILING { "2" } else { "1" };
        assert_eq!(
            server.query("select count(*) from account")?,
            rows,
            "rows survive"
        );
    }

    // The record: once everywhere, and where it failed once more.
    let record = executions(&approver, &second)?;
    assert_eq!(record.len(), 5, "{record:?}");
    for (nth, server) in servers.0.iter().enumerate() {
        let of_it: Vec<&Value> = record
            .iter()
            .filter(|execution| execution["serverLabel"] == server.label.as_str())
            .collect();
        assert_eq!(
            of_it.len(),
            if nth == FAILING { 2 } else { 1 },
            "on {nth}: {of_it:?}"
        );
        let successes = of_it.iter().filter(|execution| execution["status"] == "success");
        assert_eq!(successes.count(), 1, "on {nth}: {of_it:?}");
    }
    Ok(())
}

/// The servers, in the order of the waves.
struct Servers<'a>(Vec<&'a Server>);

impl Servers<'_> {
    fn labels(&self) -> Vec<&str> {
        self.0.iter().map(|server| server.label.as_str()).collect()
    }

    /// Designs the column, publishes it to all and has it approved; the release's path.
    fn released(&self, author: &Api, approver: &Api, version: &str, column: &Value) -> Result<String> {
        let ticket = publish_to(author, &self.0, version, std::slice::from_ref(column))?;
        let approved = approver.post(&format!("{ticket}/approve"), &json!({"comment": "looks right"}))?;
        Ok(format!(
            "/api/v1/schema/releases/{}",
            text(&approved, "releaseId")?
        ))
    }

    fn begun(&self, rollout: &Value) -> Vec<bool> {
        self.each(rollout, |server| !server["executionId"].is_null())
    }

    fn statuses(&self, rollout: &Value) -> Vec<String> {
        self.each(rollout, |server| {
            server["executionStatus"].as_str().unwrap_or_default().to_owned()
        })
    }

    fn each<T>(&self, rollout: &Value, what: impl Fn(&Value) -> T) -> Vec<T> {
        let rows = rollout["servers"].as_array();
        self.0
            .iter()
            .map(|server| {
                let label = server.label.as_str();
                let row = rows.into_iter().flatten().find(|row| row["serverLabel"] == label);
                what(row.unwrap_or(&Value::Null))
            })
            .collect()
    }

    /// Whether the column of each may be left out, as the database itself says.
    fn takes_nulls(&self) -> Result<Vec<bool>> {
        let ask = |server: &&Server| {
            let schema = match server.kind() {
                Kind::Postgres => "current_schema()",
                Kind::Mysql => "database()",
            };
            let answer = server.query(&format!(
                "select is_nullable from information_schema.columns where table_schema = {schema} \
                 and table_name = 'account' and column_name = 'mail'"
            ))?;
            Ok(answer == "YES")
        };
        self.0.iter().map(ask).collect()
    }
}

/// Begins a rollout; its path.
fn roll_out(approver: &Api, release: &str, waves: &Value) -> Result<String> {
    let rolling = approver.post(&format!("{release}/rollouts"), waves)?;
    Ok(format!(
        "/api/v1/schema/rollouts/{}",
        text(&rolling, "rolloutId")?
    ))
}

/// The rollout, once it stands so.
fn stands(api: &Api, rollout: &str, status: &str) -> Result<Value> {
    let all = ["paused", "halted", "success", "cancelled"];
    let others: Vec<&str> = all.into_iter().filter(|other| *other != status).collect();
    // What was just resumed still says "halted" for nobody: the word is written before the answer.
    api.await_field(rollout, "status", &[status], &others, 2 * PATIENCE)
}

/// Every execution of a release.
fn executions(api: &Api, release: &str) -> Result<Vec<Value>> {
    let id = release.rsplit('/').next().unwrap_or_default();
    api.list(&format!("/api/v1/schema/executions?release={id}"))
}
