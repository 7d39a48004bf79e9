//! The fuzz targets of `tests/fuzz`: built once with coverage instrumentation, each run for some seconds.
//!
//! cargo-fuzz asks for a nightly compiler by default, but only its sanitizers need one: the coverage instrumentation
//! that libFuzzer lives on is an LLVM pass of the stable compiler. It is switched on here, so that nothing but Rust
//! and a C++ compiler is needed. `cargo fuzz run --fuzz-dir tests/fuzz --sanitizer none --features libfuzzer TARGET`
//! does the same by hand.

use super::tally::Tally;
use super::{Bench, at_once};
use crate::interrupt::Interrupt;
use crate::{project, say};
use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Seconds for each target, and how to change them.
const SECONDS: (&str, u32) = ("MUSTER_FUZZ_SECONDS", 8);
/// Only these targets, separated by commas.
const TARGETS: &str = "MUSTER_FUZZ_TARGETS";

/// Edge counters, comparisons, and the table that maps them to code: what libFuzzer asks of clang, too.
const INSTRUMENTATION: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// An input may cost this much, in all that libFuzzer keeps around it.
const LIMITS: [&str; 3] = ["-rss_limit_mb=1024", "-timeout=10", "-max_len=4096"];

/// Builds the targets and runs each.
pub fn run(bench: &Bench<'_>) -> Result<Tally> {
    let seconds = match std::env::var(SECONDS.0) {
        Ok(text) => text
            .parse()
            .with_context(|| format!("{} is not a number", SECONDS.0))?,
        Err(_) => SECONDS.1,
    };
    let folder = project::root().join("tests/fuzz");
    let programs = build(bench)?;
    let interrupt = bench.interrupt;
    at_once::each(&chosen(&folder)?, |target| {
        let fuzzed = Target {
            name: target,
            folder: &folder,
            programs: &programs,
        };
        fuzzed.run(interrupt, seconds)
    })
}

/// The targets' names, which are those of their files.
fn chosen(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder.join("fuzz_targets"))? {
        let path = entry?.path();
        names.extend(path.file_stem().and_then(|name| name.to_str()).map(str::to_owned));
    }
    names.sort();
    if let Ok(wanted) = std::env::var(TARGETS) {
        let wanted: Vec<&str> = wanted.split(',').collect();
        if let Some(unknown) = wanted.iter().find(|name| !names.iter().any(|n| n == *name)) {
            bail!(
                "there is no fuzz target {unknown}; there are {}",
                names.join(", ")
            );
        }
        names.retain(|name| wanted.contains(&name.as_str()));
    }
    Ok(names)
}

/// Builds all targets, apart from the other build products: every crate is instrumented.
fn build(bench: &Bench<'_>) -> Result<PathBuf> {
    let about = Command::new("rustc").arg("-vV").output().context("rustc -vV")?;
    let about = String::from_utf8_lossy(&about.stdout).into_owned();
    let host = about
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .context("rustc does not say which machine it compiles for")?;
    let target_dir = project::target_dir().join("fuzz");
    // With a --target, build scripts and macros are compiled without the flags.
    let mut command = project::cargo(&["build", "--quiet", "--package", "muster-fuzz", "--bins"]);
    command
        .args([
            "--features",
            "libfuzzer",
            "--profile",
            "fuzz",
            "--target",
            host,
            "--target-dir",
        ])
        .arg(&target_dir)
        .env("RUSTFLAGS", INSTRUMENTATION);
    project::must(bench.interrupt, &mut command, "the fuzz targets' build")?;
    Ok(target_dir.join(host).join("fuzz"))
}

struct Target<'a> {
    name: &'a str,
    folder: &'a Path,
    programs: &'a Path,
}

impl Target<'_> {
    fn run(&self, interrupt: &Interrupt, seconds: u32) -> Result<Tally> {
        // What was found interesting is kept beside the build products and goes on being mutated the next time.
        let kept = self.programs.join("corpus").join(self.name);
        let broken = self.programs.join("broken").join(self.name);
        fs::create_dir_all(&kept)?;
        fs::create_dir_all(&broken)?;
        let log = broken.join("log");
        let mut command = Command::new(self.programs.join(self.name));
        command
            .arg(&kept)
            .arg(self.folder.join("seeds").join(self.name))
            .args(LIMITS)
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-artifact_prefix={}/", broken.display()))
            .arg("-print_final_stats=1")
            .stdout(File::create(&log)?)
            .stderr(File::options().append(true).open(&log)?);
        let dictionary = self.folder.join(format!("dictionaries/{}.dict", self.name));
        if dictionary.exists() {
            command.arg(format!("-dict={}", dictionary.display()));
        }
        let status = interrupt.status(&mut command)?;
        let said = fs::read_to_string(&log).unwrap_or_default();
        if status.success() {
            let executed = figure(&said, "stat::number_of_executed_units:");
            let covered = figure(&said, " cov: ");
            say::line(format_args!(
                "{:12} {executed} inputs in {seconds} s, {covered} edges covered",
                self.name
            ));
            return Ok(Tally::PASSED);
        }
        let end = said.lines().count().saturating_sub(30);
        let last: Vec<&str> = said.lines().skip(end).collect();
        say::line(last.join("\n"));
        say::note(format_args!(
            "{} is broken by the input below {}: make a seed of it in tests/fuzz/seeds/{}",
            self.name,
            broken.display(),
            self.name
        ));
        Ok(Tally::FAILED)
    }
}

/// The number behind the last `label`.
fn figure(said: &str, label: &str) -> u64 {
    let after = said
        .rsplit_once(label)
        .map_or("", |(_, after)| after.trim_start());
    let digits = after.split(|c: char| !c.is_ascii_digit()).next();
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_figure_is_read() {
        let said =
            "#2 INITED cov: 12 ft: 13\n#99 DONE   cov: 345 ft: 600\nstat::number_of_executed_units: 99\n";
        assert_eq!(figure(said, " cov: "), 345);
        assert_eq!(figure(said, "stat::number_of_executed_units:"), 99);
        assert_eq!(figure("", " cov: "), 0);
    }
}
