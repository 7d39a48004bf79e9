//! Cut off anywhere, one way at a time: a cable is pulled, an address changes, a name moves, one direction goes silent,
//! packets become too large, clocks are set. Each story says what the operator sees meanwhile and checks at the end
//! that every sample is stored once and every order was done once.
//!
//! `cut_storm.rs` has all of it at once, at random. Seen to fail when it should: an agent that did not send again what a
//! lost session had left unacknowledged lost eight samples in each of four stories (`136 taken, 128 stored`).

mod books;

use anyhow::{Context as _, Result, ensure};
use muster_tests::api::text;
use muster_tests::away::{Away, Faked, PATIENCE, Releases, Way};
use muster_tests::job::releases::Kind;
use muster_tests::wait::{self, Found};
use muster_tests::{Agent, agent, control_plane, env};
use muster_workbench::Env;
use muster_workbench::net::{Cable, Names, Weather};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A host that is gone is known within this time; the rest is for slow machines that run many tests at once.
const OFFLINE_WITHIN: Duration = Duration::from_secs(15);

fn start(dir: &Path, way: &Way) -> Result<Away> {
    Away::start(
        dir,
        control_plane::Options::new()?,
        agent::Options::default(),
        Cable::lay()?,
        way,
    )
}

/// A control plane on a PostgreSQL database of its own.
fn on_postgres() -> Result<control_plane::Options> {
    Ok(control_plane::Options {
        database: Some(env::new_postgres_database()?),
        ..control_plane::Options::new()?
    })
}

#[test]
fn a_pulled_cable_shows_in_time_and_orders_wait_for_the_host_on_sqlite() -> Result<()> {
    a_pulled_cable(control_plane::Options::new()?)
}

#[test]
fn a_pulled_cable_shows_in_time_and_orders_wait_for_the_host_on_postgres() -> Result<()> {
    a_pulled_cable(on_postgres()?)
}

fn a_pulled_cable(plane: control_plane::Options) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let mut away = Away::start(
        dir.path(),
        plane,
        agent::Options::default(),
        Cable::lay()?,
        &Way::Cable,
    )?;
    let mut releases = Releases::to(&away, &Env::from_process(), Kind::Postgres)?;
    away.await_samples(2)?;

    away.cable.pull()?;
    let pulled = Instant::now();
    let offline = away.await_status("offline", PATIENCE)?;
    ensure!(
        pulled.elapsed() < OFFLINE_WITHIN,
        "offline after {:?}",
        pulled.elapsed()
    );
    ensure!(
        offline["connectedAt"].is_null() && offline["lastSeenAt"].is_string(),
        "{offline}"
    );
    let waiting = releases.submit(1, 0)?;
    away.await_taken(3)?;
    let execution = away.admin.get(&waiting)?;
    ensure!(execution["status"] == "pending", "{execution}");

    away.cable.plug()?;
    away.await_status("online", PATIENCE)?;
    let done = releases.audit()?;
    ensure!(done.succeeded == 1, "{done:?}");
    books::audit(&mut away)?;
    Ok(())
}

#[test]
fn a_cable_pulled_in_the_middle_of_a_release_on_postgres() -> Result<()> {
    pulled_in_the_middle(Kind::Postgres)
}

#[test]
fn a_cable_pulled_in_the_middle_of_a_release_on_mariadb() -> Result<()> {
    pulled_in_the_middle(Kind::Mysql)
}

/// The database is at the other end of the cable, too: the worker loses it and the control plane at once.
fn pulled_in_the_middle(kind: Kind) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let mut away = start(dir.path(), &Way::Cable)?;
    let mut releases = Releases::to(&away, &Env::from_process(), kind)?;
    for pause_s in [0, 1, 12] {
        let path = releases.submit(4, 300)?;
        releases.await_status(&path, &["running"])?;
        away.cable.pull()?;
        away.await_taken(pause_s)?;
        away.cable.plug()?;
        away.await_status("online", PATIENCE)?;
        releases.await_status(&path, &["success", "rolledBack", "failure", "needsAttention"])?;
    }
    let done = releases.audit()?;
    ensure!(done.total() == 3, "{done:?}");
    books::audit(&mut away)?;
    Ok(())
}

