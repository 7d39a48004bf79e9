//! What the operations answered, counted by status for each caller, and those of them that never succeeded for anybody.
//!
//! An operation that only ever answers 404 or 422 shows that a call can be refused and nothing more. So each one has to
//! succeed at least once over all callers, or stand in `never.txt` with the reason why it can't here.

use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

/// Operations that can't succeed here, each with the reason: `GET /a/path | reason`.
const NEVER: &str = include_str!("never.txt");

/// Counts by operation (`GET /api/v1/hosts`), caller and status.
#[derive(Default)]
pub struct Statuses(BTreeMap<String, BTreeMap<String, BTreeMap<u64, u64>>>);

/// Begins the reason of what succeeds in some runs.
const PERHAPS: &str = "perhaps: ";

impl Statuses {
    /// Adds what a caller's run answered: a file of events, one of JSON on each line.
    pub fn add(&mut self, caller: &str, events: &Path) -> Result<()> {
        let file = File::open(events).with_context(|| format!("no events of {caller}"))?;
        for line in BufReader::new(file).lines() {
            let event: Value = serde_json::from_str(&line?).context("an event is no JSON")?;
            self.add_event(caller, &event);
        }
        Ok(())
    }

    fn add_event(&mut self, caller: &str, event: &Value) {
        let recorder = &event["ScenarioFinished"]["recorder"];
        let (Some(operation), Some(calls)) =
            (recorder["label"].as_str(), recorder["interactions"].as_object())
        else {
            return;
        };
        let callers = self.0.entry(operation.to_owned()).or_default();
        let counts = callers.entry(caller.to_owned()).or_default();
        for call in calls.values() {
            if let Some(status) = call["response"]["status_code"].as_u64() {
                *counts.entry(status).or_default() += 1;
            }
        }
    }

    /// Operations that nobody's call of succeeded; a redirect is a success.
    fn fruitless(&self) -> BTreeSet<&str> {
        let succeeded = |callers: &BTreeMap<String, BTreeMap<u64, u64>>| {
            callers
                .values()
                .flat_map(BTreeMap::keys)
                .any(|status| (200..400).contains(status))
        };
        let never = self.0.iter().filter(|(_, callers)| !succeeded(callers));
        never.map(|(operation, _)| operation.as_str()).collect()
    }

    /// What is wrong with it, one finding on each line: operations that never succeeded and are not listed, and those
    /// that are listed and do, or are none.
    pub fn findings(&self) -> Vec<String> {
        self.findings_against(NEVER)
    }

    fn findings_against(&self, list: &str) -> Vec<String> {
        let fruitless = self.fruitless();
        let listed: BTreeMap<&str, &str> = list
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once(" | "))
            .collect();
        let unlisted = fruitless
            .iter()
            .filter(|operation| !listed.contains_key(**operation));
        let mut findings: Vec<String> = unlisted
            .map(|operation| format!("{operation} never succeeded: {}", self.all_of(operation)))
            .collect();
        for (operation, reason) in &listed {
            if reason.trim().is_empty() {
                findings.push(format!("{operation} is listed without a reason"));
            }
            if !self.0.contains_key(*operation) {
                findings.push(format!("{operation} is listed, but was not called"));
            } else if !fruitless.contains(operation) && !reason.starts_with(PERHAPS) {
                findings.push(format!("{operation} is listed, but succeeds"));
            }
        }
        findings
    }

    /// The statuses of an operation over all callers, such as `403×12 404×3`.
    fn all_of(&self, operation: &str) -> String {
        let mut all: BTreeMap<u64, u64> = BTreeMap::new();
        for counts in self.0.get(operation).into_iter().flat_map(BTreeMap::values) {
            for (status, count) in counts {
                *all.entry(*status).or_default() += count;
            }
        }
        shown(&all)
    }

    /// A table for people: each operation, and below it each caller.
    pub fn table(&self) -> String {
        let mut text = String::new();
        for (operation, callers) in &self.0 {
            let mark = if self.fruitless().contains(operation.as_str()) {
                "  (never)"
            } else {
                ""
            };
            // Writing to a string can't fail.
            let _ok = writeln!(text, "{operation}{mark}");
            for (caller, counts) in callers {
                let _ok = writeln!(text, "    {caller:12} {}", shown(counts));
            }
        }
        text
    }
}

fn shown(counts: &BTreeMap<u64, u64>) -> String {
    let each = counts.iter().map(|(status, count)| format!("{status}×{count}"));
    each.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn counted() -> Statuses {
        let mut statuses = Statuses::default();
        let mut add = |caller: &str, label: &str, status: u64| {
            let interactions = json!({"a": {"response": {"status_code": status}}, "b": {}});
            let event =
                json!({"ScenarioFinished": {"recorder": {"label": label, "interactions": interactions}}});
            statuses.add_event(caller, &event);
        };
        add("nobody", "GET /a", 401);
        add("owner", "GET /a", 200);
        add("nobody", "POST /b", 401);
        add("owner", "POST /b", 404);
        add("owner", "POST /b", 404);
        statuses.add_event("owner", &json!({"EngineFinished": {}}));
        statuses
    }

    #[test]
    fn an_operation_that_never_succeeds_is_named_with_its_statuses() {
        let never = vec!["POST /b never succeeded: 401×1 404×2".to_owned()];
        assert_eq!(counted().findings_against("# nothing"), never);
        assert!(counted().findings_against("POST /b | is away").is_empty());
    }

    #[test]
    fn a_list_that_is_not_true_any_more_is_a_finding() {
        let found = counted().findings_against("GET /a | it is away\nPOST /b |  \nPUT /c | is away");
        assert_eq!(
            found,
            [
                "GET /a is listed, but succeeds",
                "POST /b is listed without a reason",
                "PUT /c is listed, but was not called"
            ]
        );
    }

    #[test]
    fn the_table_has_a_line_for_each_caller() {
        let table = counted().table();
        assert!(table.contains("GET /a\n    nobody       401×1\n    owner        200×1\n"));
        assert!(table.contains("POST /b  (never)\n"));
    }
}
