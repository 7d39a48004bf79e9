//! A ticket that was approved: who said yes to which step, and the one release that came of it.

use crate::Database;
use crate::database::Column::{Id, Text};
use anyhow::{Result, ensure};

/// Checks a ticket whose steps were approved as `steps` says, a step's number for each vote: every vote is there and counts,
/// and they made one release. The release's id.
pub fn audit_approved(database: &Database, ticket: &str, version: &str, steps: &[usize]) -> Result<String> {
    let this = database.id(ticket);
    let status = database.rows(
        &[Text("status"), Text("version")],
        &format!("tickets where id = {this}"),
    )?;
    ensure!(status == [["approved", version]], "the ticket says {status:?}");
    let votes = database.rows(
        &[Text("step"), Text("counted"), Text("person")],
        &format!("ticket_approvals where ticket_id = {this} order by step, at"),
    )?;
    let found: Vec<&str> = votes.iter().map(|vote| vote[0].as_str()).collect();
    let expected: Vec<String> = steps.iter().map(ToString::to_string).collect();
    ensure!(found == expected, "the votes are {votes:?}");
    ensure!(
        votes.iter().all(|vote| matches!(vote[1].as_str(), "1" | "true")),
        "not every vote counts: {votes:?}"
    );
    let events = database.rows(
        &[Text("kind"), Text("person")],
        &format!("ticket_events where ticket_id = {this} order by position"),
    )?;
    let kinds: Vec<&str> = events.iter().map(|event| event[0].as_str()).collect();
    let mut told = vec!["proposed"];
    told.resize(steps.len() + 1, "approved");
    ensure!(kinds == told, "what happened to the ticket: {events:?}");
    let voters: Vec<&String> = votes.iter().map(|vote| &vote[2]).collect();
    let said: Vec<&String> = events.iter().skip(1).map(|event| &event[1]).collect();
    ensure!(
        voters == said,
        "{voters:?} have voted, and {said:?} are said to have"
    );
    let releases = database.rows(
        &[Id("id"), Text("version")],
        &format!("releases where ticket_id = {this} or version = '{version}'"),
    )?;
    ensure!(
        releases.len() == 1 && releases[0][1] == version,
        "the ticket's releases are {releases:?}"
    );
    Ok(releases[0][0].clone())
}