#[test]
fn a_connection_moves_with_its_host_to_another_address() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let mut away = start(dir.path(), &Way::Cable)?;
    let mut releases = Releases::to(&away, &Env::from_process(), Kind::Postgres)?;
    let since = text(&away.look()?, "connectedAt")?.to_owned();
    for _ in 0..3 {
        // In the middle of an order: its stream goes on.
        let path = releases.submit(2, 500)?;
        releases.await_status(&path, &["running"])?;
        away.cable.move_host()?;
        away.await_samples(2)?;
        releases.await_status(&path, &["success", "rolledBack", "failure"])?;
    }
    let host = away.look()?;
    ensure!(
        text(&host, "connectedAt")? == since,
        "it connected anew instead: {host}\n{}",
        away.agent.last_words()
    );
    releases.audit()?;
    books::audit(&mut away)?;
    Ok(())
}

#[test]
fn a_control_plane_comes_back_at_another_address_by_its_name_on_sqlite() -> Result<()> {
    a_control_plane_moves(control_plane::Options::new()?)
}

#[test]
fn a_control_plane_comes_back_at_another_address_by_its_name_on_postgres() -> Result<()> {
    a_control_plane_moves(on_postgres()?)
}

fn a_control_plane_moves(plane: control_plane::Options) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let cable = Cable::lay()?;
    let names = Names::serve(cable.near(), cable.near())?;
    cable.ask(cable.near())?;
    let way = Way::Name("muster.test".to_owned());
    let mut away = Away::start(dir.path(), plane, agent::Options::default(), cable, &way)?;
    away.await_samples(2)?;

    // Another machine takes over: another address, the same data. The name server stays where it is.
    away.plane.kill()?;
    let elsewhere = away.cable.add_near(250)?;
    names.point_to(elsewhere);
    let door = format!("{elsewhere}:{}", away.door().port());
    away.plane.set("MUSTER_LINK__LISTEN", &door);
    away.plane.serve()?;
    away.admin = away.plane.admin()?;
    let asked = names.asked();
    away.await_status("online", PATIENCE)?;
    ensure!(
        names.asked() > asked || asked > 1,
        "the name was not looked up again"
    );
    away.await_samples(2)?;
    books::audit(&mut away)?;
    Ok(())
}

#[test]
fn connections_that_only_one_side_believes_in_are_given_up() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let mut away = start(dir.path(), &Way::Wire(11))?;
    let set = |away: &Away, weather| -> Result<()> {
        away.wire.as_ref().context("no wire")?.set(weather);
        Ok(())
    };
    for (up, down) in [(false, true), (true, false)] {
        away.await_samples(2)?;
        set(
            &away,
            Weather {
                up,
                down,
                ..Weather::FAIR
            },
        )?;
        let cut = Instant::now();
        away.await_status("offline", PATIENCE)?;
        // Where only the way back is cut, what the agent still sends keeps its connection alive: it has to hang up.
        ensure!(
            cut.elapsed() < OFFLINE_WITHIN,
            "up {up}, down {down}: {:?}",
            cut.elapsed()
        );
        set(&away, Weather::FAIR)?;
        away.await_status("online", PATIENCE)?;
    }

    // The control plane dies without a word, and comes back knowing nothing of its connections.
    away.plane.kill()?;
    away.plane.serve()?;
    away.admin = away.plane.admin()?;
    let back = Instant::now();
    away.await_status("online", PATIENCE)?;
    println!(
        "connected again {:?} after the control plane was back",
        back.elapsed()
    );
    // The agent dies without a word, and its next process is not kept out by what is left of it.
    away.agent.kill()?;
    away.agent.run()?;
    away.await_samples(3)?;
    books::audit(&mut away)?;
    Ok(())
}

