//! From the start of a program until it is of use: the agent until it is connected, the control plane until it is ready,
//! with nothing in its database and with two thousand hosts.

use super::{Args, built, median, rounded};
use crate::interrupt::Interrupt;
use crate::say;
use anyhow::{Context, Result};
use muster_tests::control_plane::{ControlPlane, Options};
use muster_tests::{Agent, Api, agent};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

const ROUNDS: usize = 7;
const PATIENCE: Duration = Duration::from_secs(30);

/// Measures all three.
pub fn measure(args: &Args, interrupt: &Interrupt) -> Result<Value> {
    let programs = built::control_plane(interrupt)?;
    muster_tests::programs::use_dir(programs.clone());
    let agent = built::agent(interrupt)?.join("muster-agent");
    let dir = tempfile::Builder::new().prefix("muster-measure-").tempdir()?;
    let mut plane = ControlPlane::start(&dir.path().join("empty"), Options::new()?)?;
    let agent_ms = agent_start(dir.path(), &plane.admin()?, &agent)?;
    let empty_ms = server_start(&mut plane)?;
    drop(plane);

    let agents = args.agents.unwrap_or(2_000);
    say::note(format_args!("filling a control plane with {agents} hosts"));
    let full = dir.path().join("full");
    std::fs::create_dir(&full)?;
    let mut fill = Command::new(programs.join("muster-simulator"));
    fill.args(["fill", "--agents", &agents.to_string(), "--dir"])
        .arg(&full)
        .env("MUSTER_TEST_BIN_DIR", &programs)
        .stdout(std::process::Stdio::null());
    crate::project::must(interrupt, &mut fill, "the simulator")?;
    let full_ms = server_start(&mut ControlPlane::start(&full, Options::new()?)?)?;
    Ok(json!({
        "agentMs": rounded(agent_ms), "serverEmptyMs": rounded(empty_ms), "serverFullMs": rounded(full_ms),
        "hosts": agents, "rounds": ROUNDS,
    }))
}

/// Until the control plane says that the host is online.
fn agent_start(dir: &Path, admin: &Api, program: &Path) -> Result<f64> {
    let options = agent::Options {
        program: Some(program.to_owned()),
        ..agent::Options::default()
    };
    let mut agent = Agent::join_once(&dir.join("host"), admin, options)?;
    let mut times = Vec::new();
    for _ in 0..=ROUNDS {
        until(|| is_online(admin))?;
        agent.stop();
        until(|| Ok(!is_online(admin)?))?;
        let began = Instant::now();
        agent.run()?;
        until(|| is_online(admin))?;
        times.push(began.elapsed().as_secs_f64() * 1_000.0);
    }
    median(times).context("nothing was measured")
}

fn is_online(admin: &Api) -> Result<bool> {
    let hosts = admin.get("/api/v1/hosts")?;
    Ok(hosts["items"][0]["status"] == "online")
}

/// Until the control plane says that it can serve.
fn server_start(plane: &mut ControlPlane) -> Result<f64> {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        plane.stop();
        let api = plane.api();
        let began = Instant::now();
        // Looks more often than the harness does, which must not be hurried for everybody else.
        let ready = thread::spawn(move || -> Result<Duration> {
            until(|| {
                Ok(api
                    .call("GET", "/readyz", None)
                    .is_ok_and(|answer| answer.status == 200))
            })?;
            Ok(began.elapsed())
        });
        plane.serve()?;
        let ready = ready.join().ok().context("the watching thread panicked")??;
        times.push(ready.as_secs_f64() * 1_000.0);
    }
    median(times).context("nothing was measured")
}

fn until(mut there: impl FnMut() -> Result<bool>) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    while !there()? {
        anyhow::ensure!(Instant::now() < end, "waited {} s in vain", PATIENCE.as_secs());
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}
