//! `cargo verify`: every check and every test, with the real services that they need.
//!
//! A check that can't be made because a service or a program is missing has failed. The last line says
//! `N passed, N failed`: each test counts one, and each check that is not made of tests counts one.

mod api;
mod at_once;
mod browser;
mod checks;
mod deny;
mod fuzz;
mod packages;
mod runner;
mod tally;

use crate::interrupt::Interrupt;
use crate::say;
use anyhow::{Result, anyhow, bail};
use checks::{CHECKS, Check};
use muster_workbench::{Service, Workbench};
use std::process::{Command, ExitCode};
use std::thread;
use std::time::Instant;
use tally::Tally;

/// What `cargo verify` takes.
#[derive(clap::Args)]
pub struct Args {
    /// Names the checks.
    #[arg(long)]
    list: bool,
    /// Starts all services and runs the command after `--` with their variables, instead of the checks.
    #[arg(long, requires = "command")]
    with_services: bool,
    /// The checks to make; all of them without any.
    names: Vec<String>,
    /// The command for --with-services.
    #[arg(last = true)]
    command: Vec<String>,
}

/// What a check may use.
pub struct Bench<'a> {
    /// Ctrl-C.
    pub interrupt: &'a Interrupt,
    services: Option<Workbench>,
}

impl Bench<'_> {
    /// The services, if a chosen check needs them.
    pub fn services(&self) -> Option<&Workbench> {
        self.services.as_ref()
    }

    /// Adds the variables of the services that are running.
    pub fn with_services<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        if let Some(services) = &self.services {
            command.envs(services.env().vars());
        }
        command
    }
}

/// Does what was asked for.
pub fn run(args: Args, interrupt: &Interrupt) -> Result<ExitCode> {
    if args.list {
        for check in CHECKS {
            say::line(format_args!("{:10} {}", check.name, check.about));
        }
        return Ok(ExitCode::SUCCESS);
    }
    if args.with_services {
        return run_command(&args.command, interrupt);
    }
    let chosen = choose(&args.names)?;
    let bench = Bench {
        interrupt,
        services: start_services(&chosen)?,
    };
    let total = make(&chosen, &bench)?;
    drop(bench);
    say::line(total);
    Ok(if total.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn run_command(command: &[String], interrupt: &Interrupt) -> Result<ExitCode> {
    let Some((program, rest)) = command.split_first() else {
        bail!("say which command after --")
    };
    let bench = Workbench::start(Service::ALL)?;
    let status = interrupt.status(Command::new(program).args(rest).envs(bench.env().vars()))?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn choose(names: &[String]) -> Result<Vec<&'static Check>> {
    if names.is_empty() {
        return Ok(CHECKS.iter().collect());
    }
    let find = |name: &String| match CHECKS.iter().find(|check| check.name == name) {
        Some(check) => Ok(check),
        None => bail!("there is no check {name}; cargo verify --list names them"),
    };
    names.iter().map(find).collect()
}

fn start_services(chosen: &[&Check]) -> Result<Option<Workbench>> {
    if !chosen.iter().any(|check| check.services) {
        return Ok(None);
    }
    say::line("== services: PostgreSQL, MariaDB, Docker, registry");
    Workbench::start(Service::ALL).map(Some)
}

/// Makes the checks one after the other, but for those with builds of their own, which need no services and are begun at
/// once: the compiler leaves cores to them. They are waited for when it is their turn.
fn make(chosen: &[&Check], bench: &Bench<'_>) -> Result<Tally> {
    thread::scope(|scope| {
        let mut begun: Vec<_> = chosen
            .iter()
            .filter(|check| check.own_build && chosen.len() > 1)
            .map(|check| {
                let interrupt = bench.interrupt;
                let alone = move || {
                    let bench = Bench {
                        interrupt,
                        services: None,
                    };
                    Made::of(check, &bench)
                };
                (check.name, scope.spawn(alone))
            })
            .collect();
        let mut total = Tally::default();
        let mut report = Vec::new();
        for check in chosen {
            say::line(format_args!("== {}: {}", check.name, check.about));
            let made = match begun.iter().position(|(name, _)| *name == check.name) {
                Some(place) => {
                    let (_, thread) = begun.swap_remove(place);
                    thread.join().map_err(|_| anyhow!("a check panicked"))??
                }
                None => Made::of(check, bench)?,
            };
            report.push(format!("{:10} {} ({:.1} s)", check.name, made.tally, made.took));
            total += made.tally;
        }
        say::line("== summary");
        report.iter().for_each(say::line);
        Ok(total)
    })
}

/// What came of a check.
struct Made {
    tally: Tally,
    took: f32,
}

impl Made {
    /// Makes the check; an error is only what ends them all.
    fn of(check: &Check, bench: &Bench<'_>) -> Result<Self> {
        let started = Instant::now();
        let tally = match (check.run)(bench) {
            Ok(tally) => tally,
            Err(error) if bench.interrupt.asked() => return Err(error),
            Err(error) => {
                say::note(format_args!("{} failed: {error:#}", check.name));
                Tally::FAILED
            }
        };
        Ok(Self {
            tally,
            took: started.elapsed().as_secs_f32(),
        })
    }
}
