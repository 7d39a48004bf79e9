//! A service that is handed over from version to version while clients ask it all the time, and while its host's agent is
//! restarted: by SIGTERM and by SIGKILL in turns, between deployments and in the middle of each.

use crate::job::containers::Application;
use crate::load::{Came, Load};
use crate::wait::{self, Found};
use crate::{Api, Fleet, api};
use anyhow::{Context as _, Result, ensure};
use muster_workbench::{images, process};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_mins(3);
/// Requests between two deployments, at least.
const REQUESTS: usize = 200;
/// Versions, and whether their server keeps connections.
const DEPLOYMENTS: [(&str, bool); 5] = [
    (images::NEXT, false),
    (images::GOOD, true),
    (images::NEXT, true),
    (images::GOOD, true),
    (images::NEXT, false),
];
/// The step of each deployment at which its agent is restarted; none: as soon as it is asked for.
const MOMENTS: [Option<&str>; 5] = [
    None,
    Some("start-new"),
    Some("health"),
    Some("switch"),
    Some("drain"),
];
const ENDS: [&str; 4] = ["success", "failure", "cancelled", "rolledBack"];

/// What to try.
#[derive(Debug, Clone, Copy)]
pub struct Trial {
    /// Clients at a time, half of which keep their connections.
    pub clients: usize,
    /// How long they ask, at least.
    pub least: Duration,
    /// Whether the agent is restarted meanwhile.
    pub restarts: bool,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What clients got.
    pub came: Came,
    /// Deployments, all of which succeeded.
    pub deployments: usize,
    /// How often the agent was ended and started again.
    pub agent_restarts: usize,
    /// How often of these a deployment had not ended by then.
    pub in_the_middle: usize,
    /// How long clients asked.
    pub took: Duration,
}

/// The service.
pub struct Service {
    application: Application,
    admin: Api,
    port: u16,
}

impl Service {
    /// Registers it on the fleet's host, and deploys it once: from then on the front listens.
    pub fn start(fleet: &Fleet) -> Result<Self> {
        let port = process::free_port()?;
        let name = format!("handed-{port}");
        let application = Application::register(&fleet.admin, &fleet.registry()?, &fleet.host, &name, port)?;
        let service = Self {
            application,
            admin: fleet.admin.clone(),
            port,
        };
        service.shape(&name, false)?;
        let first = service.application.deploy(images::GOOD)?;
        ensure!(first["status"] == "success", "the first deployment: {first}");
        service.application.serving(PATIENCE)?;
        Ok(service)
    }

    /// Its container from the next deployment on, with the image's own server or with one that keeps connections.
    fn shape(&self, name: &str, keeps: bool) -> Result<()> {
        let health = if keeps {
            json!({"type": "tcp", "port": images::PORT, "intervalMs": 100, "timeoutMs": 1_000})
        } else {
            json!({"type": "http", "port": images::PORT, "path": "/healthz", "intervalMs": 100, "timeoutMs": 1_000})
        };
        let mut container = json!({
            "name": name,
            "ports": [{"host": self.port, "container": images::PORT, "hostIp": "127.0.0.1"}],
            "healthCheck": health,
            "healthTimeoutMs": 60_000,
            "stopGraceMs": 1_000,
            "strategy": {"type": "handover", "protocol": "http", "graceMs": 10_000},
        });
        if keeps {
            container["command"] = json!(keeping_server());
        }
        let path = format!("/api/v1/applications/{}", self.application.id);
        self.admin.patch(&path, &json!({"container": container}))?;
        Ok(())
    }

