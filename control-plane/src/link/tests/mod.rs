//! The agents' door with real agents over real QUIC on the loopback interface.

mod clouds;
mod garbage;
pub(crate) mod host;
mod joins;
mod orders;
mod rotation;
mod sessions;
mod stolen;

use std::{future::Future, net::SocketAddr, time::Duration};

use muster_agent::identity::{self, Identity, IdentityError, JoinOrder};
use muster_base::{Clock, HostId, UnixMs};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use self::host::Host;
use crate::{
    access::Caller,
    app::App,
    config::Config,
    db::Databases,
    fleet::{self, join_tokens_for_tests},
    keys::Keys,
    link,
};

/// Nothing here takes longer unless it is broken; the idle timeout alone is ten seconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// A control plane with its door open.
struct Plane {
    app: App,
    data: TempDir,
    clock: Clock,
    address: SocketAddr,
}

impl Plane {
    async fn start() -> Self {
        let clock = Clock::manual(UnixMs(1_780_000_000_000));
        let data = tempfile::tempdir().unwrap();
        let app = Self::app(&data, &clock).await;
        link::start(&app, ([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = app.links.local_address().unwrap();
        Self {
            app,
            data,
            clock,
            address,
        }
    }

    async fn app(data: &TempDir, clock: &Clock) -> App {
        let config = Config::load(data.path(), None).unwrap();
        let databases = Databases::sqlite(data.path()).await.unwrap();
        let keys = Keys::load_or_create(data.path()).unwrap();
        let app = App::new(config, databases, clock.clone(), keys);
        app.start().await.unwrap();
        app
    }

    async fn stop(&self) {
        self.app.stop().await;
    }

    /// The same control plane after a stop, on the same data and the same port.
    async fn start_again(&mut self) {
        self.app = Self::app(&self.data, &self.clock).await;
        link::start(&self.app, self.address).await.unwrap();
    }

    async fn caller(&self) -> Caller {
        let org = crate::access::list_org_ids(&self.app).await.unwrap()[0];
        Caller::system("test", org)
    }

    async fn token(&self, body: Value) -> JoinGrant {
        let new = serde_json::from_value(body).unwrap();
        let issued = join_tokens_for_tests::create(&self.app, &self.caller().await, new)
            .await
            .unwrap();
        serde_json::from_value(serde_json::to_value(issued).unwrap()).unwrap()
    }

    /// A host that has joined, and does not run yet.
    async fn joined(&self) -> Host {
        let grant = self.token(json!({})).await;
        let data = tempfile::tempdir().unwrap();
        let identity = self.join(&grant, &data).await.unwrap();
        Host::new(identity, data, &self.clock)
    }

    async fn join(&self, grant: &JoinGrant, data: &TempDir) -> Result<Identity, IdentityError> {
        let order = JoinOrder {
            data: muster_agent::config::DataDir::new(data.path()),
            server: grant.server.clone(),
            ca_fingerprint: grant.ca_fingerprint.parse().unwrap(),
            token: grant.token.parse().unwrap(),
        };
        identity::join(order, &self.clock).await
    }

    async fn shown(&self, host: HostId) -> Option<fleet::Host> {
        fleet::find_host(&self.app, self.caller().await.org(), host)
            .await
            .unwrap()
    }

    async fn remove(&self, host: HostId) {
        fleet::remove_host_for_tests(&self.app, &self.caller().await, host)
            .await
            .unwrap();
    }

    /// As another control plane that shares the database does.
    async fn remove_elsewhere(&self, host: HostId) {
        let elsewhere = Self::app(&self.data, &self.clock).await;
        fleet::remove_host_for_tests(&elsewhere, &self.caller().await, host)
            .await
            .unwrap();
        elsewhere.stop().await;
    }

    async fn until_online(&self, host: HostId) {
        until("the host is online", async || self.app.links.is_online(host)).await;
    }

    async fn until_offline(&self, host: HostId) {
        until("the host is offline", async || !self.app.links.is_online(host)).await;
    }
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct JoinGrant {
    id: muster_base::JoinTokenId,
    token: String,
    ca_fingerprint: String,
    server: String,
}

/// Waits until something is true, but not for ever.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    let end = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < end, "waited in vain until {what}");
        sleep(Duration::from_millis(20)).await;
    }
}
