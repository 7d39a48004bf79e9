//! Everything that `cut.rs` does one at a time, at random and through a storm, while samples are taken every second and
//! releases are submitted all the time: cables pulled and plugged, addresses changed, directions silenced, control plane
//! and agent killed and started again. At the end the weather is fair, and an auditor counts: every sample that the agent
//! ever took is stored once, and every release is in its database as its record says: once, not at all, or up
//! to a statement that a person has to look at.
//!
//! `MUSTER_CUT_ROUNDS` makes it longer, `MUSTER_CUT_SEED` deals the same blows again. It found that a worker waited half an
//! hour for the answer on a database connection that an address change had killed, and kept the host's other releases
//! waiting. An execution that once stayed pending after it led to sessions that keep the release lock when their
//! bookkeeping or their goodbye is lost (`agent/src/worker/sql/faults/vanished.rs`).

#![expect(clippy::print_stdout, reason = "a story of rounds says how many there were")]

mod books;

use anyhow::{Context as _, Result, ensure};
use muster_tests::away::{Away, PATIENCE, Releases, Way};
use muster_tests::job::releases::Kind;
use muster_tests::{agent, control_plane, env};
use muster_workbench::Env;
use muster_workbench::net::{Cable, Weather};

const ROUNDS: u64 = 10;

#[test]
fn nothing_is_lost_or_done_twice_in_a_storm_on_sqlite_and_postgres_targets() -> Result<()> {
    storm(control_plane::Options::new()?, Kind::Postgres)
}

#[test]
fn nothing_is_lost_or_done_twice_in_a_storm_on_postgres_and_mariadb_targets() -> Result<()> {
    let options = control_plane::Options {
        database: Some(env::new_postgres_database()?),
        ..control_plane::Options::new()?
    };
    storm(options, Kind::Mysql)
}

/// What happens in a round.
#[derive(Clone, Copy, Debug)]
enum Blow {
    Pull,
    Move,
    SilenceUp,
    SilenceDown,
    Narrow,
    KillPlane,
    KillAgent,
    Nothing,
}

const BLOWS: [Blow; 8] = [
    Blow::Pull,
    Blow::Move,
    Blow::SilenceUp,
    Blow::SilenceDown,
    Blow::Narrow,
    Blow::KillPlane,
    Blow::KillAgent,
    Blow::Nothing,
];

fn storm(plane: control_plane::Options, kind: Kind) -> Result<()> {
    let rounds = number("MUSTER_CUT_ROUNDS")?.unwrap_or(ROUNDS);
    let seed = match number("MUSTER_CUT_SEED")? {
        Some(seed) => seed,
        None => u64::from_str_radix(&muster_workbench::random_hex(7)?, 16)?,
    };
    println!("seed {seed}, {rounds} rounds");
    let dir = tempfile::tempdir()?;
    let mut away = Away::start(
        dir.path(),
        plane,
        agent::Options::default(),
        Cable::lay()?,
        &Way::Wire(seed),
    )?;
    let mut releases = Releases::to(&away, &Env::from_process(), kind)?;
    away.await_samples(1)?;
    let mut dice = seed | 1;
    let mut submitted = 0;
    for round in 0..rounds {
        set(&away, Weather::STORM)?;
        // Every blow once before any comes again.
        let shift = usize::try_from(seed % 8)?;
        let blow = BLOWS[(usize::try_from(round)? + shift) % BLOWS.len()];
        let seconds = 1 + roll(&mut dice) % 4;
        println!("round {round}: {blow:?} for {seconds} s");
        releases.submit(3, 100)?;
        submitted += 1;
        if roll(&mut dice).is_multiple_of(2) {
            releases.submit(1, 0)?;
            submitted += 1;
        }
        strike(&mut away, blow, seconds)?;
    }
    set(&away, Weather::FAIR)?;
    away.await_status("online", PATIENCE)?;
    let done = releases.audit()?;
    ensure!(
        done.succeeded + done.undone + done.stopped == submitted,
        "{done:?} of {submitted}"
    );
    // A blow that falls on a statement which MariaDB commits by itself can leave what only a person can decide; on
    // PostgreSQL the ledger decides.
    let most = if kind == Kind::Mysql {
        usize::try_from(rounds)?
    } else {
        0
    };
    ensure!(done.stopped <= most, "{done:?} after {rounds} blows");
    ensure!(done.succeeded > 0, "nothing went well: {done:?}");
    let samples = books::audit(&mut away)?;
    let (passed, lost) = away.wire.as_ref().context("no wire")?.counts();
    println!(
        "{rounds} rounds: {samples} samples, each stored once; {} releases done once, {} not at all, {} stopped for \
         a person; {passed} packets passed, {lost} lost",
        done.succeeded, done.undone, done.stopped
    );
    Ok(())
}

fn strike(away: &mut Away, blow: Blow, seconds: u64) -> Result<()> {
    match blow {
        Blow::Pull => {
            away.cable.pull()?;
            away.await_taken(seconds)?;
            away.cable.plug()?;
        }
        Blow::Move => {
            away.cable.move_host()?;
            away.await_taken(seconds)?;
        }
        Blow::SilenceUp | Blow::SilenceDown => {
            let up = matches!(blow, Blow::SilenceDown);
            set(
                away,
                Weather {
                    up,
                    down: !up,
                    ..Weather::STORM
                },
            )?;
            // Longer than a connection lives.
            away.await_taken(seconds + 10)?;
        }
        Blow::Narrow => {
            away.cable.carry(1_280)?;
            away.await_taken(seconds)?;
            away.cable.carry(1_500)?;
        }
        Blow::KillPlane => {
            away.plane.kill()?;
            away.await_taken(seconds)?;
            away.plane.serve()?;
            away.admin = away.plane.admin()?;
        }
        Blow::KillAgent => {
            away.await_taken(1)?;
            away.agent.kill()?;
            away.agent.run()?;
        }
        Blow::Nothing => away.await_taken(seconds)?,
    }
    Ok(())
}

fn set(away: &Away, weather: Weather) -> Result<()> {
    away.wire.as_ref().context("no wire")?.set(weather);
    Ok(())
}

/// By xorshift64: the dice need to fall the same way again, not to be secret.
fn roll(dice: &mut u64) -> u64 {
    *dice ^= *dice << 13;
    *dice ^= *dice >> 7;
    *dice ^= *dice << 17;
    *dice
}

fn number(variable: &str) -> Result<Option<u64>> {
    let text = std::env::var(variable).ok();
    text.map(|text| text.parse().with_context(|| format!("{variable} is no number")))
        .transpose()
}
