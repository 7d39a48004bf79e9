//! A host of the fleet: the agent's own link, in this process.

use std::{sync::Arc, time::Duration};

use muster_agent::{
    config::{DataDir, RunConfig},
    identity::Identity,
    link::{IncomingOrder, IncomingTail, Link, LinkEnd, NoReports, Ports},
    resident::Resident,
    status,
};
use muster_base::{Clock, HostId};
use muster_protocol::latest::AgentConfig;
use tempfile::TempDir;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::timeout,
};

use super::PATIENCE;

/// A host that has joined.
pub(super) struct Host {
    pub(super) id: HostId,
    pub(super) data: TempDir,
    clock: Clock,
}

/// A host whose agent runs.
pub(super) struct Running {
    pub(super) orders: mpsc::Receiver<IncomingOrder>,
    pub(super) config: watch::Receiver<AgentConfig>,
    _tails: mpsc::Receiver<IncomingTail>,
    resident: Resident,
    task: JoinHandle<LinkEnd>,
}

impl Host {
    pub(super) fn new(identity: Identity, data: TempDir, clock: &Clock) -> Self {
        Self {
            id: identity.host,
            data,
            clock: clock.clone(),
        }
    }

    pub(super) fn data_dir(&self) -> DataDir {
        DataDir::new(self.data.path())
    }

    pub(super) fn identity(&self) -> Identity {
        Identity::load(&self.data_dir()).unwrap()
    }

    /// The same host's files, copied as by whoever copies a virtual machine.
    pub(super) fn copied(&self) -> Self {
        let data = tempfile::tempdir().unwrap();
        let copy = DataDir::new(data.path());
        std::fs::create_dir_all(copy.resident()).unwrap();
        for file in ["identity.json", "seal.pub"] {
            std::fs::copy(self.data_dir().resident().join(file), copy.resident().join(file)).unwrap();
        }
        Self {
            id: self.id,
            data,
            clock: self.clock.clone(),
        }
    }

    pub(super) fn run(&self) -> Running {
        self.run_to(None)
    }

    /// Runs the agent, through `server` if given.
    pub(super) fn run_to(&self, server: Option<String>) -> Running {
        let mut resident = Resident::new(RunConfig::new(self.data.path()));
        resident.clock = self.clock.clone();
        resident.wall = self.clock.clone();
        let (orders_tx, orders) = mpsc::channel(8);
        let (tails_tx, tails) = mpsc::channel(8);
        let (config_tx, config) = watch::channel(AgentConfig::default());
        let (keys_tx, _) = watch::channel(Vec::new());
        let (_, engine) = watch::channel(Some("20.10.24".to_owned()));
        let ports = Ports {
            reports: Arc::new(NoReports),
            orders: orders_tx,
            tails: tails_tx,
            config: Arc::new(config_tx),
            signing_keys: Arc::new(keys_tx),
            engine,
        };
        let mut identity = self.identity();
        if let Some(server) = server {
            identity.server = server;
        }
        let link = Link::new(resident.clone(), ports, identity);
        let task = resident.tasks.spawn(async move { link.run().await });
        Running {
            orders,
            config,
            _tails: tails,
            resident,
            task,
        }
    }

    pub(super) fn last_error(&self) -> Option<String> {
        status::read(&self.data_dir())
            .ok()
            .and_then(|status| status.last_error)
    }
}

impl Running {
    pub(super) async fn stop(self) {
        self.resident.stop.cancel();
        assert_eq!(self.ended().await, LinkEnd::Stopped);
    }

    pub(super) async fn ended(self) -> LinkEnd {
        timeout(PATIENCE + Duration::from_secs(5), self.task)
            .await
            .unwrap()
            .unwrap()
    }
}
