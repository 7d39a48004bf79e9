//! Memory and CPU of the resident agent on a host with containers, as it is shipped (`release-small`), beside
//! prometheus-node-exporter scraped at the same interval; and what its readings take on the wire.
//!
//! The control plane is in a network of its own, where nothing else passes while it is measured: the kernel's counters of that
//! network hold the reports, the acknowledgements and the signs of life, with the headers of each packet.

use super::engine::Engine;
use super::{built, rounded};
use crate::interrupt::Interrupt;
use crate::say;
use anyhow::{Context, Result, bail};
use muster_tests::fleet::agent_options;
use muster_tests::usage::{Usage, Watch, wire_bytes};
use muster_tests::{Api, Fleet, agent, control_plane};
use muster_workbench::net::Cable;
use muster_workbench::process::{Launch, free_port};
use muster_workbench::{Service, Workbench, images, tools};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Muster's default, and what Prometheus is often set to.
const INTERVAL: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(30);
const SETTLE: Duration = Duration::from_secs(25);

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
        // As its service has it.
        env: vec![("MALLOC_ARENA_MAX".to_owned(), "1".to_owned())],
        ..agent_options(bench.env())
    };
    let plane = control_plane::Options {
        cable: Some(Arc::new(Cable::lay()?)),
        ..control_plane::Options::new()?
    };
    let fleet = Fleet::start_with(bench.env(), dir.path(), plane, agent)?;
    // Containers are named after the first samples; the layout of the readings stays as it is from then on.
    std::thread::sleep(SETTLE);

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
    let wire = Wire::begin(&fleet)?;
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
    let wire = wire.read(&fleet)?;
    let megabytes = |program: &Path| anyhow::Ok(program.metadata()?.len() as f64 / 1e6);
    let worker = megabytes(&program.with_file_name("muster-worker"))?;
    let binary = megabytes(&program)?;
    Ok(json!({
        "agentRssMiB": rounded(ours.rss_mib), "agentPssMiB": rounded(ours.pss_mib), "agentCpuPct": rounded(ours.cpu_pct),
        "binaryMB": rounded(binary), "workerMB": rounded(worker),
        "peerRssMiB": rounded(peers.rss_mib), "peerCpuPct": rounded(peers.cpu_pct),
        "ratioPeerRss": rounded(ours.rss_mib / peers.rss_mib), "ratioPeerCpu": rounded(ours.cpu_pct / peers.cpu_pct.max(0.001)),
        "bytesPerReading": rounded(wire.bytes as f64 / wire.readings.max(1) as f64),
        "bytesPerSample": rounded(wire.bytes as f64 / wire.samples.max(1) as f64), "readingsPerSample": wire.readings / wire.samples.max(1),
        "containers": containers, "seconds": span.as_secs(),
    }))
}

/// What passed between agent and control plane.
#[derive(Clone, Copy)]
struct Wire {
    bytes: u64,
    samples: u64,
    readings: u64,
}

impl Wire {
    /// The counters as they are, from here on.
    fn begin(fleet: &Fleet) -> Result<Self> {
        let samples = stored(fleet)?.0;
        Ok(Self {
            bytes: bytes(fleet)?,
            samples,
            readings: 0,
        })
    }

    /// What came since. Nothing is asked of the control plane before the bytes are counted.
    fn read(self, fleet: &Fleet) -> Result<Self> {
        let bytes = bytes(fleet)?.saturating_sub(self.bytes);
        let (samples, of_containers) = stored(fleet)?;
        let samples = samples.saturating_sub(self.samples);
        Ok(Self {
            bytes,
            samples,
            readings: samples * (of_containers + of_host(fleet)?),
        })
    }
}

fn bytes(fleet: &Fleet) -> Result<u64> {
    wire_bytes(fleet.plane.id().context("the control plane does not run")?)
}

/// How many samples are stored, and how many readings of containers are in the newest.
fn stored(fleet: &Fleet) -> Result<(u64, u64)> {
    let stored = fleet.admin.get(&format!("{}/stored", metrics(fleet)?))?;
    let number = |name: &str| stored[name].as_u64().context("no number in what is stored");
    Ok((number("samples")?, number("containerSeries")?))
}

/// How many readings of the host itself are in the newest sample.
fn of_host(fleet: &Fleet) -> Result<u64> {
    let table = fleet
        .admin
        .get_text(&format!("{}/export?format=jsonl", metrics(fleet)?))?;
    let newest: Value = serde_json::from_str(table.lines().last().context("no sample is stored")?)?;
    let readings = newest["values"].as_object().context("a sample without values")?;
    Ok(readings.len() as u64)
}

fn metrics(fleet: &Fleet) -> Result<String> {
    let host = fleet.host["id"].as_str().context("a host without an id")?;
    Ok(format!("/api/v1/hosts/{host}/metrics"))
}
