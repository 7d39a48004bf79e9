//! A host of the fleet: the agent's own link, in this process.

use std::{sync::Arc, time::Duration};

use muster_agent::{
    config::{DataDir, RunConfig},
    identity::{self, Identity, JoinOrder},
    link::{Downloads, IncomingOrder, IncomingTail, Link, LinkEnd, NoReports, Ports},
    resident::Resident,
    status,
};
use muster_base::{Clock, HostId};
use muster_identity::tls;
use muster_protocol::{
    ALPN,
    latest::{AgentConfig, AgentControl, CloudFacts, Hello, HostFacts},
    write_frame,
};
use quinn::{Connection, Endpoint, RecvStream, SendStream};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::timeout,
};

use super::{PATIENCE, garbage::connect_to, until};
use crate::app::App;

/// A host that has joined.
pub(crate) struct Host {
    pub(crate) id: HostId,
    pub(super) data: TempDir,
    clock: Clock,
    /// What its cloud says of it.
    pub(super) cloud: Option<CloudFacts>,
}

/// A host whose agent runs.
pub(crate) struct Running {
    pub(super) orders: mpsc::Receiver<IncomingOrder>,
    pub(super) config: watch::Receiver<AgentConfig>,
    tails: mpsc::Receiver<IncomingTail>,
    /// Asks for the bytes of orders.
    pub(crate) downloads: Downloads,
    resident: Resident,
    task: JoinHandle<LinkEnd>,
}

/// A session that says nothing.
pub(crate) struct Silent(
    #[expect(dead_code, reason = "held")] Endpoint,
    #[expect(dead_code, reason = "held")] Connection,
    #[expect(dead_code, reason = "held")] SendStream,
    #[expect(dead_code, reason = "held")] RecvStream,
);

impl Host {
    pub(super) fn new(identity: Identity, data: TempDir, clock: &Clock) -> Self {
        Self {
            id: identity.host,
            data,
            clock: clock.clone(),
            cloud: None,
        }
    }

    /// A host that joins by what the API answered for a join token.
    pub(crate) async fn join(grant: &Value, clock: &Clock) -> Self {
        let text = |field: &str| grant[field].as_str().unwrap();
        let data = tempfile::tempdir().unwrap();
        let order = JoinOrder {
            data: DataDir::new(data.path()),
            server: text("server").to_owned(),
            ca_fingerprint: text("caFingerprint").parse().unwrap(),
            token: text("token").parse().unwrap(),
        };
        let identity = identity::join(order, clock).await.unwrap();
        Self::new(identity, data, clock)
    }

    /// Waits until the control plane sees it.
    pub(crate) async fn until_online(&self, app: &App) {
        until("the host is online", async || app.links.is_online(self.id)).await;
    }

    pub(super) fn data_dir(&self) -> DataDir {
        DataDir::new(self.data.path())
    }

    pub(super) fn identity(&self) -> Identity {
        Identity::load(&self.data_dir()).unwrap()
    }

    /// The same host's files, copied as by whoever copies a virtual machine.
    pub(crate) fn copied(&self) -> Self {
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
            cloud: None,
        }
    }

    pub(crate) fn run(&self) -> Running {
        self.run_to(None)
    }

    /// Runs the agent, through `server` if given.
    pub(crate) fn run_to(&self, server: Option<String>) -> Running {
        let mut resident = Resident::new(RunConfig::new(self.data.path()));
        resident.clock = self.clock.clone();
        resident.wall = self.clock.clone();
        let (orders_tx, orders) = mpsc::channel(8);
        let (tails_tx, tails) = mpsc::channel(8);
        let (config_tx, config) = watch::channel(AgentConfig::default());
        let (keys_tx, _) = watch::channel(Vec::new());
        let (_, engine) = watch::channel(Some("20.10.24".to_owned()));
        let (_, cloud) = watch::channel(self.cloud.clone());
        let downloads = Downloads::default();
        let ports = Ports {
            reports: Arc::new(NoReports),
            orders: orders_tx,
            tails: tails_tx,
            config: Arc::new(config_tx),
            signing_keys: Arc::new(keys_tx),
            engine,
            cloud,
            downloads: downloads.clone(),
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
            tails,
            downloads,
            resident,
            task,
        }
    }

    /// A session of an agent that knows this version and none after it. It says nothing more, and lasts for as long as it is held.
    pub(crate) async fn connect_as_of(&self, app: &App, version: u16) -> Silent {
        let keys = app.fleet_keys().await.unwrap();
        let credentials = self.identity().credentials;
        let tls = tls::agent_config(&credentials, &keys.trust_domain, &self.clock, ALPN).unwrap();
        let address = app.links.local_address().unwrap();
        let (endpoint, connection) = connect_to(address, tls).await.unwrap();
        let (mut send, receive) = connection.open_bi().await.unwrap();
        let hello = Hello {
            versions: (1, version),
            facts: HostFacts::default(),
            now: self.clock.now(),
            seal_public_key: vec![1; 32],
        };
        write_frame(&mut send, &AgentControl::Hello(Box::new(hello)))
            .await
            .unwrap();
        self.until_online(app).await;
        Silent(endpoint, connection, send, receive)
    }

    pub(super) fn last_error(&self) -> Option<String> {
        status::read(&self.data_dir())
            .ok()
            .and_then(|status| status.last_error)
    }
}

impl Running {
    /// The live views that are asked for, for whoever wants to serve them.
    pub(crate) fn take_tails(&mut self) -> mpsc::Receiver<IncomingTail> {
        std::mem::replace(&mut self.tails, mpsc::channel(1).1)
    }

    /// The work orders that are sent, for whoever wants to do them.
    pub(crate) fn take_orders(&mut self) -> mpsc::Receiver<IncomingOrder> {
        std::mem::replace(&mut self.orders, mpsc::channel(1).1)
    }

    pub(crate) async fn stop(self) {
        self.resident.stop.cancel();
        assert_eq!(self.ended().await, LinkEnd::Stopped);
    }

    pub(crate) async fn ended(self) -> LinkEnd {
        timeout(PATIENCE + Duration::from_secs(5), self.task)
            .await
            .unwrap()
            .unwrap()
    }
}
