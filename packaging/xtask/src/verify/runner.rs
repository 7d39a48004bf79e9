//! Runs the tests of chosen packages, with cargo-nextest where it is installed.

use super::Bench;
use super::tally::Tally;
use crate::project;
use anyhow::{Context, Result};
use muster_workbench::Workbench;
use muster_workbench::process::succeeds;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::thread;

/// Which tests to run.
pub enum Tests {
    /// Those of all packages, but not the integration tests of the tests crate.
    Packages,
    /// One file or folder of `tests/tests`.
    File(&'static str),
    /// All files and folders of `tests/tests` but those.
    FilesExcept(&'static [&'static str]),
}

/// Runs `tests` and counts them.
pub fn run(bench: &Bench<'_>, tests: &Tests) -> Result<Tally> {
    let files = match tests {
        Tests::Packages => None,
        Tests::File(name) => Some(vec![(*name).to_owned()]),
        Tests::FilesExcept(others) => Some(test_files(others)?),
    };
    if files.as_ref().is_some_and(Vec::is_empty) {
        return Ok(Tally::default());
    }
    let with_nextest = succeeds(Command::new("cargo").args(["nextest", "--version"]));
    let mut command = if with_nextest {
        // Always the whole workspace, chosen from by a filter: a part of it would be built with other features.
        let filter = match &files {
            None => "not (package(muster-tests) and kind(test))".to_owned(),
            Some(files) => files
                .iter()
                .map(|file| format!("(package(muster-tests) and binary({file}))"))
                .collect::<Vec<_>>()
                .join(" or "),
        };
        let mut command = project::cargo(&[
            "nextest",
            "run",
            "--workspace",
            "--no-fail-fast",
            "--no-tests",
            "pass",
            "-E",
        ]);
        command.arg(filter);
        command
    } else {
        let mut command = project::cargo(&["test", "--no-fail-fast"]);
        match &files {
            None => command.args(["--workspace", "--exclude", "muster-tests"]),
            Some(files) => command
                .args(["--package", "muster-tests"])
                .args(files.iter().flat_map(|file| ["--test", file])),
        };
        command
    };
    // Some tests wait for others: for an engine, a deadline, a program that starts again. Stories do most of the time.
    let waiting = match tests {
        Tests::Packages => 1,
        Tests::File(_) => 0,
        Tests::FilesExcept(_) => 2,
    };
    let threads = (thread::available_parallelism()?.get() + waiting).to_string();
    command
        .env("NEXTEST_TEST_THREADS", &threads)
        .env("RUST_TEST_THREADS", &threads);
    if let Some(dir) = bench.services().and_then(Workbench::small_files)
        && waiting > 0
    {
        // Each test makes a data directory, and gives it up a second later. A machine with systemd has a disk.
        command.env("TMPDIR", dir);
    }
    counted(bench, &mut command)
}

/// Runs the command, shows what it says, and counts the tests in it.
fn counted(bench: &Bench<'_>, command: &mut Command) -> Result<Tally> {
    // Both streams go through one pipe: nextest reports on standard error, libtest on standard output.
    let (reader, writer) = std::io::pipe()?;
    command
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer);
    bench
        .with_services(command)
        .env("MUSTER_TEST_BIN_DIR", project::bin_dir());
    let counting = thread::spawn(move || {
        let mut tally = Tally::default();
        let mut output = std::io::stdout();
        for line in BufReader::new(reader).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line);
            tally.read_line(&line);
            writeln!(output, "{line}").ok();
        }
        tally
    });
    let status = bench.interrupt.status(command);
    // The command keeps the pipe's other end open until it is given something else.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut tally = counting
        .join()
        .ok()
        .context("the test output could not be read")?;
    if !status?.success() && tally.failed == 0 {
        tally += Tally::FAILED; // it did not compile, or a test program died
    }
    Ok(tally)
}

fn test_files(others: &[&str]) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(project::root().join("tests/tests"))? {
        let path = entry?.path();
        let stem = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or_default();
        // A folder with a main.rs is one program, too.
        let is_test =
            path.extension().is_some_and(|extension| extension == "rs") || path.join("main.rs").exists();
        if is_test && !others.contains(&stem) {
            names.push(stem.to_owned());
        }
    }
    names.sort();
    Ok(names)
}
