//! The API against its own document: schemathesis makes calls from the served OpenAPI document, right ones and wrong
//! ones, as each kind of caller, against a real control plane with a host and something of everything in it.
//!
//! A finding is an answer that the document doesn't describe (its status, its type, its shape), or a 5xx; and an
//! operation that nobody's call of succeeded, unless `never.txt` says why. Which caller may do what is not looked at
//! here: the matrix (`access/tests/matrix`) does that. What each operation answered to whom stands in a table in the
//! target folder afterwards.

mod callers;
mod objects;
mod schemathesis;
mod statuses;

use super::tally::Tally;
use super::{Bench, at_once};
use crate::{project, say};
use anyhow::{Context, Result};
use muster_tests::Fleet;
use muster_workbench::Env;
use statuses::Statuses;
use std::fs;
use std::sync::{Mutex, PoisonError};

/// Starts a fleet and lets each caller loose on it.
pub fn run(bench: &Bench<'_>) -> Result<Tally> {
    let schemathesis = schemathesis::install(bench.interrupt)?;
    muster_tests::programs::use_dir(project::build_programs(bench.interrupt)?);
    let dir = tempfile::Builder::new().prefix("muster-api-").tempdir()?;
    let fleet = Fleet::start(&Env::default(), dir.path())?;
    let document = fleet.admin.get("/api/v1/openapi.json")?;
    let people = callers::sign_in(&fleet.admin).context("the callers could not be made")?;
    let ground = objects::Ground {
        super_admin: &fleet.admin,
        people: &people,
        host: &fleet.host,
        dir: dir.path(),
    };
    let made = objects::make(&ground).context("there is nothing to look at")?;
    let mut callers = people.with_keys(&made.other_application)?;
    callers.sort_by_key(|caller| !caller.thorough);
    let files = schemathesis::Files::write(dir.path(), &document, &made)?;
    let address = fleet.plane.address();
    let interrupt = bench.interrupt;
    let statuses = Mutex::new(Statuses::default());
    // A run spends most of its time in one thread of Python.
    let mut tally = at_once::each(&callers, |caller| {
        let found = schemathesis.run(interrupt, &files, address.as_str(), caller)?;
        let events = files.events(caller);
        let mut all = statuses.lock().unwrap_or_else(PoisonError::into_inner);
        all.add(caller.name, &events)?;
        fs::remove_file(events)?;
        say::line(format_args!("{:12} {found}", caller.name));
        Ok(if found.is_clean() {
            Tally::PASSED
        } else {
            Tally::FAILED
        })
    })?;
    let statuses = statuses.into_inner().unwrap_or_else(PoisonError::into_inner);
    let table = project::target_dir().join("api-statuses.txt");
    fs::write(&table, statuses.table())?;
    let findings = statuses.findings();
    findings.iter().for_each(say::line);
    say::line(format_args!(
        "{} operations that should have succeeded for somebody; all answers: {}",
        findings.len(),
        table.display()
    ));
    tally += if findings.is_empty() {
        Tally::PASSED
    } else {
        Tally::FAILED
    };
    Ok(tally)
}
