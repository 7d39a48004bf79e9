//! `cargo packages`: the Debian packages as they are shipped, by cargo-deb.
//!
//! What is in each stands in `[package.metadata.deb]` of its `Cargo.toml`, and the files beside the programs in
//! `packaging/deb` and `packaging/systemd`. The agent's comes first: the control plane's holds it, for new hosts.

use crate::cargo_tool::CargoTool;
use crate::interrupt::Interrupt;
use crate::{project, say};
use anyhow::{Context, Result, ensure};
use muster_workbench::process::run as output_of;
use muster_workbench::tools;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const CARGO_DEB: CargoTool = CargoTool {
    name: "cargo-deb",
    version: "3.8.0",
};

/// The profile of the agent's programs.
const SMALL: &str = "release-small";

/// What the packages hold, and the profile that it is built by.
const PROGRAMS: [(&str, &str); 5] = [
    (SMALL, "muster-agent"),
    (SMALL, "muster-worker"),
    (SMALL, "muster-front"),
    ("release", "muster"),
    ("release", "musterctl"),
];

/// What `cargo packages` takes.
#[derive(clap::Args)]
pub struct Args {
    /// Where the packages go; target/packages by default.
    #[arg(long)]
    out: Option<PathBuf>,
    /// The packages' version; that of the workspace with Debian revision 1 by default.
    #[arg(long)]
    deb_version: Option<String>,
}

/// The packages of one version.
pub struct Packages {
    pub agent: PathBuf,
    pub control_plane: PathBuf,
    pub cli: PathBuf,
}

/// Does what was asked for.
pub fn run(args: &Args, interrupt: &Interrupt) -> Result<ExitCode> {
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| project::target_dir().join("packages"));
    project::build_console(interrupt)?;
    for build in [
        &["--profile", SMALL, "-p", "muster-agent"][..],
        &["--release", "-p", "muster-control-plane", "-p", "muster-cli"],
    ] {
        let mut cargo = project::cargo(&["build", "--quiet", "--bins"]);
        project::must(interrupt, cargo.args(build), "the build")?;
    }
    for (profile, program) in PROGRAMS {
        has_no_points(&project::target_dir().join(profile).join(program))?;
    }
    let plan = Plan {
        target: &project::target_dir(),
        version: args.deb_version.as_deref(),
        out: &out,
        fast: false,
    };
    let made = make(interrupt, &plan)?;
    for package in [made.agent, made.control_plane, made.cli] {
        say::line(package.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// The points at which tests stop a process (`muster_base::points`) are in nothing that is shipped.
fn has_no_points(program: &Path) -> Result<()> {
    const MARK: &[u8] = b"MUSTER_POINTS";
    let bytes = fs::read(program)?;
    let has = bytes.windows(MARK.len()).any(|part| part == MARK);
    ensure!(!has, "{} holds the points of tests", program.display());
    Ok(())
}

/// Lays the programs that the tests use out in `dir` as if they had been built to be shipped: the packages' checks are
/// about the packages, and would else cost a second build of everything.
pub fn stage(interrupt: &Interrupt, dir: &Path) -> Result<()> {
    let built = project::build_programs(interrupt)?;
    for (profile, program) in PROGRAMS {
        fs::create_dir_all(dir.join(profile))?;
        output_of(
            Command::new(tools::STRIP.path()?)
                .arg("-o")
                .arg(dir.join(profile).join(program))
                .arg(built.join(program)),
        )?;
    }
    Ok(())
}

/// What packages are made of.
pub struct Plan<'a> {
    /// Where the programs are, in cargo's layout.
    pub target: &'a Path,
    /// The packages' version, if it isn't the workspace's.
    pub version: Option<&'a str>,
    /// Where the packages go.
    pub out: &'a Path,
    /// Whether large packages are good enough.
    pub fast: bool,
}

/// Makes the packages.
pub fn make(interrupt: &Interrupt, plan: &Plan<'_>) -> Result<Packages> {
    tools::install_missing(&[tools::SHLIBDEPS, tools::STRIP])?;
    fs::create_dir_all(plan.out)?;
    let cargo_deb = CARGO_DEB.find_or_build(interrupt)?;
    let agent = package(&cargo_deb, "muster-agent", plan)?;
    // Where the control plane's package looks for it; one that is left from another version must not come along.
    let given_out = plan.target.join("release/packages");
    if given_out.exists() {
        fs::remove_dir_all(&given_out)?;
    }
    fs::create_dir_all(&given_out)?;
    fs::copy(
        &agent,
        given_out.join(agent.file_name().context("a package without a name")?),
    )?;
    Ok(Packages {
        control_plane: package(&cargo_deb, "muster-control-plane", plan)?,
        cli: package(&cargo_deb, "muster-cli", plan)?,
        agent,
    })
}

fn package(cargo_deb: &Path, name: &str, plan: &Plan<'_>) -> Result<PathBuf> {
    let mut making = Command::new(cargo_deb);
    making
        .args([
            "deb",
            "--quiet",
            "--no-build",
            "--locked",
            "--package",
            name,
            "--output",
        ])
        .arg(plan.out)
        .current_dir(project::root())
        .env("CARGO_TARGET_DIR", plan.target);
    if let Some(version) = plan.version {
        making.args(["--deb-version", version]);
    }
    if plan.fast {
        making.arg("--fast");
    }
    // It prints where the package is.
    let said = output_of(&mut making).with_context(|| format!("the package of {name} could not be made"))?;
    Ok(said.lines().last().unwrap_or_default().trim().into())
}