    /// Hands it over five times while clients ask, and says what they got.
    pub fn under_load(&self, fleet: &mut Fleet, trial: Trial) -> Result<Outcome> {
        let began = Instant::now();
        let name = format!("handed-{}", self.port);
        let pause = trial.least / u32::try_from(DEPLOYMENTS.len() + 1)?;
        let load = Load::on(self.port, trial.clients);
        let (mut agent_restarts, mut in_the_middle) = (0, 0);
        for ((version, keeps), moment) in DEPLOYMENTS.into_iter().zip(MOMENTS) {
            load.await_more(REQUESTS, pause)?;
            self.shape(&name, keeps)?;
            if trial.restarts {
                restart(fleet, &mut agent_restarts)?;
                load.await_more(REQUESTS, Duration::ZERO)?;
            }
            let id = self.ask(version)?;
            if trial.restarts {
                let seen = self.await_moment(&id, moment)?;
                in_the_middle += usize::from(!has_ended(&seen));
                restart(fleet, &mut agent_restarts)?;
            }
            let ended = wait::until(&format!("the end of {version}"), PATIENCE, || {
                let seen = self.get(&id)?;
                Ok(if has_ended(&seen) {
                    Found::Yes(seen)
                } else {
                    Found::No(seen["steps"].to_string())
                })
            })?;
            ensure!(ended["status"] == "success", "{version}: {ended}");
        }
        load.await_more(REQUESTS, pause)?;
        let took = began.elapsed();
        let came = load.end()?;
        let last = DEPLOYMENTS.last().map(|(version, _)| *version);
        let serves = self.application.serving(PATIENCE)?;
        ensure!(Some(serves.as_str()) == last, "{serves} serves");
        Ok(Outcome {
            came,
            deployments: DEPLOYMENTS.len(),
            agent_restarts,
            in_the_middle,
            took,
        })
    }

    /// Asks for a version, and does not wait.
    fn ask(&self, version: &str) -> Result<String> {
        let answer = self
            .application
            .webhook(version, self.application.token(), false)?;
        ensure!(
            (200..300).contains(&answer.status),
            "the webhook answered {}: {}",
            answer.status,
            answer.text
        );
        Ok(api::text(&answer.json()?, "deploymentId")?.to_owned())
    }

    fn get(&self, id: &str) -> Result<Value> {
        self.admin.get(&format!("/api/v1/deployments/{id}"))
    }

    /// The deployment, when it is at this step or has ended.
    fn await_moment(&self, id: &str, step: Option<&str>) -> Result<Value> {
        wait::until(&format!("step {step:?}"), PATIENCE, || {
            let seen = self.get(id)?;
            let steps = seen["steps"].as_array().context("no steps")?;
            let is_there = step.is_none_or(|name| steps.iter().any(|one| one["name"] == name));
            Ok(if is_there || has_ended(&seen) {
                Found::Yes(seen)
            } else {
                Found::No(seen["steps"].to_string())
            })
        })
    }
}

impl Outcome {
    /// The numbers.
    pub fn to_json(&self) -> Value {
        let all = self.came.all();
        json!({
            "requests": all.requests, "failed": all.failed,
            "keepAlive": self.came.keep_alive.to_json(), "closing": self.came.closing.to_json(),
            "deployments": self.deployments, "agentRestarts": self.agent_restarts,
            "restartsInTheMiddle": self.in_the_middle, "seconds": self.took.as_secs(),
        })
    }
}

fn has_ended(deployment: &Value) -> bool {
    deployment["status"]
        .as_str()
        .is_some_and(|status| ENDS.contains(&status))
}

/// Ends the agent, by SIGKILL and by SIGTERM in turns, and starts it again.
fn restart(fleet: &mut Fleet, count: &mut usize) -> Result<()> {
    if count.is_multiple_of(2) {
        fleet.agent.kill()?;
    } else {
        ensure!(fleet.agent.stop(), "the agent did not stop by itself");
    }
    *count += 1;
    fleet.agent.run()
}

/// A server that answers one request after another on each connection, with the version of its image.
fn keeping_server() -> Vec<String> {
    let answer = r"HTTP/1.1 200 OK\r\nContent-Length: ${#v}\r\n\r\n$v";
    let each = format!(
        "read -r v < /www/version; while read -r line; do case \"$line\" in ?) printf \"{answer}\";; esac; done"
    );
    let script = format!(
        "echo '{each}' > /serve; exec /bin/busybox nc -ll -p {} -e /bin/busybox sh /serve",
        images::PORT
    );
    ["/bin/busybox", "sh", "-c", &script].map(str::to_owned).to_vec()
}
