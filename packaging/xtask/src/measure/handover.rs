//! A service under constant load that is handed over five times, and five times more while its host's agent is
//! restarted. What counts is how many requests failed. The agent is built as it is shipped; of the control plane, which no
//! request meets, any build does.

use super::built;
use crate::interrupt::Interrupt;
use crate::{project, say};
use anyhow::{Result, bail};
use muster_tests::fleet::agent_options;
use muster_tests::job::handover::{Outcome, Service, Trial};
use muster_tests::{Fleet, agent, control_plane};
use muster_workbench::{Service as Needed, Workbench};
use serde_json::{Value, json};
use std::time::Duration;

/// Measures with so many clients, for so long without restarts and as long with them.
pub fn measure(clients: usize, least: Duration, interrupt: &Interrupt) -> Result<Value> {
    muster_tests::programs::use_dir(project::build_programs(interrupt)?);
    let programs = built::agent(interrupt)?;
    let bench = Workbench::start(&[Needed::Registry])?;
    let dir = tempfile::Builder::new().prefix("muster-measure-").tempdir()?;
    let agent = agent::Options {
        program: Some(programs.join("muster-agent")),
        ..agent_options(bench.env())
    };
    let mut fleet = Fleet::start_with(bench.env(), dir.path(), control_plane::Options::new()?, agent)?;
    let service = Service::start(&fleet)?;
    let mut trial = |restarts| {
        if interrupt.asked() {
            bail!("interrupted");
        }
        let trial = Trial {
            clients,
            least,
            restarts,
        };
        let outcome = service.under_load(&mut fleet, trial)?;
        for why in outcome.came.all().why {
            say::note(format_args!("failed: {why}"));
        }
        Ok(outcome)
    };
    say::note(format_args!("five deployments under {clients} clients"));
    let undisturbed = trial(false)?;
    say::note("five more, and the agent is restarted");
    let restarted = trial(true)?;
    let sum = |number: fn(&Outcome) -> usize| number(&undisturbed) + number(&restarted);
    Ok(json!({
        "clients": clients,
        "requests": sum(|one| one.came.all().requests), "failed": sum(|one| one.came.all().failed),
        "deployments": sum(|one| one.deployments), "agentRestarts": sum(|one| one.agent_restarts),
        "keepAlive": {
            "requests": sum(|one| one.came.keep_alive.requests), "failed": sum(|one| one.came.keep_alive.failed),
        },
        "closing": {
            "requests": sum(|one| one.came.closing.requests), "failed": sum(|one| one.came.closing.failed),
        },
        "undisturbed": undisturbed.to_json(), "restarted": restarted.to_json(),
    }))
}
