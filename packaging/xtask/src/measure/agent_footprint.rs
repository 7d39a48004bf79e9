//! Memory and CPU of the resident agent on a host with containers, as it is shipped (`release-small`), beside
//! prometheus-node-exporter scraped at the same interval.

use super::usage::{Usage, Watch};
use crate::interrupt::Interrupt;
use crate::{project, say};
use anyhow::{Context, Result, bail, ensure};
use muster_tests::fleet::agent_options;
use muster_tests::{Api, Fleet, agent, control_plane};
use muster_workbench::process::{Launch, free_port, run};
use muster_workbench::{Env, Service, Workbench, images, tools};
use serde_json::{Value, json};
use std::fs::File;
use std::process::Command;
use std::time::{Duration, Instant};

/// Muster's default, and what Prometheus is often set to.
const INTERVAL: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(30);

/// Measures both for `span`.
pub fn measure(containers: u32, span: Duration, interrupt: &Interrupt) -> Result<Value> {
    tools::install_missing(&[tools::NODE_EXPORTER])?;
    say::note("building the agent as it is shipped (some minutes the first time)");
    muster_tests::programs::use_dir(project::build_programs(interrupt)?);
    let build = [
        "build",
        "--quiet",
        "--profile",
        "release-small",
        "-p",
        "muster-agent",
        "--bins",
    ];
    project::must(interrupt, &mut project::cargo(&build), "the agent's build")?;
    let program = project::bin_dir()
        .with_file_name("release-small")
        .join("muster-agent");

    let bench = Workbench::start(&[Service::Registry])?;
    start_containers(bench.env(), containers)?;
    let dir = tempfile::Builder::new().prefix("muster-measure-").tempdir()?;
    let agent = agent::Options {
        program: Some(program.clone()),
        ..agent_options(bench.env())
    };
    let fleet = Fleet::start_with(bench.env(), dir.path(), control_plane::Options::new()?, agent)?;

    let port = free_port()?;
    let peer_address = format!("--web.listen-address=127.0.0.1:{port}");
    let mut peer = Launch::new("prometheus-node-exporter", &tools::NODE_EXPORTER.path()?)
        .args([peer_address])
        .spawn(dir.path(), &dir.path().join("peer.log"))?;
    let scrape = Api::new(&format!("http://127.0.0.1:{port}"));
    peer.wait_ready(PATIENCE, || scrape.call("GET", "/metrics", None).is_ok())?;

    say::note(format_args!(
        "measuring for {} s with {containers} containers",
        span.as_secs()
    ));
    let agent_watch = Watch::begin(fleet.agent.id().context("the agent does not run")?)?;
    let peer_watch = Watch::begin(peer.id())?;
    let end = Instant::now() + span;
    while Instant::now() < end {
        if interrupt.asked() {
            bail!("interrupted");
        }
        scrape.get_text("/metrics")?;
        std::thread::sleep(INTERVAL.min(end.saturating_duration_since(Instant::now())));
    }
    let (ours, peers): (Usage, Usage) = (agent_watch.read()?, peer_watch.read()?);
    let binary = program.metadata()?.len() as f64 / 1e6;
    Ok(json!({
        "agentRssMiB": round(ours.rss_mib), "agentPssMiB": round(ours.pss_mib), "agentCpuPct": round(ours.cpu_pct),
        "binaryMB": round(binary),
        "peerRssMiB": round(peers.rss_mib), "peerCpuPct": round(peers.cpu_pct),
        "ratioPeerRss": round(ours.rss_mib / peers.rss_mib), "ratioPeerCpu": round(ours.cpu_pct / peers.cpu_pct.max(0.001)),
        "containers": containers, "seconds": span.as_secs(),
    }))
}

fn start_containers(services: &Env, count: u32) -> Result<()> {
    let service = |name: &str| {
        services
            .get(name)
            .with_context(|| format!("{name} was not started"))
    };
    let (host, registry) = (
        service("MUSTER_TEST_DOCKER_HOST")?,
        service("MUSTER_TEST_REGISTRY")?,
    );
    let (user, password) = (
        service("MUSTER_TEST_REGISTRY_USER")?,
        service("MUSTER_TEST_REGISTRY_PASSWORD_FILE")?,
    );
    let image = format!("{}:{}", service("MUSTER_TEST_IMAGE")?, images::GOOD);
    let logins = tempfile::tempdir()?;
    let docker = || {
        let mut command = Command::new("docker");
        command
            .env("DOCKER_HOST", host)
            .env("DOCKER_CONFIG", logins.path());
        command
    };
    let mut login = docker();
    login
        .args(["login", "--username", user, "--password-stdin", registry])
        .stdin(File::open(password)?);
    ensure!(login.output()?.status.success(), "docker login failed");
    for number in 0..count {
        run(docker().args(["run", "--detach", "--name", &format!("busy-{number}"), &image]))?;
    }
    Ok(())
}

fn round(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}
