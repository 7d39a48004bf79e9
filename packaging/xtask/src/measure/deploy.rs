//! A deploy of an image that is on the host already, from the webhook until the new container is healthy, beside
//! what a person would type: `docker stop`, `docker rm`, `docker run`. One after the other, in turns, and nobody leaves
//! the old container time to stop: it would be the same for both.

use super::engine::Engine;
use super::{built, percentile, rounded};
use crate::interrupt::Interrupt;
use crate::say;
use anyhow::{Result, bail, ensure};
use muster_tests::api::text;
use muster_tests::fleet::agent_options;
use muster_tests::job::containers::Application;
use muster_tests::{Fleet, agent, control_plane};
use muster_workbench::process::free_port;
use muster_workbench::{Service, Workbench, images};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const VERSIONS: [&str; 2] = [images::GOOD, images::NEXT];
const PATIENCE: Duration = Duration::from_secs(30);

/// Measures `rounds` deploys of both.
pub fn measure(rounds: usize, interrupt: &Interrupt) -> Result<Value> {
    muster_tests::programs::use_dir(built::control_plane(interrupt)?);
    let programs = built::agent(interrupt)?;
    let bench = Workbench::start(&[Service::Registry])?;
    let dir = tempfile::Builder::new().prefix("muster-measure-").tempdir()?;
    let agent = agent::Options {
        program: Some(programs.join("muster-agent")),
        ..agent_options(bench.env())
    };
    let fleet = Fleet::start_with(bench.env(), dir.path(), control_plane::Options::new()?, agent)?;
    let engine = Engine::new(bench.env())?;
    let registry = fleet.registry()?;
    let port = free_port()?;
    let application = Application::register(&fleet.admin, &registry, &fleet.host, "measured", port)?;
    let path = format!("/api/v1/applications/{}", application.id);
    let mut container = fleet.admin.get(&path)?["container"].clone();
    container["stopGraceMs"] = json!(0);
    // As `docker run` does it.
    container["pullPolicy"] = json!("missing");
    fleet.admin.patch(&path, &json!({"container": container}))?;
    // Both versions come onto the host.
    for version in VERSIONS {
        deploy(&application, version)?;
    }
    let publish = format!("127.0.0.1:{}:{}", free_port()?, images::PORT);
    engine.run("by-hand", VERSIONS[0], &["--publish", &publish])?;

    say::note(format_args!("measuring {rounds} deploys of each"));
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut steps = BTreeMap::new();
    for round in 0..rounds {
        if interrupt.asked() {
            bail!("interrupted");
        }
        let version = VERSIONS[round % VERSIONS.len()];
        let began = Instant::now();
        let id = deploy(&application, version)?;
        ours.push(ms(began));
        let shown = fleet.admin.get(&format!("/api/v1/deployments/{id}"))?;
        note_steps(&shown, &mut steps);
        ensure!(
            application.serving(PATIENCE)? == version,
            "another version serves"
        );
        let began = Instant::now();
        engine.stop_and_remove("by-hand")?;
        engine.run("by-hand", version, &["--publish", &publish])?;
        theirs.push(ms(began));
    }
    let [ours50, ours95] = [0.5, 0.95].map(|share| percentile(&mut ours, share));
    let [theirs50, theirs95] = [0.5, 0.95].map(|share| percentile(&mut theirs, share));
    let steps: BTreeMap<_, _> = steps
        .into_iter()
        .map(|(name, mut took)| (name, percentile(&mut took, 0.5)))
        .collect();
    Ok(json!({
        "p50Ms": rounded(ours50), "p95Ms": rounded(ours95),
        "dockerP50Ms": rounded(theirs50), "dockerP95Ms": rounded(theirs95),
        "ratioP50": rounded(ours50 / theirs50), "ratioP95": rounded(ours95 / theirs95),
        "rounds": rounds, "stepsP50Ms": steps,
    }))
}

/// Its id.
fn deploy(application: &Application, version: &str) -> Result<String> {
    let answer = application.webhook(version, application.token(), true)?;
    let said = answer.json()?;
    ensure!(
        answer.status == 200 && said["success"] == true,
        "the deploy answered {}: {}",
        answer.status,
        answer.text
    );
    Ok(text(&said, "deploymentId")?.to_owned())
}

/// How long each step took.
fn note_steps(deployment: &Value, steps: &mut BTreeMap<String, Vec<f64>>) {
    for step in deployment["steps"].as_array().into_iter().flatten() {
        if let (Some(name), Some(took)) = (step["name"].as_str(), step["durationMs"].as_f64()) {
            steps.entry(name.to_owned()).or_default().push(took);
        }
    }
}

fn ms(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1_000.0
}