#[test]
fn loss_delay_other_order_and_repetition_are_borne_one_at_a_time() -> Result<()> {
    let bad = [
        (
            "a fifth is lost",
            Weather {
                loss: 200,
                ..Weather::FAIR
            },
        ),
        (
            "all is late",
            Weather {
                delay: Duration::from_millis(400),
                ..Weather::FAIR
            },
        ),
        (
            "packets overtake each other",
            Weather {
                jitter: Duration::from_millis(150),
                ..Weather::FAIR
            },
        ),
        (
            "a third comes twice",
            Weather {
                twice: 333,
                ..Weather::FAIR
            },
        ),
    ];
    let dir = tempfile::tempdir()?;
    let mut away = start(dir.path(), &Way::Wire(23))?;
    let mut releases = Releases::to(&away, &Env::from_process(), Kind::Postgres)?;
    let since = text(&away.look()?, "connectedAt")?.to_owned();
    for (what, weather) in bad {
        away.wire.as_ref().context("no wire")?.set(weather);
        let path = releases.submit(3, 100)?;
        away.await_samples(4).with_context(|| what.to_owned())?;
        releases.await_status(&path, &["success"])?;
    }
    ensure!(
        text(&away.look()?, "connectedAt")? == since,
        "it connected anew: {}",
        away.agent.last_words()
    );
    away.wire.as_ref().context("no wire")?.set(Weather::FAIR);
    releases.audit()?;
    books::audit(&mut away)?;
    Ok(())
}

#[test]
fn a_cable_that_carries_packets_of_1280_bytes_carries_everything() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let cable = Cable::lay()?;
    cable.carry(1_280)?;
    let mut away = Away::start(
        dir.path(),
        control_plane::Options::new()?,
        agent::Options::default(),
        cable,
        &Way::Cable,
    )?;
    let mut releases = Releases::to(&away, &Env::from_process(), Kind::Postgres)?;
    // An order of some 200 KB.
    releases.submit(3_000 / 4, 0)?;
    releases.audit()?;
    // And in the middle of a connection that has found out that more would go.
    away.cable.carry(1_500)?;
    away.agent.stop();
    away.agent.run()?;
    away.await_samples(3)?;
    away.cable.carry(1_280)?;
    releases.submit(3_000 / 4, 0)?;
    let done = releases.audit()?;
    ensure!(done.succeeded == 2, "{done:?}");
    away.await_samples(2)?;
    books::audit(&mut away)?;
    Ok(())
}

#[test]
fn of_two_agents_with_one_identity_the_newer_wins_and_it_is_logged() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let away = start(dir.path(), &Way::Cable)?;
    away.await_samples(2)?;
    let first = away.look()?;

    // The machine is copied while it runs, as a snapshot is; the copy starts in another network.
    let copy = dir.path().join("copy");
    std::fs::create_dir(&copy)?;
    let status = Command::new("cp")
        .arg("-a")
        .arg(away.agent.data())
        .arg(copy.join("agent"))
        .status()?;
    ensure!(status.success());
    let elsewhere = Arc::new(Cable::lay()?);
    let mut options = agent::Options {
        cable: Some(Arc::clone(&elsewhere)),
        ..agent::Options::default()
    };
    options.env.push(("RUST_LOG".to_owned(), "info".to_owned()));
    // The copy asks for the address that the original knows; on its own cable that address is this machine's, too.
    elsewhere.also_reaches(away.cable.near())?;
    let mut second = Agent::prepare(&copy, options)?;
    second.run()?;
    wait::until("the copy to take over", PATIENCE, || {
        let host = away.look()?;
        let taken = host["status"] == "online" && host["connectedAt"] != first["connectedAt"];
        Ok(Found::from_option(
            taken.then_some(()),
            format!("{host}\n{}", second.last_words()),
        ))
    })?;
    wait::until("the original to be told", PATIENCE, || {
        let words = away.agent.last_words();
        let told = words.contains("was the machine copied?");
        Ok(Found::from_option(told.then_some(()), words))
    })?;
    let audit = away.admin.list("/api/v1/audit?operation=host:takeover")?;
    let detail = audit.first().context("the takeover is not in the audit log")?;
    let both = [away.cable.far().to_string(), elsewhere.far().to_string()];
    ensure!(
        both.iter().all(|address| detail.to_string().contains(address)),
        "{detail} does not name {both:?}"
    );
    // The original keeps its distance: the two don't fight for the session.
    let now = text(&away.look()?, "connectedAt")?.to_owned();
    second.kill()?;
    away.await_status("offline", PATIENCE)?;
    ensure!(!now.is_empty());
    Ok(())
}

