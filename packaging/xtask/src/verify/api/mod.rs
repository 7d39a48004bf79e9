//! The API against its own document: schemathesis makes calls from the served OpenAPI document, right ones and wrong
//! ones, as each kind of caller, against a real control plane with a host and something of everything in it.
//!
//! A finding is an answer that the document doesn't describe (its status, its type, its shape), or a 5xx. Which
//! caller may do what is not looked at here: the matrix (`access/tests/matrix`) does that.

mod callers;
mod objects;
mod schemathesis;

use super::tally::Tally;
use super::{Bench, at_once};
use crate::{project, say};
use anyhow::{Context, Result};
use muster_tests::Fleet;
use muster_workbench::Env;

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
    let interrupt = bench.interrupt;
    // A run spends most of its time in one thread of Python.
    at_once::each(&callers, |caller| {
        let found = schemathesis.run(interrupt, &files, address.as_str(), caller)?;
        say::line(format_args!("{:12} {found}", caller.name));
        Ok(if found.is_clean() {
            Tally::PASSED
        } else {
            Tally::FAILED
        })
    })
}
