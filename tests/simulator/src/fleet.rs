//! All of them, behind calls that wait.

use crate::agent::{Agent, Shared};
use crate::books::Books;
use crate::gate::{self, Gate};
use crate::join::{self, Invitation};
use crate::orders::{Deed, Started};
use crate::release::{self, Release};
use anyhow::{Context, Result, bail};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use muster_base::{Clock, HostId};
use muster_metrics::Sample;
use muster_protocol::VERSIONS;
use muster_protocol::latest::AgentConfig;
use muster_tests::Api;
use muster_tests::api::text;
use muster_tests::wait::{self, Found};
use serde_json::json;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

/// Joins under way at a time.
const JOINING: usize = 32;
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// What kind of fleet.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How many hosts.
    pub agents: usize,
    /// The same seed gives the same readings.
    pub seed: u64,
}

/// Simulated agents that have joined and run. They stop when it is dropped.
pub struct SimulatedFleet {
    runtime: Runtime,
    agents: Vec<Arc<Agent>>,
    gates: Vec<Gate>,
    shared: Arc<Shared>,
    tasks: TaskTracker,
    options: Options,
}

impl SimulatedFleet {
    /// Has `admin` make one join token for all, and joins with it.
    pub fn join(admin: &Api, options: Options) -> Result<Self> {
        Self::join_as(admin, options, VERSIONS.1)
    }

    /// As [`Self::join`], with agents of a release whose newest protocol version was this.
    pub fn join_as(admin: &Api, options: Options, newest: u16) -> Result<Self> {
        let uses = json!({"uses": options.agents, "expiresInS": 3_600});
        let grant = admin.post("/api/v1/join-tokens", &uses)?;
        let invitation = Invitation {
            token: text(&grant, "token")?.to_owned(),
            ca_fingerprint: text(&grant, "caFingerprint")?.parse()?,
        };
        let server: SocketAddr = text(&grant, "server")?.parse()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let shared = Arc::new(Shared::default());
        let (gates, agents) = runtime.block_on(async {
            let gates = (0..options.agents.div_ceil(gate::HOSTS))
                .map(|number| Gate::open(number, server))
                .collect::<Result<Vec<_>>>()?;
            let joins = (0..options.agents).map(|number| {
                let (gate, shared) = (gates[number / gate::HOSTS].clone(), Arc::clone(&shared));
                join_one((number, newest), gate, &invitation, shared)
            });
            let agents = stream::iter(joins).buffered(JOINING).try_collect().await?;
            anyhow::Ok((gates, agents))
        })?;
        Ok(Self {
            runtime,
            agents,
            gates,
            shared,
            tasks: TaskTracker::new(),
            options,
        })
    }

    /// Gives a host what it has taken while it was away.
    pub fn preload(&self, number: usize, samples: Vec<Sample>, rollups: Vec<Vec<u8>>) -> Result<()> {
        let agent = self.agents.get(number).context("no such agent")?;
        for sample in &samples {
            agent.books.take(sample);
        }
        agent.memory.preload(samples, rollups);
        Ok(())
    }

    /// Starts all of them.
    pub fn start(&self) {
        for (number, agent) in (0_u64..).zip(&self.agents) {
            let seed = self.options.seed.wrapping_mul(1_000_003).wrapping_add(number);
            self.tasks
                .spawn_on(Arc::clone(agent).run(seed), self.runtime.handle());
        }
    }

    /// Waits until all are connected.
    pub fn await_connected(&self, deadline: Duration) -> Result<()> {
        wait::until("every simulated agent to be connected", deadline, || {
            let connected = self.connected();
            let found = (connected == self.agents.len()).then_some(());
            Ok(Found::from_option(found, format!("{connected} are")))
        })
    }

    /// From now on nothing new becomes healthy on these hosts: they put back what ran there.
    pub fn break_deploys(&self, hosts: impl IntoIterator<Item = HostId>) {
        self.shared.break_deploys(hosts);
    }

    /// From now on a deploy takes between half of this and all of it.
    pub fn deploys_take(&self, most: Duration) {
        self.shared.set_takes(most);
    }

    /// What hosts do about deploys from now on, as they do it. For one listener.
    pub fn deeds(&self) -> mpsc::Receiver<Deed> {
        self.shared.deeds()
    }

