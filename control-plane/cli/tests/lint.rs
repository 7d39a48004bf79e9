//! `musterctl schema lint` as a script sees it.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    io::{ErrorKind, Write as _},
    process::{Command, Output, Stdio},
};

fn lint(arguments: &[&str], sql: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_musterctl"))
        .args(["schema", "lint"])
        .args(arguments)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Whoever is wrongly called ends without reading.
    if let Err(error) = child.stdin.take().unwrap().write_all(sql.as_bytes()) {
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    }
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn findings_are_lines_of_rule_severity_line_message() {
    let output = lint(
        &["--dialect", "postgres"],
        "create table t (id int primary key);\n\ndrop table u;",
    );
    assert_eq!(output.status.code(), Some(2));
    let line = text(&output.stdout).trim_end();
    assert!(
        line.starts_with("drop-table error 3 DROP TABLE u loses its rows"),
        "{line}"
    );
}

#[test]
fn nothing_found_is_exit_0() {
    let output = lint(&["--dialect", "mysql"], "create table t (id int primary key)");
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), ""));
}

#[test]
fn what_cannot_be_read_is_exit_3_with_the_reason() {
    let output = lint(&["--dialect", "postgres"], "select 1;\nselect 'a");
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(3), ""));
    assert_eq!(
        text(&output.stderr),
        "musterctl: line 2: the string that starts here is never closed\n"
    );
}

#[test]
fn a_missing_file_is_exit_1() {
    let output = Command::new(env!("CARGO_BIN_EXE_musterctl"))
        .args(["schema", "lint", "--dialect", "mysql", "/no/such/file"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("/no/such/file can't be read"));
}

#[test]
fn json_is_one_array() {
    let output = lint(&["--dialect", "mysql", "--json"], "truncate table t");
    let findings: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(findings[0]["rule"], "truncate");
    assert_eq!(findings[0]["line"], 1);
}

#[test]
fn rules_are_set_by_the_caller() {
    let sql = "drop table t";
    let output = lint(&["--dialect", "mysql", "--set", "drop-table=off"], sql);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), ""));
    let output = lint(&["--dialect", "mysql", "--set", "drop-table=info"], sql);
    assert!(text(&output.stdout).starts_with("drop-table info 1 "));
    let output = lint(&["--dialect", "mysql", "--set", "drop-tabel=off"], sql);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("there is no rule drop-tabel"));
}

#[test]
fn all_rules_are_listed_with_what_they_are() {
    let output = Command::new(env!("CARGO_BIN_EXE_musterctl"))
        .args(["schema", "lint", "--rules", "--dialect", "mysql"])
        .output()
        .unwrap();
    let listed: Vec<&str> = text(&output.stdout).lines().collect();
    assert!(listed.contains(&"drop-table error") && listed.contains(&"table-comment off"));
}
