//! The agent's own books against what is stored.

use anyhow::{Context as _, Result, ensure};
use muster_agent::spool::Spool;
use muster_tests::away::{Away, PATIENCE};
use muster_tests::wait::{self, Found};

/// Everything the agent ever took is stored, once: its spool numbers the samples. Returns how many, and leaves the agent
/// stopped.
pub fn audit(away: &mut Away) -> Result<u64> {
    let path = format!("{}/metrics/stored", away.path());
    wait::until("every sample to be stored", PATIENCE, || {
        ensure!(away.agent.stop(), "the agent did not stop by itself");
        let spool = Spool::open(&away.agent.data().join("resident/spool.redb"))?;
        let (taken, (waiting, _)) = (spool.last_sample(), spool.backlog()?);
        drop(spool);
        let stored = away.admin.get(&path)?["samples"].as_u64().context("no number")?;
        ensure!(stored <= taken, "{taken} samples were taken, {stored} are stored");
        if waiting == 0 && stored == taken {
            return Ok(Found::Yes(taken));
        }
        away.agent.run()?;
        away.await_samples(1)?;
        Ok(Found::No(format!(
            "{taken} taken, {waiting} not acknowledged, {stored} stored"
        )))
    })
}
