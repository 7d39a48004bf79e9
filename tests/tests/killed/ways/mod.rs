//! Ways to break a deploy, in one table: what goes wrong, what the record says, and what serves after.
//!
//! Everything is real: control plane, agent, worker, an engine of the story's own, an authenticated registry behind a
//! proxy that fails when it is told to, and a wire between agent and control plane that can be cut. After each way the
//! record is held against what is there: the old version serves, or the new one is healthy; one container bears the name;
//! deployment, order and container agree; no step goes on. The agent's own suite (`agent/tests/orders/faults`) has more
//! moments of each kind, the other suites of this folder have every point; here is what people ask for, side by side.

mod death;
mod hosts;
mod registry;
mod versions;

use crate::ground::{Ground, PATIENCE};
use anyhow::{Context as _, Result, ensure};
use muster_auditor::Containers;
use muster_tests::agent;
use muster_tests::api::text;
use muster_tests::env::docker;
use muster_tests::job::containers::Application;
use muster_tests::wait::{self, Found};
use muster_workbench::net::Wire;
use muster_workbench::proxy::{Endpoint, Proxy};
use muster_workbench::{OwnEngine, OwnEngineOptions, images, process};
use serde_json::{Value, json};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;

/// Room for the images, and no more than a file can fill.
const DATA_MIB: u32 = 96;
/// What the table must hold at least.
const WAYS: usize = 35;
const ENDS: [&str; 5] = ["success", "failure", "cancelled", "rolledBack", "superseded"];

/// One application on a host where much goes wrong.
struct Ways {
    // The agent stops before its wire, and the engine goes last.
    ground: Ground,
    application: Application,
    container: Containers,
    registry: Proxy,
    wire: Wire,
    /// What a container that is not broken looks like.
    spec: Value,
    /// The version that is to serve, and the order that its container is of.
    serves: &'static str,
    order: String,
    rows: Vec<[String; 4]>,
    wrong: Vec<String>,
    engine: OwnEngine,
}

