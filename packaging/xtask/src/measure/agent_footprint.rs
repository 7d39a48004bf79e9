//! Memory and CPU of the resident agent on a host with containers, as it is shipped (`release-small`), beside
//! prometheus-node-exporter scraped at the same interval.

use super::engine::Engine;
use super::{built, rounded};
use crate::interrupt::Interrupt;
use crate::say;
use anyhow::{Context, Result, bail};
use muster_tests::fleet::agent_options;
use muster_tests::usage::{Usage, Watch};
use muster_tests::{Api, Fleet, agent, control_plane};
use muster_workbench::process::{Launch, free_port};
use muster_workbench::{Service, Workbench, images, tools};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

/// Muster's default, and what Prometheus is often set to.
const INTERVAL: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(30);

/// Measures both for `span`.
pub fn measure(containers: u32, span: Duration, interrupt: &Interrupt) -> Result<Value> {
    tools::install_missing(&[tools::NODE_EXPORTER])?;
    muster_tests::programs::use_dir(built::control_plane(interrupt)?);
    let program = built::agent(interrupt)?.join("muster-agent");

    let bench = Workbench::start(&[Service::Registry])?;
    let engine = Engine::new(bench.env())?;
    for number in 0..containers {
        engine.run(&format!("busy-{number}"), images::GOOD, &[])?;
    }
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
    let megabytes = |program: &Path| anyhow::Ok(program.metadata()?.len() as f64 / 1e6);
    let worker = megabytes(&program.with_file_name("muster-worker"))?;
    let binary = megabytes(&program)?;
    Ok(json!({
        "agentRssMiB": rounded(ours.rss_mib), "agentPssMiB": rounded(ours.pss_mib), "agentCpuPct": rounded(ours.cpu_pct),
        "binaryMB": rounded(binary), "workerMB": rounded(worker),
        "peerRssMiB": rounded(peers.rss_mib), "peerCpuPct": rounded(peers.cpu_pct),
        "ratioPeerRss": rounded(ours.rss_mib / peers.rss_mib), "ratioPeerCpu": rounded(ours.cpu_pct / peers.cpu_pct.max(0.001)),
        "containers": containers, "seconds": span.as_secs(),
    }))
}
