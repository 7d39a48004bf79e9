//! Ctrl-C and SIGTERM: what we started is stopped in order before we end.

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::process::{Command, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Knows whether somebody asked us to stop, and which children have to be told so.
#[derive(Clone, Default)]
pub struct Interrupt(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    asked: bool,
    children: Vec<Pid>,
}

impl Interrupt {
    /// Takes over SIGINT, SIGTERM and SIGHUP.
    pub fn install() -> Result<Self> {
        let interrupt = Self::default();
        let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM])?;
        let listener = interrupt.clone();
        std::thread::spawn(move || signals.forever().for_each(|_| listener.ask()));
        Ok(interrupt)
    }

    /// Whether somebody asked us to stop.
    pub fn asked(&self) -> bool {
        self.lock().asked
    }

    /// Runs a program to its end, or until we are asked to stop, which is an error.
    pub fn status(&self, command: &mut Command) -> Result<ExitStatus> {
        let program = command.get_program().to_string_lossy().into_owned();
        if self.asked() {
            bail!("interrupted");
        }
        let mut child = command
            .spawn()
            .with_context(|| format!("{program} could not be run"))?;
        let pid = i32::try_from(child.id()).ok().map(Pid::from_raw);
        self.lock().children.extend(pid);
        let status = child.wait();
        self.lock().children.retain(|other| Some(*other) != pid);
        if self.asked() {
            bail!("interrupted");
        }
        Ok(status?)
    }

    /// Waits until somebody asks us to stop, or `ended` says that there is nothing to wait for.
    pub fn wait(&self, mut ended: impl FnMut() -> bool) {
        while !self.asked() && !ended() {
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn ask(&self) {
        let mut state = self.lock();
        state.asked = true;
        for child in &state.children {
            kill(*child, Signal::SIGTERM).ok();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