fn start_with_clock(dir: &Path) -> Result<(Away, Faked)> {
    let clock = Faked::right(dir)?;
    let agent = agent::Options {
        env: clock.env(),
        ..agent::Options::default()
    };
    let away = Away::start(
        dir,
        control_plane::Options::new()?,
        agent,
        Cable::lay()?,
        &Way::Cable,
    )?;
    Ok((away, clock))
}

#[test]
fn every_sample_of_a_clock_that_steps_is_stored_once() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let (mut away, clock) = start_with_clock(dir.path())?;
    for offset in ["-1h", "+1h", "-1h", "+0"] {
        away.await_samples(3)?;
        clock.set(offset)?;
    }
    away.await_samples(3)?;
    books::audit(&mut away)?;
    Ok(())
}

#[test]
fn a_clock_that_is_wrong_stops_orders_that_are_not_due_by_it_and_nothing_else() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let (mut away, clock) = start_with_clock(dir.path())?;
    let mut releases = Releases::to(&away, &Env::from_process(), Kind::Postgres)?;
    // Orders for a database are good for a day; none is good before its time.
    for (offset, status) in [("-1h", "failure"), ("+1h", "success"), ("+25h", "failure")] {
        away.await_samples(2)?;
        clock.set(offset)?;
        // A new connection has to come about with the wrong clock, too.
        away.agent.kill()?;
        away.agent.run()?;
        away.await_status("online", PATIENCE)?;
        let path = releases.submit(1, 0)?;
        let ended = releases.await_status(&path, &["failure", "success", "rolledBack", "cancelled"])?;
        ensure!(ended["status"] == status, "{offset}: {ended}");
        ensure!(
            status == "success" || text(&ended, "error")?.contains("clock"),
            "{offset}: {ended}"
        );
        // Set right while it runs.
        clock.set("+0")?;
        let path = releases.submit(1, 0)?;
        releases.await_status(&path, &["success"])?;
    }
    let done = releases.audit()?;
    ensure!((done.succeeded, done.undone) == (4, 2), "{done:?}");
    Ok(())
}

#[test]
fn an_order_whose_host_stays_away_expires_and_says_so_on_sqlite() -> Result<()> {
    an_order_expires(control_plane::Options::new()?)
}

#[test]
fn an_order_whose_host_stays_away_expires_and_says_so_on_postgres() -> Result<()> {
    an_order_expires(on_postgres()?)
}

fn an_order_expires(mut plane: control_plane::Options) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let clock = Faked::right(dir.path())?;
    plane.settings = clock.env();
    let away = Away::start(
        dir.path(),
        plane,
        agent::Options::default(),
        Cable::lay()?,
        &Way::Cable,
    )?;
    let mut releases = Releases::to(&away, &Env::from_process(), Kind::Postgres)?;
    away.cable.pull()?;
    away.await_status("offline", PATIENCE)?;
    let path = releases.submit(1, 0)?;
    // A day is how long an execution waits for its host.
    clock.set("+25h")?;
    let admin = away.plane.admin()?;
    let ended = admin.await_field(
        &path,
        "status",
        &["failure", "cancelled", "rolledBack"],
        &[],
        PATIENCE,
    )?;
    ensure!(
        text(&ended, "error")?.contains("before it could be handed to its host"),
        "{ended}"
    );
    clock.set("+0")?;
    away.cable.plug()?;
    away.await_status("online", PATIENCE)?;
    let done = releases.audit()?;
    ensure!((done.succeeded, done.undone) == (0, 1), "{done:?}");
    Ok(())
}
