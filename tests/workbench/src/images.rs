//! The test images: a web server from a static busybox, in several versions, good and bad.
//!
//! | tag | what it does |
//! |---|---|
//! | [`GOOD`], [`NEXT`] | serves `/` (its version), `/healthz` and the file `/version` on port 8080 |
//! | [`CRASHING`] | ends with status 1 right after its start |
//! | [`SICK`] | runs and serves, but answers 404 at `/healthz` |

use crate::docker::Engine;
use crate::process::run;
use crate::registry::{Registry, USER};
use crate::scratch::Scratch;
use crate::tools;
use anyhow::{Context, Result, bail};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// The repository's name in the registry.
pub const REPOSITORY: &str = "muster/web";
/// A version that works.
pub const GOOD: &str = "1.0.0";
/// The version after it, which works too.
pub const NEXT: &str = "1.1.0";
/// A version that crashes at start.
pub const CRASHING: &str = "1.2.0";
/// A version that starts and never becomes healthy.
pub const SICK: &str = "1.3.0";
/// The port that the server listens on.
pub const PORT: u16 = 8080;

/// Builds the images, pushes them, forgets them locally, and returns the repository's full name.
pub(crate) fn publish(engine: &Engine, registry: &Registry, scratch: &Scratch) -> Result<String> {
    let dir = scratch.dir("images")?;
    let logins = scratch.dir("images/logins")?;
    login(engine.command(&logins), registry)?;
    let name = format!("{}/{REPOSITORY}", registry.address());
    for version in [GOOD, NEXT, CRASHING, SICK] {
        let context = dir.join(version);
        write_context(&context, version)?;
        let image = format!("{name}:{version}");
        run(engine
            .command(&logins)
            .args(["build", "--quiet", "--tag", &image])
            .arg(&context))?;
        run(engine.command(&logins).args(["push", "--quiet", &image]))?;
        run(engine.command(&logins).args(["image", "rm", "--force", &image]))?;
    }
    std::fs::remove_dir_all(&logins)?;
    Ok(name)
}

fn write_context(dir: &Path, version: &str) -> Result<()> {
    let www = dir.join("www");
    std::fs::create_dir_all(&www)?;
    std::fs::copy(tools::BUSYBOX.path()?, dir.join("busybox"))?;
    std::fs::write(www.join("index.html"), format!("muster test image {version}\n"))?;
    std::fs::write(www.join("version"), version)?;
    if version != SICK {
        std::fs::write(www.join("healthz"), "ok\n")?;
    }
    let command = if version == CRASHING {
        r#"["/bin/busybox", "sh", "-c", "echo this version is broken; exit 1"]"#.to_owned()
    } else {
        format!(r#"["/bin/busybox", "httpd", "-f", "-v", "-p", "{PORT}", "-h", "/www"]"#)
    };
    // busybox as process 1 ignores SIGTERM, which would cost ten seconds at each stop.
    let dockerfile = format!(
        "FROM scratch\nCOPY busybox /bin/busybox\nCOPY www /www\nSTOPSIGNAL SIGKILL\nEXPOSE {PORT}\nCMD {command}\n"
    );
    std::fs::write(dir.join("Dockerfile"), dockerfile)?;
    Ok(())
}

fn login(mut docker: Command, registry: &Registry) -> Result<()> {
    let password = std::fs::read_to_string(registry.password_file())?;
    let mut child = docker
        .args([
            "login",
            "--username",
            USER,
            "--password-stdin",
            registry.address(),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    child
        .stdin
        .take()
        .context("no pipe")?
        .write_all(password.as_bytes())?;
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("docker login failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
