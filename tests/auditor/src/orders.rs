//! Work orders: what the control plane's tables and the host's two journals say of one, and whether they agree.

use crate::Database;
use crate::database::Column::{Id, Text};
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Checks the one order of a deployment or execution: it ended as `state`, and every record of it says so.
/// Returns the order's id.
pub fn audit(database: &Database, agent: &Path, subject: &str, state: &str) -> Result<String> {
    let condition = format!("work_orders where subject_id = {}", database.id(subject));
    audit_the_one(database, agent, &condition, state)
}

/// As [`audit`], of an order by its own id.
pub fn audit_order(database: &Database, agent: &Path, order: &str, state: &str) -> Result<String> {
    let condition = format!("work_orders where id = {}", database.id(order));
    audit_the_one(database, agent, &condition, state)
}

fn audit_the_one(database: &Database, agent: &Path, condition: &str, state: &str) -> Result<String> {
    let columns = [
        Id("id"),
        Text("state"),
        Text("accepted_at"),
        Text("ended_at"),
        Text("error"),
        Text("sealed"),
    ];
    let rows = database.rows(&columns, condition)?;
    ensure!(rows.len() == 1, "{} orders for one thing: {rows:?}", rows.len());
    let [id, found, accepted, ended, error, sealed] = rows[0].as_slice() else {
        anyhow::bail!("other columns than were asked for");
    };
    ensure!(
        found == state,
        "the order ended as {found}, not as {state}: {error}"
    );
    ensure!(
        !accepted.is_empty() && !ended.is_empty(),
        "it has no beginning or no end: {rows:?}"
    );
    ensure!(sealed.is_empty(), "its secrets are kept beyond its end");
    let id = hyphenated(id);
    let resident = history(&agent.join("resident/orders"), &id).context("the resident's journal")?;
    let worker = history(&agent.join("worker/journal"), &id).context("the worker's journal")?;
    ensure!(
        resident.outcome == worker.outcome,
        "the resident says {} and the worker {}",
        resident.outcome,
        worker.outcome
    );
    ensure!(
        !agent.join(format!("resident/orders/{id}.order")).exists(),
        "the order's text is kept beyond its end"
    );
    ensure!(
        resident.events == worker.events,
        "the resident heard {:?} of the worker's events {:?}",
        resident.events,
        worker.events
    );
    let events = database.rows(
        &[Text("seq")],
        &format!(
            "work_order_events where order_id = {} order by seq",
            database.id(&id)
        ),
    )?;
    let events: Vec<u64> = events.iter().filter_map(|row| row[0].parse().ok()).collect();
    ensure!(
        events == worker.events,
        "{events:?} is stored of the worker's events {:?}",
        worker.events
    );
    let status = worker.outcome["status"].as_str().unwrap_or_default();
    ensure!(
        status.eq_ignore_ascii_case(state),
        "the host says {status}, the control plane {state}"
    );
    Ok(id)
}

/// Checks the one order of an execution that the host refused: the control plane and both journals say so, and it was never
/// accepted.
pub fn audit_refused(database: &Database, agent: &Path, subject: &str) -> Result<()> {
    let rows = database.rows(
        &[Id("id"), Text("state"), Text("accepted_at"), Text("sealed")],
        &format!("work_orders where subject_id = {}", database.id(subject)),
    )?;
    ensure!(rows.len() == 1, "{} orders for one thing: {rows:?}", rows.len());
    ensure!(
        rows[0][1..] == ["refused", "", ""],
        "the control plane says {rows:?}"
    );
    let id = hyphenated(&rows[0][0]);
    let mut words = Vec::new();
    for place in ["resident/orders", "worker/journal"] {
        let text = fs::read_to_string(agent.join(place).join(format!("{id}.jsonl")))?;
        let lines = text.lines().map(serde_json::from_str::<Value>);
        let lines = lines
            .collect::<Result<Vec<_>, _>>()
            .with_context(|| text.clone())?;
        let [started, refused] = lines.as_slice() else {
            anyhow::bail!("{place} does not hold a beginning and a refusal: {text}");
        };
        ensure!(
            started.get("started").is_some() && refused.get("refused").is_some(),
            "{place}: {text}"
        );
        words.push(refused.clone());
    }
    ensure!(words[0] == words[1], "resident and worker differ: {words:?}");
    Ok(())
}

/// Checks that a row says how it ended: `table` holds `status` for `id`.
pub fn audit_status(database: &Database, table: &str, id: &str, status: &str) -> Result<()> {
    let condition = format!("{table} where id = {}", database.id(id));
    let rows = database.rows(&[Text("status"), Text("error")], &condition)?;
    let found: Vec<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    ensure!(found == [status], "{table} says {rows:?}, not {status}");
    Ok(())
}

struct History {
    outcome: Value,
    events: Vec<u64>,
}

/// One journal's file, line by line: it begins with `started`, ends with the one outcome, and its events are numbered
/// without gap or repetition.
fn history(dir: &Path, id: &str) -> Result<History> {
    let text = fs::read_to_string(dir.join(format!("{id}.jsonl")))?;
    let lines = text.lines().map(serde_json::from_str::<Value>);
    let lines = lines
        .collect::<Result<Vec<_>, _>>()
        .with_context(|| text.clone())?;
    let count = |name: &str| lines.iter().filter(|line| line.get(name).is_some()).count();
    ensure!(
        lines.first().is_some_and(|line| line.get("started").is_some()),
        "it does not begin with `started`: {text}"
    );
    for name in ["started", "accepted", "outcome"] {
        ensure!(
            count(name) == 1,
            "`{name}` is there {} times: {text}",
            count(name)
        );
    }
    let outcome = lines.last().and_then(|line| line.get("outcome"));
    let outcome = outcome.with_context(|| format!("it does not end with `outcome`: {text}"))?;
    let events: Vec<u64> = lines
        .iter()
        .filter_map(|line| line["event"]["seq"].as_u64())
        .collect();
    let expected: Vec<u64> = (0..events.len() as u64).collect();
    ensure!(events == expected, "events are missing or doubled: {events:?}");
    Ok(History {
        outcome: outcome.clone(),
        events,
    })
}

/// An id of 32 hexadecimal digits as the API writes it.
pub fn hyphenated(id: &str) -> String {
    let part = |from: usize, to: usize| id.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}
