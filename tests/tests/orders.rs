//! What the worker on a host makes of orders that were recorded, replayed and forged.

use anyhow::Result;
use muster_tests::fleet::agent_options;
use muster_tests::job::containers::Application;
use muster_tests::{Fleet, agent, control_plane};
use muster_workbench::{Env, images, process};

#[test]
fn the_worker_refuses_replayed_forged_and_changed_orders() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let services = Env::from_process();
    let tapped = agent::Options {
        tap: true,
        ..agent_options(&services)
    };
    let fleet = Fleet::start_with(&services, dir.path(), control_plane::Options::new()?, tapped)?;
    let name = format!("web-{}", process::free_port()?);
    let application = Application::register(
        &fleet.admin,
        &fleet.registry()?,
        &fleet.host,
        &name,
        process::free_port()?,
    )?;
    let ended = application.deploy(images::GOOD)?;
    assert_eq!(ended["status"], "success", "{ended}");

    let verdicts = fleet.agent.present_recorded()?;
    assert_eq!(verdicts.len(), 1, "{verdicts:?}");
    let expected = [
        ("again", "outcome: Done"),
        ("againWithoutJournal", "refused: Replay"),
        ("forgedSignature", "refused: BadSignature"),
        ("noSignature", "refused: BadSignature"),
        ("changedPayload", "refused: BadDigest"),
    ];
    for (way, word) in expected {
        assert_eq!(verdicts[0][way]["word"], word, "{way}: {}", verdicts[0]);
        assert_eq!(verdicts[0][way]["began"], false, "{way}: {}", verdicts[0]);
    }
    Ok(())
}
