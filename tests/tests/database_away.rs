//! PostgreSQL is stopped and started again while people call and a fleet reports: every call is answered, what was
//! acknowledged is there, and nobody has to do anything.

use anyhow::{Context, Result, ensure};
use muster_simulator::{Options, SimulatedFleet, audit};
use muster_tests::api::text;
use muster_tests::wait::{self, Found};
use muster_tests::{Api, ControlPlane, control_plane};
use muster_workbench::{OwnDatabase, Service};
use serde_json::json;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const AGENTS: usize = 20;
const CALLERS: usize = 4;
const CONNECTIONS: u32 = 100;
/// Calls of each kind before, during and after the outage.
const ENOUGH: usize = 20;
const PATIENCE: Duration = Duration::from_mins(1);

/// What the callers met.
#[derive(Default)]
struct Met {
    /// The names that were acknowledged.
    made: Vec<String>,
    read: usize,
    refused: usize,
}

/// People who write and read without a pause.
struct Crowd {
    met: Mutex<Met>,
    enough: AtomicBool,
}

impl Crowd {
    fn with<T>(&self, look: impl FnOnce(&mut Met) -> T) -> T {
        look(&mut self.met.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes environments and reads the list of hosts. Nothing but success and `database-unavailable` may come back.
    fn call(&self, admin: &Api, caller: usize) -> Result<()> {
        let mut number = 0;
        while !self.enough.load(Ordering::SeqCst) {
            number += 1;
            let name = format!("e-{caller}-{number}");
            let body = json!({"name": name, "label": name, "type": "testing"});
            let made = admin.call("POST", "/api/v1/environments", Some(&body))?;
            match made.status {
                201 => self.with(|met| met.made.push(name)),
                _ => self.refused(&made)?,
            }
            let read = admin.call("GET", "/api/v1/hosts", None)?;
            match read.status {
                200 => self.with(|met| met.read += 1),
                _ => self.refused(&read)?,
            }
        }
        Ok(())
    }

    fn refused(&self, answer: &muster_tests::api::Answer) -> Result<()> {
        let kind = answer.json()?["type"].clone();
        ensure!(
            answer.status == 503 && kind == "database-unavailable",
            "{answer:?}"
        );
        self.with(|met| met.refused += 1);
        Ok(())
    }

    fn await_more(&self, what: &str, count: impl Fn(&Met) -> usize) -> Result<()> {
        let before = self.with(|met| count(met));
        wait::until(&format!("more calls to be {what}"), PATIENCE, || {
            let more = self.with(|met| count(met)) - before;
            Ok(Found::from_option((more >= ENOUGH).then_some(()), more))
        })
    }
}

#[test]
fn a_database_that_goes_away_under_load_is_waited_for_and_loses_nothing() -> Result<()> {
    let mut database = OwnDatabase::start(Service::Postgres, CONNECTIONS)?;
    let dir = tempfile::tempdir()?;
    let options = control_plane::Options {
        database: Some(database.url().to_owned()),
        settings: vec![("MUSTER_LINK__SAMPLE_INTERVAL_S".to_owned(), "1".to_owned())],
        ..control_plane::Options::new()?
    };
    let mut plane = ControlPlane::start(dir.path(), options)?;
    let admin = plane.admin()?;
    let fleet = SimulatedFleet::join(
        &admin,
        Options {
            agents: AGENTS,
            seed: 1,
        },
    )?;
    fleet.start();
    fleet.await_connected(PATIENCE)?;

    let crowd = Crowd {
        met: Mutex::default(),
        enough: AtomicBool::new(false),
    };
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| {
                let (crowd, admin) = (&crowd, admin.clone());
                scope.spawn(move || crowd.call(&admin, caller))
            })
            .collect();
        let story = outage(&crowd, &mut database, &plane, &fleet);
        crowd.enough.store(true, Ordering::SeqCst);
        for caller in callers {
            let Ok(called) = caller.join() else {
                anyhow::bail!("a caller panicked");
            };
            called?;
        }
        story
    })?;

    let mut found: HashMap<String, usize> = HashMap::new();
    for environment in admin.list("/api/v1/environments?limit=200")? {
        *found.entry(text(&environment, "name")?.to_owned()).or_default() += 1;
    }
    for name in crowd.with(|met| std::mem::take(&mut met.made)) {
        ensure!(
            found.get(&name) == Some(&1),
            "{name} was acknowledged and is lost"
        );
    }
    fleet.drain(PATIENCE)?;
    let audit = audit(&admin, fleet.books())?;
    ensure!(audit.is_clean(), "{audit:?}");
    ensure!(plane.is_running(), "{}", plane.last_words());
    Ok(())
}

fn outage(
    crowd: &Crowd,
    database: &mut OwnDatabase,
    plane: &ControlPlane,
    fleet: &SimulatedFleet,
) -> Result<()> {
    let nobody = plane.api();
    let is = |path: &str, status: u16| -> Result<()> {
        wait::until(&format!("{path} to answer {status}"), PATIENCE, || {
            let answer = nobody.call("GET", path, None)?;
            Ok(Found::from_option(
                (answer.status == status).then_some(()),
                answer.text,
            ))
        })
    };
    crowd.await_more("acknowledged", |met| met.made.len())?;
    crowd.await_more("read", |met| met.read)?;

    database.crash()?;
    is("/readyz", 503)?;
    is("/healthz", 200)?;
    crowd.await_more("refused", |met| met.refused)?;
    let login = json!({"login": "someone", "password": "a wrong password"});
    let refused = nobody.call("POST", "/api/v1/auth/login", Some(&login))?;
    ensure!(
        refused.status == 503
            && refused.json()?["type"] == "database-unavailable"
            && refused.retry_after.is_some_and(|seconds| seconds > 0),
        "{refused:?}"
    );

    database
        .start_again()
        .context("PostgreSQL does not start again")?;
    is("/readyz", 200)?;
    crowd.await_more("acknowledged", |met| met.made.len())?;
    crowd.await_more("read", |met| met.read)?;
    fleet.await_connected(PATIENCE)
}
