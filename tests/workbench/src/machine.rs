//! A machine with systemd as process 1, in a container: packages are installed, started, killed and removed on it as
//! on any other Debian.
//!
//! Its system is what debootstrap makes of this machine's own Debian release, so that programs that are built here run
//! there. It is made once, kept in the cache, and imported into the engine of the run. A machine reaches this one and
//! other machines on the engine's bridge, and nothing else.

use crate::process::{run, run_with_input, succeeds};
use crate::scratch::random_hex;
use crate::tools::{self, Tool};
use crate::{cache, docker::docker};
use anyhow::{Context, Result, bail};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// What making and running machines needs.
pub const TOOLS: [Tool; 2] = [tools::DEBOOTSTRAP, tools::DOCKER];

const IMAGE: &str = "muster-test-machine";
const PACKAGES: &str = "ca-certificates,curl,dbus,iproute2,procps,systemd,systemd-sysv";
/// Part of the cached file's name: another number makes the system anew.
const EDITION: u32 = 1;
const BOOT: Duration = Duration::from_mins(1);

/// A running machine; gone when dropped.
pub struct Machine {
    host: String,
    id: String,
    address: String,
}

impl Machine {
    /// Starts one with the engine at `host` (`unix:///…`) and waits until it has booted.
    pub fn start(host: &str, name: &str) -> Result<Self> {
        import(host)?;
        let container = format!("{name}-{}", random_hex(4)?);
        let mut start = docker(host);
        start.args(["run", "--detach", "--name", &container, "--hostname", name]);
        // What systemd needs, without --privileged: that asks for capabilities that this machine may not have.
        start.args(["--cap-add", "ALL", "--cap-drop", "SYS_RESOURCE"]);
        start.args([
            "--security-opt",
            "seccomp=unconfined",
            "--security-opt",
            "apparmor=unconfined",
        ]);
        start.args(["--cgroupns=host", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup"]);
        start.args(["--tmpfs", "/run", "--tmpfs", "/tmp:exec", IMAGE, "/sbin/init"]);
        let id = run(&mut start)
            .context("a machine could not be started")?
            .trim()
            .to_owned();
        let mut machine = Self {
            host: host.to_owned(),
            id,
            address: String::new(),
        };
        machine.wait_booted()?;
        // As systemd itself does at boot, but not in a container: without it credentials don't reach the services.
        machine.run("mount --make-rshared /")?;
        machine.address = machine.inspect("{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}")?;
        Ok(machine)
    }

    /// Its address on the engine's bridge.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The address by which it reaches this machine.
    pub fn gateway(&self) -> Result<String> {
        self.inspect("{{range .NetworkSettings.Networks}}{{.Gateway}}{{end}}")
    }

    /// Runs a shell script on it as root and returns what it prints; a script that fails is an error.
    pub fn run(&self, script: &str) -> Result<String> {
        run(&mut self.exec(&["sh", "-ec", script])).with_context(|| format!("on the machine: {script}"))
    }

    /// The same, with something to read.
    pub fn run_with_input(&self, script: &str, input: File) -> Result<String> {
        run_with_input(&mut self.exec(&["sh", "-ec", script]), input)
            .with_context(|| format!("on the machine: {script}"))
    }

    /// Whether a shell script succeeds on it.
    pub fn succeeds(&self, script: &str) -> bool {
        succeeds(&mut self.exec(&["sh", "-ec", script]))
    }

    /// Copies a file there, into an existing folder or under a new name.
    pub fn put(&self, file: &Path, to: &str) -> Result<()> {
        // Through a pipe: `docker cp` does not see the tmpfs that a running machine has mounted.
        self.run_with_input(&format!("cat > {to}"), File::open(file)?)?;
        Ok(())
    }

    /// The end of its journal, for whoever has to find out why something failed.
    pub fn last_words(&self) -> String {
        self.run("journalctl --no-pager --lines=60 --output=short-monotonic")
            .unwrap_or_else(|error| format!("{error:#}"))
    }

    fn wait_booted(&self) -> Result<()> {
        let end = Instant::now() + BOOT;
        loop {
            // "degraded" is a machine on which some unit failed that no test is about.
            let state = self
                .run("systemctl is-system-running || true")
                .unwrap_or_default();
            match state.trim() {
                "running" | "degraded" => return Ok(()),
                state if Instant::now() > end => bail!("the machine did not boot: {state}"),
                _ => std::thread::sleep(Duration::from_millis(100)),
            }
        }
    }

    fn inspect(&self, format: &str) -> Result<String> {
        Ok(
            run(docker(&self.host).args(["inspect", "--format", format, &self.id]))?
                .trim()
                .to_owned(),
        )
    }

    fn exec(&self, command: &[&str]) -> Command {
        let mut exec = docker(&self.host);
        exec.args(["exec", "--interactive", &self.id]).args(command);
        exec
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        succeeds(docker(&self.host).args(["rm", "--force", "--volumes", &self.id]));
    }
}

/// Imports the system into the engine, unless it is there.
fn import(host: &str) -> Result<()> {
    if succeeds(docker(host).args(["image", "inspect", IMAGE])) {
        return Ok(());
    }
    let system = File::open(system()?)?;
    run_with_input(docker(host).args(["import", "-", IMAGE]), system)?;
    Ok(())
}

/// The system as an archive, made at the first time.
fn system() -> Result<PathBuf> {
    let release = std::fs::read_to_string("/etc/os-release")?;
    let suite = release
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    let suite = suite.context("a machine can only be made on Debian: /etc/os-release names no release")?;
    let cache = cache::dir()?;
    let archive = cache.join(format!("machine-{suite}-{EDITION}.tar"));
    if archive.exists() {
        return Ok(archive);
    }
    tools::install_missing(&TOOLS)?;
    std::fs::create_dir_all(&cache)?;
    let dir = tempfile::Builder::new().prefix("machine-").tempdir_in(&cache)?;
    let root = dir.path().join("root");
    run(Command::new(tools::DEBOOTSTRAP.path()?)
        .args(["--variant=minbase", &format!("--include={PACKAGES}"), suite])
        .arg(&root))
    .context("debootstrap failed")?;
    // Beside it and then renamed: a run that is killed leaves no half archive.
    let unfinished = dir.path().join("archive");
    run(Command::new("tar")
        .args([
            "--create",
            "--numeric-owner",
            "--exclude=./var/cache/apt/*",
            "--exclude=./var/lib/apt/lists/*",
        ])
        .args([
            "--exclude=./usr/share/doc/*",
            "--exclude=./usr/share/locale/*",
            "--file",
        ])
        .arg(&unfinished)
        .arg("--directory")
        .arg(&root)
        .arg("."))?;
    std::fs::rename(unfinished, &archive)?;
    Ok(archive)
}
