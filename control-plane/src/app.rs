//! The process's parts, made once and handed to every use-case. No globals.

use std::{fmt, ops::Deref, sync::Arc, time::Duration};

use muster_base::Clock;
use tokio::sync::watch;

use crate::{
    access::{self, Decoys, Regions, Throttle},
    alerts::{self, Alerts},
    audit,
    config::Config,
    containers,
    db::{Databases, Db, DbError},
    delivery::{self, Delivery},
    files::{self, Files},
    fleet::{self, FleetError, FleetKeys},
    install::Packages,
    keys::Keys,
    link::Links,
    notify::{self, Notify},
    peers::Peers,
    schedule, schema,
    secrets::{self, SecretSync},
    tasks::Tasks,
    telemetry::{self, Exports, Ingest, RemoteWrite, StorageSums},
    work::Work,
};

/// All parts. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<AppInner>);

/// What an [`App`] holds.
#[derive(Debug)]
pub struct AppInner {
    /// Configuration.
    pub config: Config,
    /// Everything but readings.
    pub db: Db,
    /// Readings.
    pub telemetry_db: Db,
    /// Time and ids.
    pub clock: Clock,
    /// Keys derived from the master key.
    pub keys: Keys,
    /// Every task.
    pub tasks: Tasks,
    /// Sign-in attempts.
    pub throttle: Throttle,
    /// What names that nobody has are given to do.
    pub decoys: Decoys,
    /// Where addresses are from.
    pub regions: Regions,
    /// The way in for readings.
    pub ingest: Ingest,
    /// What is sent to others of them.
    pub remote_write: RemoteWrite,
    /// Tables of readings that are being read.
    pub exports: Exports,
    /// The room that readings take, as it was last added up.
    pub storage_sums: StorageSums,
    /// Work orders.
    pub work: Work,
    /// What leaves the house.
    pub notify: Notify,
    /// What fires.
    pub alerts: Alerts,
    /// Connected agents.
    pub links: Links,
    /// Other control planes on the same database.
    pub peers: Peers,
    fleet_keys: watch::Sender<Option<Arc<FleetKeys>>>,
    /// Deployments.
    pub delivery: Delivery,
    /// Where files are.
    pub files: Files,
    /// Syncs of secrets.
    pub secret_sync: SecretSync,
    /// The agent's packages.
    pub packages: Packages,
    databases: Databases,
}

/// One of the control plane's own figures.
#[derive(Debug, Clone, Copy)]
pub struct Figure {
    /// Prometheus name.
    pub name: &'static str,
    /// What it is.
    pub help: &'static str,
    /// Its value now.
    pub value: f64,
}

impl App {
    /// Puts the parts together; starts nothing.
    pub fn new(config: Config, databases: Databases, clock: Clock, keys: Keys) -> Self {
        let peers = Peers::new(&databases.main, &clock);
        let delivery = Delivery::new(&config.delivery, peers.clone());
        Self(Arc::new(AppInner {
            config,
            db: databases.main.clone(),
            telemetry_db: databases.telemetry.clone(),
            clock,
            keys,
            tasks: Tasks::default(),
            throttle: Throttle::default(),
            decoys: Decoys::default(),
            regions: Regions::default(),
            ingest: Ingest::default(),
            remote_write: RemoteWrite::default(),
            exports: Exports::default(),
            storage_sums: StorageSums::default(),
            work: Work::new(peers.clone()),
            notify: Notify::default(),
            alerts: Alerts::new(peers.clone()),
            links: Links::default(),
            peers,
            fleet_keys: watch::Sender::new(None),
            delivery,
            files: Files::default(),
            secret_sync: SecretSync::default(),
            packages: Packages::default(),
            databases,
        }))
    }

    /// The fleet's CA and the key that signs work orders; made at the first call ever.
    pub async fn fleet_keys(&self) -> Result<Arc<FleetKeys>, FleetError> {
        if let Some(keys) = self.fleet_keys_now() {
            return Ok(keys);
        }
        let keys = fleet::load_keys(self).await?;
        self.replace_fleet_keys(&keys);
        Ok(keys)
    }

    /// The fleet's keys, if they were read before.
    pub fn fleet_keys_now(&self) -> Option<Arc<FleetKeys>> {
        self.fleet_keys.borrow().clone()
    }

    /// Reads the fleet's keys again, after they changed.
    pub async fn reload_fleet_keys(&self) -> Result<(), FleetError> {
        let keys = fleet::load_keys(self).await?;
        if self.replace_fleet_keys(&keys) {
            self.peers.tell_keys();
        }
        Ok(())
    }

    /// Hears when the fleet's keys change.
    pub fn fleet_key_changes(&self) -> watch::Receiver<Option<Arc<FleetKeys>>> {
        self.fleet_keys.subscribe()
    }

    /// Whether they are others than before.
    fn replace_fleet_keys(&self, keys: &Arc<FleetKeys>) -> bool {
        self.fleet_keys.send_if_modified(|present| {
            let same = present.as_ref().is_some_and(|present| present.is_same_as(keys));
            if !same {
                *present = Some(Arc::clone(keys));
            }
            !same
        })
    }

    /// Makes what must be there before anything else, and starts the background tasks.
    pub async fn start(&self) -> Result<(), DbError> {
        self.start_rooms().await?;
        let jobs = [
            access::jobs(),
            telemetry::jobs(),
            fleet::jobs(),
            notify::jobs(),
            audit::jobs(),
            alerts::jobs(),
            files::jobs(),
        ]
        .concat();
        alerts::start(self);
        schedule::start(self, jobs);
        Ok(())
    }

    /// Starts everything but the scheduled jobs and the look for alerts: tests run those when they mean to.
    pub(crate) async fn start_rooms(&self) -> Result<(), DbError> {
        access::ensure_defaults(self).await?;
        schema::start(self);
        containers::register(self);
        files::register(self);
        telemetry::start(self).await?;
        delivery::start(self);
        secrets::start(self);
        notify::start(self);
        Ok(())
    }

    /// Stops the background tasks and closes the databases.
    pub async fn stop(&self) {
        self.tasks.stop(Duration::from_secs(10)).await;
        self.databases.close().await;
    }

    /// The figures that `/metrics` shows.
    pub fn figures(&self) -> Vec<Figure> {
        let mut figures = [self.links.figures(), self.ingest.figures()].concat();
        if self.config.remote_write.is_some() {
            figures.extend(self.remote_write.figures());
        }
        figures
    }
}

impl Deref for App {
    type Target = AppInner;

    fn deref(&self) -> &AppInner {
        &self.0
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").finish_non_exhaustive()
    }
}
