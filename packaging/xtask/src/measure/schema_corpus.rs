//! Other people's cases of schemas that change: how many the planner brings where they should be. `muster-corpus` does it.
//!
//! This counts right and wrong, not time, so it is built as the tests are.

use super::Args;
use crate::interrupt::Interrupt;
use crate::{project, say};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::io::Read as _;
use std::process::{Command, Stdio};

/// The sums for each server; each case's verdict stands in the file that `report` names.
pub fn measure(args: &Args, interrupt: &Interrupt) -> Result<Value> {
    let corpus = args
        .corpus
        .as_ref()
        .context("say where the cases are: --corpus DIR, which holds the folders mysql and postgres")?;
    let corpus = corpus
        .canonicalize()
        .with_context(|| format!("{} can't be found", corpus.display()))?;
    say::note("building the corpus runner");
    let mut build = project::cargo(&["build", "--quiet", "-p", "muster-corpus"]);
    project::must(interrupt, &mut build, "the build")?;
    let mut command = Command::new(project::bin_dir().join("muster-corpus"));
    command
        .arg("judge")
        .arg("--corpus")
        .arg(corpus)
        .arg("--report")
        .arg(project::target_dir().join("schema-corpus.jsonl"))
        .stdin(Stdio::null());
    for (name, value) in [("--filter", &args.filter), ("--dialect", &args.dialect)] {
        if let Some(value) = value {
            command.args([name, value]);
        }
    }
    let (mut reader, writer) = std::io::pipe()?;
    command.stdout(writer);
    let status = interrupt.status(&mut command)?;
    ensure!(status.success(), "the corpus runner failed ({status})");
    drop(command);
    let mut answer = String::new();
    reader.read_to_string(&mut answer)?;
    let line = answer.lines().last().context("the corpus runner said nothing")?;
    serde_json::from_str(line).with_context(|| format!("the corpus runner said {line}"))
}
