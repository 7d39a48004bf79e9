//! The API against its own document: schemathesis makes calls from the served OpenAPI document, right ones and wrong
//! ones, as each kind of caller, against a real control plane with a host and something of everything in it.
//!
//! A finding is an answer that the document doesn't describe (its status, its type, its shape), or a 5xx. Which
//! caller may do what is not looked at here: the matrix (`access/tests/matrix`) does that.

mod callers;
mod objects;
mod schemathesis;

use super::Bench;
use super::tally::Tally;
use crate::{project, say};
use anyhow::{Context, Result, anyhow};
use muster_tests::Fleet;
use muster_workbench::Env;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Callers that are let loose at the same time.
const AT_ONCE: usize = 2;

/// Starts a fleet and lets each caller loose on it.
pub fn run(bench: &Bench<'_>) -> Result<Tally> {
    let schemathesis = schemathesis::install(bench.interrupt)?;
    muster_tests::programs::use_dir(project::build_programs(bench.interrupt)?);
    let dir = tempfile::Builder::new().prefix("muster-api-").tempdir()?;
    let fleet = Fleet::start(&Env::default(), dir.path())?;
    let document = fleet.admin.get("/api/v1/openapi.json")?;
    let people = callers::sign_in(&fleet.admin).context("the callers could not be made")?;
    let made = objects::make(&fleet.admin, &fleet.host, &people).context("there is nothing to look at")?;
    let mut callers = people.with_keys(&made.other_application)?;
    callers.sort_by_key(|caller| !caller.thorough);
    let files = schemathesis::Files::write(dir.path(), &document, &made)?;
    let address = fleet.plane.address();
    // A run spends its time in one thread of Python.
    let (queue, tally) = (Mutex::new(callers.iter()), Mutex::new(Tally::default()));
    let work = || -> Result<()> {
        while let Some(caller) = next(&queue) {
            let found = schemathesis.run(bench.interrupt, &files, address.as_str(), caller)?;
            say::line(format_args!("{:12} {found}", caller.name));
            *tally.lock().unwrap_or_else(PoisonError::into_inner) += if found.is_clean() {
                Tally::PASSED
            } else {
                Tally::FAILED
            };
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        let ended = workers.into_iter().map(|worker| worker.join());
        ended
            .into_iter()
            .try_for_each(|result| result.map_err(|_| anyhow!("a caller's thread panicked"))?)
    })?;
    Ok(tally.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn next<'c>(queue: &Mutex<std::slice::Iter<'c, callers::Caller>>) -> Option<&'c callers::Caller> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).next()
}