    /// From now on everything new becomes healthy again.
    pub fn mend_deploys(&self) {
        self.shared.mend_deploys();
    }

    /// The version that runs on each host, as the host itself knows it.
    pub fn running(&self) -> BTreeMap<HostId, Option<String>> {
        let running = self
            .agents
            .iter()
            .map(|agent| (agent.host.id, agent.journal.running()));
        running.collect()
    }

    /// All of them become agents of a release whose newest protocol version is this: their sessions end, and they come back
    /// with what they have not been told is stored.
    pub fn become_of(&self, newest: u16) {
        for agent in &self.agents {
            agent.release.become_of(newest);
        }
    }

    /// Has all of them ask for another certificate, and connect again with it.
    pub fn renew(&self, deadline: Duration) -> Result<()> {
        let count =
            |agents: &[Arc<Agent>]| agents.iter().map(|agent| agent.release.renewals()).sum::<usize>();
        let wanted = count(&self.agents) + self.agents.len();
        for agent in &self.agents {
            agent.release.ask_to_renew();
        }
        wait::until("every certificate to be renewed", deadline, || {
            let renewed = count(&self.agents);
            let found = (renewed >= wanted).then_some(());
            Ok(Found::from_option(found, format!("{renewed} of {wanted} are")))
        })
    }

    /// How many are connected.
    pub fn connected(&self) -> usize {
        self.shared.connected.load(Ordering::Relaxed)
    }

    /// Samples taken and acknowledged.
    pub fn counts(&self) -> (usize, usize) {
        self.agents.iter().fold((0, 0), |(taken, acknowledged), agent| {
            let counts = agent.books.counts();
            (taken + counts.0, acknowledged + counts.1)
        })
    }

    /// How long reports waited for their acknowledgements since the last call.
    pub fn take_waits(&self) -> Vec<Duration> {
        self.shared.take_waits()
    }

    /// How many sessions ended, whatever the reason.
    pub fn lost_sessions(&self) -> usize {
        self.shared.losses().values().sum()
    }

    /// How many sessions ended, by reason.
    pub fn losses(&self) -> BTreeMap<String, usize> {
        self.shared.losses()
    }

    /// The orders that were taken, each once; an error if one was refused.
    pub fn orders(&self) -> Result<Vec<Started>> {
        let refused = self.shared.refusals();
        if refused > 0 {
            bail!("{refused} orders were refused by their hosts");
        }
        Ok(self.shared.orders())
    }

    /// Takes no more samples, and waits until all that were taken are acknowledged.
    pub fn drain(&self, deadline: Duration) -> Result<()> {
        self.shared.enough.cancel();
        wait::until("every sample to be acknowledged", deadline, || {
            let backlog: usize = self.agents.iter().map(|agent| agent.memory.backlog()).sum();
            let found = (backlog == 0).then_some(());
            Ok(Found::from_option(found, format!("{backlog} are not")))
        })
    }

    /// Each host with its books.
    pub fn books(&self) -> impl Iterator<Item = (HostId, &Books)> {
        self.agents.iter().map(|agent| (agent.host.id, &agent.books))
    }
}

impl Drop for SimulatedFleet {
    fn drop(&mut self) {
        self.shared.stop.cancel();
        self.tasks.close();
        let stopped = async {
            self.tasks.wait().await;
            self.gates.iter().for_each(Gate::close);
        };
        // Whoever does not stop in time ends with the runtime.
        drop(
            self.runtime
                .block_on(async { tokio::time::timeout(STOP_PATIENCE, stopped).await }),
        );
    }
}

async fn join_one(
    (number, newest): (usize, u16),
    gate: Gate,
    invitation: &Invitation,
    shared: Arc<Shared>,
) -> Result<Arc<Agent>> {
    let clock = Clock::system();
    let name = format!("simulated-{number:05}");
    let host = join::join(&gate, invitation, &name, release::versions(newest), &clock)
        .await
        .with_context(|| format!("{name} could not join"))?;
    Ok(Arc::new(Agent {
        host,
        gate,
        clock,
        memory: crate::memory::Memory::default(),
        books: Books::default(),
        journal: crate::orders::Journal::default(),
        release: Release::of(newest),
        config: watch::Sender::new(AgentConfig::default()),
        shared,
    }))
}