/// How a way may end.
#[derive(Clone, Copy)]
enum End {
    /// The new version serves.
    New(&'static str),
    /// The old one serves on; the deployment has this status.
    Old(&'static str),
}

const PUT_BACK: End = End::Old("rolledBack");

impl Ways {
    fn start() -> Result<Self> {
        let engine = OwnEngine::start(&OwnEngineOptions {
            data_mib: Some(DATA_MIB),
            download_attempts: Some(1),
        })?;
        let port = muster_tests::control_plane::free_udp_port()?;
        let wire = Wire::lay(Ipv4Addr::LOCALHOST, (Ipv4Addr::LOCALHOST, port).into(), 7)?;
        let agent = agent::Options {
            policy: "[images]\nregistries = [\"127.0.0.1:*\"]\n".to_owned(),
            docker_host: Some(engine.host().to_owned()),
            ..agent::Options::default()
        };
        let ground = Ground::behind(port, wire.address(), agent)?;
        let fleet = &ground.fleet;
        let mut address = fleet.registry()?;
        let registry = Proxy::tcp(Endpoint::Tcp(address.address.parse::<SocketAddr>()?))?;
        address.address = format!("127.0.0.1:{}", registry.port()?);
        let (name, free) = (format!("ways-{}", registry.port()?), process::free_port()?);
        let application = Application::register(&fleet.admin, &address, &fleet.host, &name, free)?;
        let path = format!("/api/v1/applications/{}", application.id);
        let mut spec = fleet.admin.get(&path)?["container"].clone();
        spec["stopGraceMs"] = json!(0);
        spec["restart"] = json!("no");
        spec["healthTimeoutMs"] = json!(5_000);
        let ways = Self {
            container: Containers::new(engine.host(), &name),
            ground,
            application,
            registry,
            wire,
            spec,
            serves: images::GOOD,
            order: String::new(),
            rows: Vec::new(),
            wrong: Vec::new(),
            engine,
        };
        ways.describe(|_| ())?;
        Ok(ways)
    }

    /// Describes the container anew: as it is when nothing is wrong, but for `change`.
    fn describe(&self, change: impl FnOnce(&mut Value)) -> Result<()> {
        let mut spec = self.spec.clone();
        change(&mut spec);
        let path = format!("/api/v1/applications/{}", self.application.id);
        self.ground
            .fleet
            .admin
            .patch(&path, &json!({"container": spec}))?;
        Ok(())
    }

    /// The version that does not serve.
    fn other(&self) -> &'static str {
        if self.serves == images::GOOD {
            images::NEXT
        } else {
            images::GOOD
        }
    }

    /// Asks for a version as CI does that does not wait.
    fn ask(&self, version: &str) -> Result<String> {
        ask(&self.application, version)
    }

    fn deployment(&self, id: &str) -> Result<Value> {
        self.ground.fleet.admin.get(&format!("/api/v1/deployments/{id}"))
    }

    fn await_end(&self, id: &str) -> Result<Value> {
        wait::until("the deployment's end", 2 * PATIENCE, || {
            let shown = self.deployment(id)?;
            let ended = ENDS.contains(&text(&shown, "status")?);
            Ok(if ended {
                Found::Yes(shown)
            } else {
                Found::No(shown["status"].to_string())
            })
        })
    }

    /// Waits until the host's step `name` goes on.
    fn await_step(&self, id: &str, name: &str) -> Result<()> {
        wait::until(&format!("the step {name}"), PATIENCE, || {
            let shown = self.deployment(id)?;
            let steps = shown["steps"].as_array().context("no steps")?;
            let goes_on = steps
                .iter()
                .any(|step| step["name"] == name && step["status"] == "running");
            Ok(Found::from_option(
                goes_on.then_some(()),
                shown["steps"].to_string(),
            ))
        })
    }

    /// Waits until the host has this status.
    fn await_host(&self, status: &str) -> Result<()> {
        let path = format!("/api/v1/hosts/{}", text(&self.ground.fleet.host, "id")?);
        wait::until(&format!("the host to be {status}"), PATIENCE, || {
            let host = self.ground.fleet.admin.get(&path)?;
            Ok(Found::from_option((host["status"] == status).then_some(()), host))
        })
    }

    /// Waits until there is an order for the host.
    fn await_order(&self, id: &str) -> Result<()> {
        wait::until("an order for the host", PATIENCE, || {
            let shown = self.deployment(id)?;
            let order = shown["hosts"][0]["orderId"].as_str().map(drop);
            Ok(Found::from_option(order, shown))
        })
    }

    /// Deploys `version` with nothing else happening meanwhile, and holds the end against what is there.
    fn deploy(&mut self, way: &str, version: &'static str, end: End, says: &[&str]) -> Result<()> {
        let id = self.ask(version).context(way.to_owned())?;
        self.check(way, &id, end, says)
    }

    /// Waits for the end of the deployment `id` and holds it against what is there. What does not hold is told at the end
    /// of the table.
    fn check(&mut self, way: &str, id: &str, end: End, says: &[&str]) -> Result<()> {
        let shown = self.await_end(id).context(way.to_owned())?;
        let status = text(&shown, "status")?.to_owned();
        let words = shown["error"].as_str().unwrap_or_default().to_owned();
        let held = self.holds(&shown, end, says);
        if let Err(error) = &held {
            self.wrong.push(format!("{way}: {error:#}: {shown}"));
            // The ways after this one begin with what there is.
            self.order = self.container.the_one().context(way.to_owned())?.order;
            let serving = self.application.serving(PATIENCE)?;
            self.serves = if serving == images::GOOD {
                images::GOOD
            } else {
                images::NEXT
            };
        }
        let serves = match (held, end) {
            (Err(error), _) => format!("WRONG: {error:#}"),
            (Ok(()), End::New(version)) => format!("the new one, {version}"),
            (Ok(()), End::Old(_)) => format!("the old one, {}", self.serves),
        };
        self.rows.push([way.to_owned(), status, serves, words]);
        Ok(())
    }

    fn holds(&mut self, shown: &Value, end: End, says: &[&str]) -> Result<()> {
        let status = text(shown, "status")?;
        let (wanted, version) = match end {
            End::New(version) => ("success", version),
            End::Old(status) => (status, self.serves),
        };
        ensure!(status == wanted, "the record says {status}");
        let error = shown["error"].as_str().unwrap_or_default();
        for part in says {
            ensure!(error.contains(part), "{part:?} is not in {error:?}");
        }
        let steps = shown["steps"].as_array().context("no steps")?;
        let goes_on = steps.iter().find(|step| step["status"] == "running");
        ensure!(goes_on.is_none(), "{goes_on:?} goes on after the end");
        self.orders_agree(shown)?;
        // An engine that was restarted just now takes a moment to start what ran.
        let serving = self.application.serving(PATIENCE)?;
        ensure!(serving == version, "{serving} serves, not {version}");
        let container = self.container.the_one()?;
        if wanted == "success" {
            let orders = shown["hosts"].as_array().context("no hosts")?;
            let order = orders.first().and_then(|host| host["orderId"].as_str());
            order.context("no order")?.clone_into(&mut self.order);
            self.serves = version;
        }
        ensure!(
            container.order == self.order,
            "the container is of the order {}, not of {}",
            container.order,
            self.order
        );
        Ok(())
    }

    /// The deployment, its host and its order say the same.
    fn orders_agree(&self, shown: &Value) -> Result<()> {
        for host in shown["hosts"].as_array().context("no hosts")? {
            let Some(order) = host["orderId"].as_str() else {
                continue;
            };
            let order = self.ground.fleet.admin.get(&format!("/api/v1/orders/{order}"))?;
            let state = match text(shown, "status")? {
                "success" => "done",
                // By the host's own policy.
                "failure" => "refused",
                status => status,
            };
            ensure!(
                order["state"] == state,
                "the order is {}, not {state}",
                order["state"]
            );
            let errors = [&host["error"], &order["error"]];
            ensure!(
                errors.iter().all(|error| **error == shown["error"]),
                "others say {errors:?}"
            );
        }
        Ok(())
    }

    /// Deploys `version`, which nothing keeps from it: no way to break anything.
    fn prepare(&mut self, version: &'static str) -> Result<()> {
        self.deploy("nothing goes wrong", version, End::New(version), &[])?;
        self.rows.pop();
        Ok(())
    }

    /// Speaks with the registry about the manifest `reference`.
    fn ask_registry(&self, reference: &str, arguments: &[&str]) -> Result<()> {
        let registry = self.ground.fleet.registry()?;
        let config = self.ground.dir().join("curl");
        // Not among the arguments, which anybody may see.
        fs::write(
            &config,
            format!("user = \"{}:{}\"\n", registry.user, registry.password),
        )?;
        let url = format!(
            "http://{}/v2/{}/manifests/{reference}",
            registry.address,
            images::REPOSITORY
        );
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--fail", "--config"])
            .arg(&config);
        curl.args(["--header", &format!("Accept: {}", registry::MANIFEST)]);
        process::run(curl.args(arguments).arg(&url))?;
        Ok(())
    }

    /// As [`Self::check`], where either end is right.
    fn check_either(&mut self, way: &str, id: &str) -> Result<()> {
        let ended = self.await_end(id)?;
        let new = ended["status"] == "success";
        self.check(way, id, if new { End::New(self.other()) } else { PUT_BACK }, &[])
    }

    fn name(&self) -> Result<String> {
        Ok(self.spec["name"].as_str().context("no name")?.to_owned())
    }

    /// The engine's own client.
    fn docker(&self, arguments: &[&str]) -> Result<String> {
        docker(self.engine.host(), arguments)
    }

    #[expect(clippy::print_stdout, reason = "the table, for whoever runs it")]
    fn end(self) -> Result<()> {
        println!("| way | the record | serves after | the record says |\n|---|---|---|---|");
        for [way, status, serves, words] in &self.rows {
            println!("| {way} | {status} | {serves} | {} |", words.replace('|', "/"));
        }
        println!("{} ways to break a deploy", self.rows.len());
        ensure!(self.wrong.is_empty(), "{}", self.wrong.join("\n"));
        ensure!(self.rows.len() >= WAYS, "{} ways", self.rows.len());
        self.container.remove()
    }
}

fn ask(application: &Application, version: &str) -> Result<String> {
    let answer = application.webhook(version, application.token(), false)?;
    let answer = answer.json().context(answer.text.clone())?;
    Ok(text(&answer, "deploymentId")?.to_owned())
}

#[test]
fn whatever_breaks_a_deploy_the_old_version_serves_or_the_new_one_is_healthy() -> Result<()> {
    let mut ways = Ways::start()?;
    hosts::a_name_that_somebody_has(&mut ways)?;
    ways.prepare(images::GOOD)?;
    registry::all(&mut ways)?;
    versions::all(&mut ways)?;
    hosts::all(&mut ways)?;
    death::all(&mut ways)?;
    ways.end()
}
