//! A plan for a large schema with few changes. `muster-corpus` measures it, built as the library is shipped.
//!
//! The peer is migra, which is installed from its package registry into an environment of its own, once. Skeema comes only
//! as a Go program, which can't be installed from a registry of packages here: there is no ratio to it.

use super::{Args, built};
use crate::interrupt::Interrupt;
use crate::{project, say};
use anyhow::{Context, Result, ensure};
use muster_workbench::{cache, tools};
use serde_json::Value;
use std::fs;
use std::io::Read as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What is installed. migra itself imports `pkg_resources`, which newer setuptools don't have.
const WANTED: &[&str] = &[
    "migra==3.0.1663481299",
    "psycopg2-binary==2.9.10",
    "setuptools==75.8.0",
];

/// Why there is no ratio to skeema.
const NO_SKEEMA: &str = "skeema is a Go program that no registry of packages for Python, JavaScript, Rust or Debian has, and is \
    not measured";

/// All numbers.
pub fn measure(args: &Args, interrupt: &Interrupt) -> Result<Value> {
    let programs = built::corpus(interrupt)?;
    let migra = migra(interrupt)?;
    let mut command = Command::new(programs.join("muster-corpus"));
    command
        .args(["diff", "--tables", &args.tables.to_string(), "--migra"])
        .arg(migra)
        .stdin(Stdio::null());
    let (mut reader, writer) = std::io::pipe()?;
    command.stdout(writer);
    let status = interrupt.status(&mut command)?;
    ensure!(status.success(), "the measurement failed ({status})");
    drop(command);
    let mut answer = String::new();
    reader.read_to_string(&mut answer)?;
    let line = answer.lines().last().context("the measurement said nothing")?;
    let mut answer: Value =
        serde_json::from_str(line).with_context(|| format!("the measurement said {line}"))?;
    // Nobody should have to wonder whether a ratio was left out because it was bad.
    answer["ratioSkeema"] = Value::Null;
    answer["noSkeema"] = NO_SKEEMA.into();
    Ok(answer)
}

/// The program, in an environment that is kept in the cache.
fn migra(interrupt: &Interrupt) -> Result<PathBuf> {
    let root = cache::dir()?.join("tools/migra");
    let (program, stamp) = (root.join("bin/migra"), root.join("wanted.txt"));
    let wanted = WANTED.join("\n");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(program);
    }
    tools::install_missing(&[tools::PYTHON])?;
    say::note(format_args!(
        "installing migra (once; it is kept in {})",
        root.display()
    ));
    let mut venv = Command::new(tools::PYTHON.path()?);
    project::must(
        interrupt,
        venv.args(["-m", "venv", "--clear"]).arg(&root),
        "python3 -m venv (on Debian it needs the package python3-venv)",
    )?;
    let mut pip = Command::new(root.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check"])
        .args(WANTED);
    project::must(interrupt, &mut pip, "pip install")?;
    fs::write(stamp, wanted)?;
    Ok(program)
}
