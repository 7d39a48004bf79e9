//! Licences, sources, banned crates and advisories of the dependencies, by cargo-deny.

use super::Bench;
use super::tally::Tally;
use crate::cargo_tool::CargoTool;
use crate::{project, say};
use anyhow::Result;
use std::net::{TcpStream, ToSocketAddrs};
use std::process::Command;
use std::time::Duration;

const DENY: CargoTool = CargoTool {
    name: "cargo-deny",
    version: "0.20.2",
};

/// Runs the checks of deny.toml.
pub fn run(bench: &Bench<'_>) -> Result<Tally> {
    let program = DENY.find_or_build(bench.interrupt)?;
    let mut command = Command::new(program);
    command.current_dir(project::root()).args([
        "--workspace",
        "--all-features",
        "check",
        "--hide-inclusion-graph",
    ]);
    // The advisory database lives in a Git repository on GitHub and nowhere else.
    if reachable("github.com:443") {
        command.arg("advisories");
    } else {
        say::line(
            "advisories NOT checked: their database (github.com/rustsec/advisory-db) can't be reached from here",
        );
    }
    command.args(["bans", "licenses", "sources"]);
    let status = bench.interrupt.status(&mut command)?;
    Ok(if status.success() {
        Tally::PASSED
    } else {
        Tally::FAILED
    })
}

fn reachable(address: &str) -> bool {
    let Ok(mut addresses) = address.to_socket_addrs() else {
        return false;
    };
    addresses.any(|address| TcpStream::connect_timeout(&address, Duration::from_secs(5)).is_ok())
}
