//! What the engine says of this host's containers, as last heard.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use muster_protocol::latest::ContainerFacts;
use tokio::sync::{Notify, watch};

/// Names, states and health of the containers. Cheap to clone; clones share it.
///
/// It is filled by whoever calls the worker: three times a minute, and when [`ContainerDirectory::wanted`] says that the set
/// of cgroups has changed.
#[derive(Debug, Clone)]
pub struct ContainerDirectory {
    facts: Arc<watch::Sender<Option<Arc<[ContainerFacts]>>>>,
    engine: Arc<watch::Sender<Option<String>>>,
    wanted: Arc<Notify>,
    doubted: Arc<AtomicBool>,
}

impl Default for ContainerDirectory {
    fn default() -> Self {
        Self {
            facts: Arc::new(watch::Sender::new(None)),
            engine: Arc::new(watch::Sender::new(None)),
            wanted: Arc::new(Notify::new()),
            doubted: Arc::default(),
        }
    }
}

impl ContainerDirectory {
    /// Replaces what is known: every container that the engine has, running or not.
    pub fn set(&self, mut facts: Vec<ContainerFacts>) {
        facts.sort_by(|a, b| a.name.cmp(&b.name));
        self.facts.send_if_modified(|known| {
            let changed = known.as_deref() != Some(&facts[..]);
            if changed {
                *known = Some(facts.into());
            }
            changed
        });
    }

    /// Notes the engine's version; `None` while no engine answers.
    pub fn set_engine(&self, version: Option<String>) {
        self.engine.send_if_modified(|known| {
            let changed = *known != version;
            *known = version;
            changed
        });
    }

    /// Sees each change of the engine's version.
    pub fn subscribe_engine(&self) -> watch::Receiver<Option<String>> {
        self.engine.subscribe()
    }

    /// What is known, sorted by name; `None` before the first answer.
    pub fn facts(&self) -> Option<Arc<[ContainerFacts]>> {
        self.facts.borrow().clone()
    }

    /// Resolves when a container came or went, so that the engine should be asked again.
    pub async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// Sees each change of the facts.
    pub fn subscribe(&self) -> watch::Receiver<Option<Arc<[ContainerFacts]>>> {
        self.facts.subscribe()
    }

    /// Something happened to a container: the engine should be asked again.
    pub fn want(&self) {
        self.wanted.notify_one();
    }

    /// Something changed that a list of containers does not show: the engine should be asked about each.
    pub fn doubt(&self) {
        self.doubted.store(true, Ordering::Relaxed);
        self.want();
    }

    /// Whether it was doubted since the last time that this was asked.
    pub(super) fn is_doubted(&self) -> bool {
        self.doubted.swap(false, Ordering::Relaxed)
    }
}
