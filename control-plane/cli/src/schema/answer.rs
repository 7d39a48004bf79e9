//! What a control plane answers, for people and for programs.
//!
//! For people it is cut to what they decide by. A text of others is written so that it looks like what it is: what would steer a
//! terminal, or turn a line round, is shown as its number.

use std::io::{self, Write as _};

use anyhow::{bail, ensure};
use muster_schema::visible;
use serde_json::Value;

use super::{REFUSED, server::Answer};

/// The answer; nothing if it was a refusal, which is told then.
pub(super) fn accepted(answer: Answer) -> Option<Value> {
    match answer {
        Answer::Done(value) => Some(value),
        Answer::Refused { detail, errors } => {
            for (field, message) in &errors {
                crate::report(&visible(&format!("{field}: {message}")));
            }
            if errors.is_empty() {
                crate::report(&visible(&detail));
            }
            None
        }
    }
}

/// Prints an answer as JSON, or what `lines` makes of it, and ends with `code`.
pub(super) fn print(
    value: &Value,
    json: bool,
    code: u8,
    lines: impl FnOnce(&Value) -> Vec<String>,
) -> anyhow::Result<u8> {
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer(&mut out, value)?;
        writeln!(out)?;
    } else {
        for line in lines(value) {
            writeln!(out, "{}", visible(&line))?;
        }
    }
    out.flush()?;
    Ok(code)
}

/// As [`print()`], of an answer that may be a refusal.
pub(super) fn print_accepted(
    answer: Answer,
    json: bool,
    lines: impl FnOnce(&Value) -> Vec<String>,
) -> anyhow::Result<u8> {
    match accepted(answer) {
        Some(value) => print(&value, json, super::NOTHING, lines),
        None => Ok(REFUSED),
    }
}

/// An id in an address: nothing that would make it another address.
pub(super) fn id(text: &str) -> anyhow::Result<&str> {
    let fits = !text.is_empty() && text.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    ensure!(fits, "{text:?} is no id");
    Ok(text)
}

/// A word of an object; empty if it has none.
pub(super) fn word<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap_or_default()
}

/// A list of an object; empty if it has none.
pub(super) fn list<'v>(value: &'v Value, field: &str) -> &'v [Value] {
    value[field].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// A word that has to be there.
pub(super) fn needed<'v>(value: &'v Value, field: &str) -> anyhow::Result<&'v str> {
    match word(value, field) {
        "" => bail!("the control plane's answer can't be understood"),
        word => Ok(word),
    }
}

/// What is to run on each server, statement by statement: its risk with the reasons before it, findings after.
pub(super) fn sql_of_servers(value: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    for server in list(value, "servers") {
        lines.push(format!(
            "-- on {}, database {}: {}",
            word(server, "label"),
            word(server, "database"),
            word(server, "risk")
        ));
        for statement in list(server, "statements") {
            let reasons: Vec<&str> = list(statement, "reasons")
                .iter()
                .filter_map(Value::as_str)
                .collect();
            if word(statement, "risk") != "safe" {
                lines.push(format!(
                    "-- {}: {}",
                    word(statement, "risk"),
                    reasons.join("; ").replace('\n', " ")
                ));
            }
            lines.extend(format!("{};", word(statement, "sql")).lines().map(str::to_owned));
        }
        for finding in list(server, "findings") {
            lines.push(format!(
                "-- {} {} line {}: {}",
                word(finding, "rule"),
                word(finding, "severity"),
                finding["line"].as_i64().unwrap_or_default(),
                word(finding, "message").replace('\n', " ")
            ));
        }
        for lost in list(server, "notTakenBack").iter().filter_map(Value::as_str) {
            lines.push(format!("-- is not taken back: {}", lost.replace('\n', " ")));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_id_is_no_address() {
        assert!(id("0199c0de-0000-7000-8000-000000000000").is_ok());
        for bad in ["", "a/../b", "x?y", "0199 "] {
            assert!(id(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_statement_stands_below_its_risk() {
        let shown = sql_of_servers(&json!({"servers": [{
            "label": "pg", "database": "shop", "risk": "destructive",
            "statements": [
                {"sql": "select 1", "risk": "safe", "reasons": []},
                {"sql": "drop table t", "risk": "destructive", "reasons": ["the table and its rows\nare gone"]},
            ],
            "findings": [{"rule": "drop-table", "severity": "warning", "line": 2, "message": "gone"}],
            "notTakenBack": ["the rows"],
        }]}));
        assert_eq!(
            shown,
            [
                "-- on pg, database shop: destructive",
                "select 1;",
                "-- destructive: the table and its rows are gone",
                "drop table t;",
                "-- drop-table warning line 2: gone",
                "-- is not taken back: the rows",
            ]
        );
    }
}
