//! Starts everything that readings need, from the file they are kept in to the live views.

use std::sync::{Arc, Mutex};

use muster_protocol::latest::{AgentConfig, SigningKeyNotice};
use tokio::sync::{mpsc, watch};

use super::{Collector, ContainerDirectory, Roots, Sampler};
use crate::{
    link::IncomingTail,
    orders::workers::Workers,
    resident::Resident,
    rollup::{Recorder, Triggers},
    spool::{Reports, Spool},
    tail::Tails,
};

/// Starts sampling and serving live views on the resident's tasks; gives what the link sends.
///
/// `directory` is fed by whoever asks the engine; `config` says how often to sample.
pub fn start(
    resident: &Resident,
    directory: &ContainerDirectory,
    config: watch::Receiver<AgentConfig>,
    tails: mpsc::Receiver<IncomingTail>,
    (workers, keys): (Workers, watch::Receiver<Vec<SigningKeyNotice>>),
) -> anyhow::Result<Arc<Reports>> {
    let spool = Spool::open(&resident.config.data.resident().join(crate::spool::FILE_NAME))?;
    let recorder = Recorder::start(spool.clone(), resident.clock.now())?;
    let triggers = Triggers::start(&resident.clock);
    let sampler = Sampler {
        collector: Arc::new(Mutex::new(Collector::new(Roots::default(), directory.clone()))),
        recorder: Arc::new(recorder),
        clock: resident.clock.clone(),
        config: config.clone(),
        pulse: resident.pulse.clone(),
    };
    resident.tasks.spawn(sampler.run(triggers, resident.stop.clone()));
    let live = Tails {
        roots: Roots::default(),
        directory: directory.clone(),
        clock: resident.clock.clone(),
        workers,
        keys,
    };
    let serve = live.run(tails, resident.tasks.clone(), resident.stop.clone());
    resident.tasks.spawn(serve);
    let reports = Reports::new(spool, directory.clone(), config, resident.clock.clone());
    Ok(Arc::new(reports))
}
