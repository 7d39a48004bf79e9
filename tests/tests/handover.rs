//! A service is handed over five times while clients ask it all the time, and its host's agent is restarted meanwhile:
//! no request is lost. `cargo measure handover` is the same with more clients, for longer.

use anyhow::{Result, ensure};
use muster_tests::Fleet;
use muster_tests::job::handover::{Service, Trial};
use muster_workbench::Env;
use std::time::Duration;

/// `MUSTER_HANDOVER_CLIENTS` and `MUSTER_HANDOVER_SECONDS` say otherwise.
const CLIENTS: usize = 8;

fn given(name: &str, usual: usize) -> Result<usize> {
    let said = std::env::var(name).ok();
    Ok(said.map_or(Ok(usual), |said| said.parse())?)
}

#[test]
fn no_request_is_lost_while_the_agent_is_restarted() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let mut fleet = Fleet::start(&Env::from_process(), dir.path())?;
    let service = Service::start(&fleet)?;
    let seconds = given("MUSTER_HANDOVER_SECONDS", 0)?;
    let trial = Trial {
        clients: given("MUSTER_HANDOVER_CLIENTS", CLIENTS)?,
        least: Duration::from_secs(u64::try_from(seconds)?),
        restarts: true,
    };
    let outcome = service.under_load(&mut fleet, trial)?;
    let all = outcome.came.all();
    println!("{}", outcome.to_json());
    ensure!(
        all.failed == 0,
        "{} of {} requests failed: {:#?}",
        all.failed,
        all.requests,
        all.why
    );
    ensure!(
        outcome.came.keep_alive.requests > 0 && outcome.came.closing.requests > 0,
        "one kind of client asked nothing"
    );
    ensure!(
        outcome.in_the_middle >= 2,
        "the agent was hardly restarted in the middle of a deployment: {outcome:?}"
    );
    Ok(())
}
