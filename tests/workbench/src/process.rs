//! Processes that never outlive us: started with a death signal, stopped on drop.

use crate::random_hex;
use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(30);

/// A running program of ours. Dropping it asks it to stop, then insists.
pub struct Process {
    name: String,
    child: Child,
    stop: Signal,
    log: PathBuf,
}

/// How to start a [`Process`].
pub struct Launch {
    name: String,
    program: PathBuf,
    command: Command,
    stop: Signal,
}

impl Launch {
    /// `program` under the name `name`, as the user we are.
    pub fn new(name: &str, program: &Path) -> Self {
        Self::build(name, program, &[], Signal::SIGTERM)
    }

    /// The same, as the system user `user`, stopped by `stop`.
    pub(crate) fn as_user(name: &str, program: &Path, user: &str, stop: Signal) -> Self {
        let ids = [
            format!("--reuid={user}"),
            format!("--regid={user}"),
            "--init-groups".to_owned(),
        ];
        Self::build(name, program, &ids, stop)
    }

    fn build(name: &str, program: &Path, setpriv: &[String], stop: Signal) -> Self {
        // Rust can set a death signal itself only with unsafe code; setpriv (util-linux) does it for us.
        let mut command = Command::new("setpriv");
        let death = stop.as_str().trim_start_matches("SIG");
        command
            .args(setpriv)
            .args(["--pdeathsig", death, "--"])
            .arg(program)
            .stdin(Stdio::null());
        Self {
            name: name.to_owned(),
            program: program.to_owned(),
            command,
            stop,
        }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    /// Adds an option whose value is a path: `--name=value`, or `-n value` for a short one.
    #[must_use]
    pub fn arg_pair(mut self, name: &str, value: &Path) -> Self {
        if name.starts_with("--") {
            let mut argument = std::ffi::OsString::from(name);
            argument.push("=");
            argument.push(value);
            self.command.arg(argument);
        } else {
            self.command.arg(name).arg(value);
        }
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Starts it in `dir`, with all its output in `log`.
    pub fn spawn(mut self, dir: &Path, log: &Path) -> Result<Process> {
        let output = File::options().create(true).append(true).open(log)?;
        let child = self
            .command
            .current_dir(dir)
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("{} ({}) did not start", self.name, self.program.display()))?;
        Ok(Process {
            name: self.name,
            child,
            stop: self.stop,
            log: log.to_owned(),
        })
    }
}

impl Process {
    /// Its process id (setpriv replaces itself by the program, so this is the program's own).
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where its output goes.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Waits until `ready` says yes; fails when the program ends before that, or at the deadline.
    pub fn wait_ready(&mut self, deadline: Duration, mut ready: impl FnMut() -> bool) -> Result<()> {
        let end = Instant::now() + deadline;
        loop {
            if ready() {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!(
                    "{} ended with {status} before it was ready; its last words:\n{}",
                    self.name,
                    self.last_words()
                );
            }
            if Instant::now() > end {
                bail!(
                    "{} was not ready after {} s; its last words:\n{}",
                    self.name,
                    deadline.as_secs(),
                    self.last_words()
                );
            }
            sleep(POLL);
        }
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Kills it on the spot, as a power cut would.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Ends it by a signal of its own kind; fails if it is not gone when `patience` is over.
    pub(crate) fn end_by(&mut self, signal: Signal, patience: Duration) -> Result<()> {
        if self.ask(signal, patience) {
            return Ok(());
        }
        bail!("{} did not end at {signal}", self.name);
    }

    /// Asks it to stop and waits; kills it when `patience` is over. True if it stopped by itself.
    pub fn stop(&mut self, patience: Duration) -> bool {
        self.ask(self.stop, patience)
    }

    fn ask(&mut self, signal: Signal, patience: Duration) -> bool {
        if !self.is_running() {
            return true;
        }
        if let Ok(pid) = i32::try_from(self.child.id()) {
            kill(Pid::from_raw(pid), signal).ok();
        }
        let end = Instant::now() + patience;
        while self.is_running() {
            if Instant::now() > end {
                self.child.kill().ok();
                self.child.wait().ok();
                return false;
            }
            sleep(POLL);
        }
        true
    }

    /// The end of its output.
    pub fn last_words(&self) -> String {
        last_lines(&self.log, 20)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop(Duration::from_secs(20));
    }
}

/// The last `count` lines of a text file.
pub fn last_lines(file: &Path, count: usize) -> String {
    let text = std::fs::read(file)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

/// A port of the loopback address that nobody listens on, and that the kernel gives nobody by itself: who is started
/// on it later, or again, still finds it free.
pub fn free_port() -> Result<u16> {
    // Below Linux's range of ephemeral ports, 32768 to 60999.
    const FIRST: u16 = 20_000;
    const COUNT: u16 = 12_000;
    for _ in 0..100 {
        let random = u16::from_str_radix(&random_hex(2)?, 16)?;
        let port = FIRST + random % COUNT;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free port on 127.0.0.1")
}

/// Runs a program to its end; its error output is the error.
pub fn run(command: &mut Command) -> Result<String> {
    run_with_input(command, Stdio::null())
}

/// The same, with something to read on its standard input.
pub fn run_with_input(command: &mut Command, input: impl Into<Stdio>) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(input)
        .output()
        .with_context(|| format!("{program} could not be run"))?;
    if !output.status.success() {
        let said = [output.stderr, output.stdout].concat();
        bail!(
            "{program} failed ({}): {}",
            output.status,
            String::from_utf8_lossy(&said)
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether a program can be run and succeeds.
pub fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
