//! A version with a layer large enough to be cut in the middle, and that no engine has.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use muster_workbench::{OwnEngine, random_hex};

use super::GOOD;
use crate::engine;

/// What it serves as its version.
pub(crate) const LARGE: &str = "large";
const MIB: usize = 1 << 20;

/// Builds it on the test's own engine, pushes it under a tag of its own, and has the engine forget it.
pub(crate) fn publish(own: &OwnEngine) -> String {
    let dir = own.dir().join("large");
    std::fs::create_dir(&dir).unwrap();
    // Random, so that it is 8 MiB on the wire as well.
    std::fs::write(dir.join("ballast"), random_hex(4 * MIB).unwrap()).unwrap();
    std::fs::write(dir.join("version"), LARGE).unwrap();
    let base = engine::image(GOOD);
    let dockerfile = format!("FROM {base}\nCOPY ballast version /www/\n");
    std::fs::write(dir.join("Dockerfile"), dockerfile).unwrap();
    let tag = format!("{LARGE}-{}", random_hex(4).unwrap());
    let image = engine::image(&tag);
    let registry = std::env::var("MUSTER_TEST_REGISTRY").unwrap();
    let docker = |arguments: &[&str], input: &str| {
        let mut child = Command::new("docker")
            .args(["--host", own.host()])
            .args(arguments)
            .env("DOCKER_CONFIG", dir.join("logins"))
            .env("DOCKER_BUILDKIT", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).unwrap();
        drop(stdin);
        assert!(child.wait().unwrap().success(), "docker {arguments:?}");
    };
    let user = engine::registry_user();
    docker(
        &["login", "--username", &user, "--password-stdin", &registry],
        &engine::registry_password(),
    );
    // The base may be there by its digest only.
    docker(&["pull", "--quiet", &base], "");
    docker(&["build", "--quiet", "--tag", &image, dir.to_str().unwrap()], "");
    docker(&["push", "--quiet", &image], "");
    docker(&["image", "rm", "--force", &image], "");
    std::fs::remove_dir_all(&dir).unwrap();
    tag
}
