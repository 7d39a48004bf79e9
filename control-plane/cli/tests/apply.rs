//! `musterctl schema apply` as a script sees it, as far as it needs no control plane.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    path::Path,
    process::{Command, Output},
};

const TABLE: &str = "apiVersion: v1alpha1
kind: TableSnapshot
metadata: {name: t_user}
spec:
  database: shop
  columns:
    - {name: id, dataType: bigint, primaryKey: true}
";

fn apply(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_musterctl"))
        .args(["schema", "apply"])
        .args(arguments)
        .env_remove("MUSTER_SERVER")
        .env("MUSTER_KEY", "dw_planted")
        .output()
        .unwrap()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

fn file(dir: &Path, name: &str, text: &str) -> String {
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn files_are_checked_without_a_control_plane() {
    let dir = tempfile::tempdir().unwrap();
    let good = file(dir.path(), "good.yaml", TABLE);
    let bad = TABLE.replace("primaryKey", "primarykey");
    let bad = file(dir.path(), "bad.yaml", &bad);
    let checked = apply(&["--check", &good]);
    assert_eq!(checked.status.code(), Some(0), "{}", stderr(&checked));
    let checked = apply(&["--check", &good, &bad]);
    assert_eq!(checked.status.code(), Some(3));
    let line = format!("musterctl: {bad}:7: spec.columns[0].primarykey: is not a field here");
    assert!(stderr(&checked).starts_with(&line), "{}", stderr(&checked));
    let twice = apply(&["--check", &good, &good]);
    assert_eq!(twice.status.code(), Some(3));
    assert!(
        stderr(&twice).contains("good.yaml:1: metadata.name: "),
        "{}",
        stderr(&twice)
    );
}

#[test]
fn what_the_seed_s_release_is_refused_for_is_said() {
    let release = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../shared/documents/tests/seed/release.yaml"
    );
    let refused = apply(&["--check", release]);
    assert_eq!(refused.status.code(), Some(3));
    assert!(
        stderr(&refused).contains("made by the last approval of a ticket"),
        "{}",
        stderr(&refused)
    );
}

#[test]
fn a_control_plane_that_is_not_there_is_a_failure() {
    let dir = tempfile::tempdir().unwrap();
    let good = file(dir.path(), "good.yaml", TABLE);
    let none = apply(&[&good]);
    assert_eq!(none.status.code(), Some(1));
    assert!(
        stderr(&none).contains("--server or MUSTER_SERVER"),
        "{}",
        stderr(&none)
    );
    let far = apply(&["--server", "http://muster.example", &good]);
    assert_eq!(far.status.code(), Some(1));
    assert!(stderr(&far).contains("use https"), "{}", stderr(&far));
    // Port 9 of this machine: nobody listens there.
    let away = apply(&["--server", "http://127.0.0.1:9", &good]);
    assert_eq!(away.status.code(), Some(1));
    assert!(
        stderr(&away).contains("no answer from the control plane") && !stderr(&away).contains("dw_planted"),
        "{}",
        stderr(&away)
    );
}
