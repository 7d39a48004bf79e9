//! Finds the programs that the services are made of, and installs what is missing.

use crate::process::{run, succeeds};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program and the Debian packages it comes from.
#[derive(Clone, Copy, Debug)]
pub struct Tool {
    /// The program's name.
    pub program: &'static str,
    packages: &'static [&'static str],
}

/// PostgreSQL's server.
pub const POSTGRES: Tool = Tool {
    program: "postgres",
    packages: &["postgresql"],
};
/// PostgreSQL's command line.
pub const PSQL: Tool = Tool {
    program: "psql",
    packages: &["postgresql"],
};
/// MariaDB's command line.
pub const MARIADB_CLIENT: Tool = Tool {
    program: "mariadb",
    packages: &["mariadb-server"],
};
/// MariaDB's server.
pub const MARIADB: Tool = Tool {
    program: "mariadbd",
    packages: &["mariadb-server"],
};
/// Lays out MariaDB's files.
pub const MARIADB_INSTALL: Tool = Tool {
    program: "mariadb-install-db",
    packages: &["mariadb-server"],
};
/// The Docker engine.
pub const DOCKERD: Tool = Tool {
    program: "dockerd",
    packages: &["docker.io", "iptables"],
};
/// Docker's command line.
pub const DOCKER: Tool = Tool {
    program: "docker",
    packages: &["docker.io"],
};
/// Makes the engine's bridge.
pub const IP: Tool = Tool {
    program: "ip",
    packages: &["iproute2"],
};
/// The image registry.
pub const REGISTRY: Tool = Tool {
    program: "docker-registry",
    packages: &["docker-registry"],
};
/// Hashes the registry's password.
pub const HTPASSWD: Tool = Tool {
    program: "htpasswd",
    packages: &["apache2-utils"],
};
/// What the test images are made of.
pub const BUSYBOX: Tool = Tool {
    program: "busybox",
    packages: &["busybox-static"],
};
/// Makes the system of a machine.
pub const DEBOOTSTRAP: Tool = Tool {
    program: "debootstrap",
    packages: &["debootstrap"],
};
/// Looks at Debian packages.
pub const LINTIAN: Tool = Tool {
    program: "lintian",
    packages: &["lintian"],
};
/// Finds what a program of a Debian package depends on.
pub const SHLIBDEPS: Tool = Tool {
    program: "dpkg-shlibdeps",
    packages: &["dpkg-dev"],
};
/// Takes the symbols out of a program.
pub const STRIP: Tool = Tool {
    program: "strip",
    packages: &["binutils"],
};
/// Scores how exposed a systemd unit is.
pub const SYSTEMD_ANALYZE: Tool = Tool {
    program: "systemd-analyze",
    packages: &["systemd"],
};
/// A clock of its own for one program.
pub const FAKETIME: Tool = Tool {
    program: "faketime",
    packages: &["faketime"],
};
/// The browser of the console's tests.
pub const CHROMIUM: Tool = Tool {
    program: "chromium",
    // Without the fonts, screenshots of the Chinese console show boxes.
    packages: &["chromium", "fonts-noto-cjk"],
};
/// What the API's checker is written in.
pub const PYTHON: Tool = Tool {
    program: "python3",
    packages: &["python3", "python3-venv"],
};
/// The peer of the agent's footprint measurement.
pub const NODE_EXPORTER: Tool = Tool {
    program: "prometheus-node-exporter",
    packages: &["prometheus-node-exporter"],
};
/// A peer of the storage measurement.
pub const VICTORIA_METRICS: Tool = Tool {
    program: "victoria-metrics",
    packages: &["victoria-metrics"],
};
/// A peer of the storage measurement; it makes Prometheus' blocks.
pub const PROMTOOL: Tool = Tool {
    program: "promtool",
    packages: &["prometheus"],
};

impl Tool {
    /// Where the program is, if it is installed.
    pub fn find(self) -> Option<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        // PostgreSQL's and Debian's sbin directories are often not in a person's PATH; PostgreSQL's own
        // comes first, because its programs are needed from one and the same version.
        let sbin = ["/usr/sbin", "/sbin", "/usr/local/sbin"]
            .into_iter()
            .map(PathBuf::from);
        let mut dirs = postgres_dirs()
            .into_iter()
            .chain(std::env::split_paths(&path))
            .chain(sbin);
        dirs.find_map(|dir| Some(dir.join(self.program)).filter(|file| is_program(file)))
    }

    /// Where the program is.
    pub fn path(self) -> Result<PathBuf> {
        self.find().with_context(|| {
            format!(
                "{} is not installed; run: apt-get install {}",
                self.program,
                self.packages.join(" ")
            )
        })
    }
}

/// Installs the packages of those `tools` that are missing.
///
/// # Errors
/// When something is missing and we are not root, or the installation fails: names the packages.
pub fn install_missing(tools: &[Tool]) -> Result<()> {
    let mut packages: Vec<&str> = tools
        .iter()
        .filter(|tool| tool.find().is_none())
        .flat_map(|tool| tool.packages.iter().copied())
        .collect();
    packages.sort_unstable();
    packages.dedup();
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    if !nix::unistd::geteuid().is_root() || !Path::new("/usr/bin/apt-get").exists() {
        bail!("programs are missing; install them as root: apt-get install {list}");
    }
    eprintln_line(&format!("installing {list}"));
    if !succeeds(
        apt_get()
            .args(["install", "--no-install-recommends", "-y"])
            .args(&packages),
    ) {
        run(apt_get().arg("update"))?;
        run(apt_get()
            .args(["install", "--no-install-recommends", "-y"])
            .args(&packages))
        .with_context(|| format!("apt-get install {list} failed"))?;
    }
    for tool in tools {
        tool.path()?;
    }
    Ok(())
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    // RUNLEVEL=1 keeps the packages from starting their own system-wide services.
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env("RUNLEVEL", "1")
        // Somebody else may be installing something right now.
        .args(["-q", "-o", "DPkg::Lock::Timeout=300"]);
    command
}

fn postgres_dirs() -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir("/usr/lib/postgresql") else {
        return Vec::new();
    };
    let version = |path: &PathBuf| {
        path.file_name()
            .and_then(|name| name.to_str())
            .and_then(|name| name.parse::<u32>().ok())
    };
    let mut dirs: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    dirs.sort_by_key(|path| std::cmp::Reverse(version(path)));
    dirs.into_iter().map(|dir| dir.join("bin")).collect()
}

fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[expect(
    clippy::print_stderr,
    reason = "an installation takes long enough that a person must be told"
)]
fn eprintln_line(line: &str) {
    eprintln!("workbench: {line}");
}
