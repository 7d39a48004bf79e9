//! The checks, in the order in which they are made: cheap ones first.

use super::runner::{self, Tests};
use super::tally::Tally;
use super::{Bench, api, browser, deny, fuzz, packages};
use crate::cargo_tool::CargoTool;
use crate::project;
use anyhow::Result;
use std::process::Command;

/// One named check.
pub struct Check {
    pub name: &'static str,
    pub about: &'static str,
    /// Whether it needs the real services.
    pub services: bool,
    /// Whether it builds in a place of its own and measures no time: it may be made beside the others.
    pub own_build: bool,
    pub run: fn(&Bench<'_>) -> Result<Tally>,
}

/// All checks.
pub const CHECKS: &[Check] = &[
    Check {
        name: "fmt",
        about: "the code is formatted by rustfmt",
        services: false,
        own_build: false,
        run: fmt,
    },
    Check {
        name: "machete",
        about: "no dependency is unused (cargo-machete)",
        services: false,
        own_build: false,
        run: machete,
    },
    Check {
        name: "deny",
        about: "licences, advisories, sources, one TLS provider (cargo-deny)",
        services: false,
        own_build: false,
        run: deny::run,
    },
    Check {
        name: "clippy",
        about: "no warning from the compiler or clippy",
        services: false,
        own_build: false,
        run: clippy,
    },
    Check {
        name: "docs",
        about: "the documentation builds without a warning",
        services: false,
        own_build: false,
        run: docs,
    },
    Check {
        name: "console",
        about: "the console's types, unit tests, build and generated client",
        services: false,
        own_build: false,
        run: console,
    },
    Check {
        name: "tidy",
        about: "the architecture's invariants that a machine can check",
        services: false,
        own_build: false,
        run: tidy,
    },
    Check {
        name: "tests",
        about: "tests of all packages, on SQLite, PostgreSQL, MariaDB and Docker",
        services: true,
        own_build: false,
        run: tests,
    },
    Check {
        name: "examples",
        about: "the examples in the documentation",
        services: false,
        own_build: false,
        run: examples,
    },
    Check {
        name: "fuzz",
        about: "garbage for every decoder, by coverage-guided fuzzing (MUSTER_FUZZ_SECONDS each)",
        services: false,
        own_build: true,
        run: fuzz::run,
    },
    Check {
        name: "stories",
        about: "end-to-end stories against the built programs",
        services: true,
        own_build: false,
        run: stories,
    },
    Check {
        name: "api",
        about: "every answer of the API as each kind of caller is as its OpenAPI document says (schemathesis)",
        services: false,
        own_build: false,
        run: api::run,
    },
    Check {
        name: "packages",
        about: "the Debian packages: lintian, exposure, and their life on a machine with systemd",
        services: true,
        own_build: false,
        run: packages::run,
    },
    Check {
        name: "browser",
        about: "the console in a real browser against a real fleet",
        services: true,
        own_build: false,
        run: browser::run,
    },
    Check {
        name: "demo",
        about: "the main job once: cargo demo --check",
        services: false,
        own_build: false,
        run: demo,
    },
];

const MACHETE: CargoTool = CargoTool {
    name: "cargo-machete",
    version: "0.9.2",
};

fn one(bench: &Bench<'_>, command: &mut Command) -> Result<Tally> {
    let status = bench.interrupt.status(command)?;
    Ok(if status.success() {
        Tally::PASSED
    } else {
        Tally::FAILED
    })
}

fn fmt(bench: &Bench<'_>) -> Result<Tally> {
    one(bench, &mut project::cargo(&["fmt", "--all", "--check"]))
}

fn machete(bench: &Bench<'_>) -> Result<Tally> {
    let program = MACHETE.find_or_build(bench.interrupt)?;
    one(bench, Command::new(program).arg(".").current_dir(project::root()))
}

fn clippy(bench: &Bench<'_>) -> Result<Tally> {
    one(
        bench,
        &mut project::cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--quiet",
            "--",
            "-D",
            "warnings",
        ]),
    )
}

fn docs(bench: &Bench<'_>) -> Result<Tally> {
    let mut command = project::cargo(&[
        "doc",
        "--workspace",
        "--no-deps",
        "--document-private-items",
        "--quiet",
    ]);
    one(
        bench,
        command.env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private_intra_doc_links"),
    )
}

fn console(bench: &Bench<'_>) -> Result<Tally> {
    if !project::has_console() {
        return Ok(Tally::default());
    }
    project::install_console(bench.interrupt)?;
    let mut tally = Tally::default();
    for script in ["lint", "typecheck", "test:unit", "build"] {
        tally += one(bench, &mut project::npm(&["run", "--silent", script]))?;
    }
    let document = tempfile::NamedTempFile::new()?;
    // The next checks need the tests.
    let muster = project::build_all(bench.interrupt)?.join("muster");
    project::must(
        bench.interrupt,
        Command::new(muster).arg("openapi").stdout(document.reopen()?),
        "muster openapi",
    )?;
    let mut generated = project::npm(&["run", "--silent", "generate:check"]);
    tally += one(bench, generated.env("MUSTER_OPENAPI", document.path()))?;
    Ok(tally)
}

fn tidy(bench: &Bench<'_>) -> Result<Tally> {
    runner::run(bench, &Tests::File("tidy"))
}

fn tests(bench: &Bench<'_>) -> Result<Tally> {
    runner::run(bench, &Tests::Packages)
}

/// The examples in the documentation, which cargo-nextest doesn't run.
fn examples(bench: &Bench<'_>) -> Result<Tally> {
    one(
        bench,
        &mut project::cargo(&["test", "--workspace", "--doc", "--quiet"]),
    )
}

fn stories(bench: &Bench<'_>) -> Result<Tally> {
    project::build_programs(bench.interrupt)?;
    runner::run(bench, &Tests::FilesExcept(&["packages", "tidy"]))
}

/// As a person calls it: by cargo, since this very program may have been built anew under us by now.
fn demo(bench: &Bench<'_>) -> Result<Tally> {
    one(
        bench,
        &mut project::cargo(&["run", "--quiet", "--package", "xtask", "--", "demo", "--check"]),
    )
}
