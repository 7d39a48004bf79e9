//! The resident process: starts the rooms, connects them, and stops them in order.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use muster_base::{Clock, UnixMs};
use muster_protocol::latest::AgentConfig;
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    cloud,
    collect::{self, ContainerDirectory},
    config::RunConfig,
    identity::{Identity, resident_pinned_keys},
    link::{Downloads, Link, LinkEnd, Ports},
    orders::{Orders, OrdersConfig, verify::Trust, workers::Workers},
    supervise::{self, Pulse},
};

/// Orders that wait for the orders room, at most.
const ORDER_QUEUE: usize = 32;
/// Tails that wait for the tail room, at most.
const TAIL_QUEUE: usize = 8;
/// How long the rooms may take to stop.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// What every room of the resident is given. Cheap to clone.
#[derive(Clone)]
pub struct Resident {
    pub config: Arc<RunConfig>,
    /// Time of the readings. In a demo it runs fast.
    pub clock: Clock,
    /// Time of certificates and orders: always the real one.
    pub wall: Clock,
    /// Every task is spawned here, so that the shutdown waits for it.
    pub tasks: TaskTracker,
    /// Cancelled when the agent is to stop.
    pub stop: CancellationToken,
    /// Beats with each finished sample.
    pub pulse: Pulse,
}

impl Resident {
    pub fn new(config: RunConfig) -> Self {
        let clock = match config.clock_factor {
            0 | 1 => Clock::system(),
            factor => fast_clock(&config, factor),
        };
        Self {
            config: Arc::new(config),
            clock,
            wall: Clock::system(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            pulse: Pulse::default(),
        }
    }

    /// Runs until [`Resident::stop`] is cancelled, or the host is removed from the fleet.
    pub async fn run(self) -> anyhow::Result<LinkEnd> {
        let identity = Identity::load(&self.config.data)?;
        let (orders_tx, orders_rx) = mpsc::channel(ORDER_QUEUE);
        let (tails_tx, tails_rx) = mpsc::channel(TAIL_QUEUE);
        let (config_tx, config_rx) = watch::channel(AgentConfig::default());
        let (keys_tx, keys_rx) = watch::channel(Vec::new());
        let containers = ContainerDirectory::default();
        let downloads = Downloads::default();
        let orders = Orders::start(
            OrdersConfig {
                dir: self.config.data.resident().join("orders"),
                trust: Trust {
                    org: identity.org,
                    host: identity.host,
                    keys: resident_pinned_keys(&self.config.data)?,
                },
                workers: Workers::new(&self.config),
                clock: self.wall.clone(),
                keys: keys_rx.clone(),
                containers: containers.clone(),
                downloads: downloads.clone(),
            },
            self.tasks.clone(),
            self.stop.clone(),
        )
        .context("the journal of orders can't be used")?;
        self.tasks.spawn(orders.serve(orders_rx));
        self.tasks.spawn(collect::keep_directory(
            containers.clone(),
            Workers::new(&self.config),
            self.wall.clone(),
            self.stop.clone(),
        ));
        let reports = collect::start(
            &self,
            &containers,
            config_rx.clone(),
            tails_rx,
            (Workers::new(&self.config), keys_rx),
        )?;
        let (cloud_tx, cloud_rx) = watch::channel(None);
        if let Some(provider) = self.config.cloud.provider(Path::new(cloud::DMI)) {
            let address = self.config.cloud_address;
            self.tasks
                .spawn(cloud::keep(provider, address, cloud_tx, self.stop.clone()));
        }
        let ports = Ports {
            reports,
            orders: orders_tx,
            tails: tails_tx,
            config: Arc::new(config_tx),
            signing_keys: Arc::new(keys_tx),
            engine: containers.subscribe_engine(),
            cloud: cloud_rx,
            downloads,
        };
        supervise::started(&self, config_rx);
        let ended = Link::new(self.clone(), ports, identity).run().await;
        if ended == LinkEnd::Removed {
            tracing::error!("this host was removed from the fleet; the agent stops");
        }
        supervise::stopping();
        self.stop.cancel();
        self.tasks.close();
        if timeout(STOP_PATIENCE, self.tasks.wait()).await.is_err() {
            tracing::warn!(tasks.left = self.tasks.len(), "tasks did not stop in time");
        }
        Ok(ended)
    }
}

/// Runs the resident until SIGTERM or SIGINT.
pub async fn run_until_signal(config: RunConfig) -> anyhow::Result<LinkEnd> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("can't listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("can't listen for SIGINT")?;
    let resident = Resident::new(config);
    let stop = resident.stop.clone();
    let run = resident.run();
    tokio::pin!(run);
    tokio::select! {
        ended = &mut run => return ended,
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    supervise::stopping();
    stop.cancel();
    run.await
}

/// How far behind real time a fast clock begins: it passes a UTC midnight, so that a day closes, before it is now.
const BEHIND_MS: i64 = UnixMs::DAY + 2 * UnixMs::HOUR;

/// A fast clock begins at the first start and goes on while the agent is stopped: time that went back at a restart
/// would not be a demo of anything.
fn fast_clock(config: &RunConfig, factor: u32) -> Clock {
    let now = Clock::system().now();
    let path = config.data.resident().join("fast-clock-began");
    let began = std::fs::read_to_string(&path)
        .ok()
        .and_then(|text| text.trim().parse().ok());
    if began.is_none()
        && let Err(error) = std::fs::write(&path, format!("{now}\n"))
    {
        tracing::warn!("the fast clock will begin anew at each start: {error}");
    }
    let began: UnixMs = began.unwrap_or(now);
    Clock::fast(
        began
            .plus_ms(-BEHIND_MS)
            .plus_ms(now.ms_since(began).saturating_mul(factor.into())),
        factor,
    )
}
