//! The Debian packages: made of the programs that the tests use, read by lintian, their units scored, and then their
//! whole life on a machine with systemd (`tests/tests/packages.rs`).

use super::Bench;
use super::runner::{self, Tests};
use super::tally::Tally;
use crate::packages::{self, Packages, Plan};
use crate::{project, say};
use anyhow::{Context, Result};
use muster_workbench::{machine, process, tools};
use std::process::Command;

/// The version after ours, for upgrades and back.
const NEXT: &str = "0.1.1-1";

/// How exposed each unit may be by systemd's own scores, in tenths.
const UNITS: [(&str, u32); 4] = [
    ("muster-agent.service", 30),
    ("muster-worker@.service", 30),
    ("muster-front.service", 30),
    ("muster.service", 20),
];

/// Makes the packages and looks at them.
pub fn run(bench: &Bench<'_>) -> Result<Tally> {
    let interrupt = bench.interrupt;
    tools::install_missing(
        &[
            machine::TOOLS.as_slice(),
            &[tools::LINTIAN, tools::SYSTEMD_ANALYZE],
        ]
        .concat(),
    )?;
    let dir = project::target_dir().join("tested-packages");
    if dir.exists() {
        std::fs::remove_dir_all(&dir)?;
    }
    let staged = dir.join("target");
    packages::stage(interrupt, &staged)?;
    let make = |version, out| {
        let plan = Plan {
            target: &staged,
            version,
            out: &dir.join(out),
            fast: true,
        };
        packages::make(interrupt, &plan)
    };
    let made = make(None, "present")?;
    make(Some(NEXT), "next")?;
    let mut tally = lint(bench, &made)?;
    for (unit, limit) in UNITS {
        tally += expose(unit, limit)?;
    }
    tally += runner::run(bench, &Tests::File("packages"))?;
    Ok(tally)
}

fn lint(bench: &Bench<'_>, made: &Packages) -> Result<Tally> {
    let mut lintian = Command::new(tools::LINTIAN.path()?);
    // As root it would otherwise warn of itself; and there is no bug of Debian's that these packages could close.
    lintian.args(["--suppress-tags", "initial-upload-closes-no-bugs"]);
    lintian.args([
        "--allow-root",
        "--fail-on",
        "error,warning",
        "--tag-display-limit",
        "0",
    ]);
    let status = bench
        .interrupt
        .status(lintian.args([&made.agent, &made.control_plane, &made.cli]))?;
    Ok(if status.success() {
        Tally::PASSED
    } else {
        Tally::FAILED
    })
}

/// Prints the unit's score, which must not be above `limit` tenths.
fn expose(unit: &str, limit: u32) -> Result<Tally> {
    let path = project::root().join("packaging/systemd").join(unit);
    let mut analyze = Command::new(tools::SYSTEMD_ANALYZE.path()?);
    let said = process::run(
        analyze
            .args(["security", "--offline=true", "--no-pager"])
            .arg(path),
    )?;
    let score = said.trim_end().lines().last().unwrap_or_default();
    say::line(format_args!(
        "{} (at most {}.{})",
        score.trim(),
        limit / 10,
        limit % 10
    ));
    let tenths = score
        .split(' ')
        .find_map(tenths_in)
        .with_context(|| format!("no score in {said}"))?;
    Ok(if tenths <= limit {
        Tally::PASSED
    } else {
        Tally::FAILED
    })
}

fn tenths_in(word: &str) -> Option<u32> {
    let (whole, tenth) = word.split_once('.')?;
    Some(whole.parse::<u32>().ok()? * 10 + tenth.parse::<u32>().ok()?)
}
