//! Named points that a process passes, so that a test can stop it at any of them as a power cut would.
//!
//! There are points in builds with debug assertions only: in what is packaged, [`point!`](crate::point),
//! [`effect!`](crate::effect) and [`told!`](crate::told) are nothing. And only where `MUSTER_POINTS` names a directory
//! do they do anything:
//!
//! | file | holds |
//! |---|---|
//! | `passed` | each point that was passed, a line each: `program:name` |
//! | `kill` | `program:name` or `program:name#3`: whoever passes that point (the third time from now) moves the file to `killed` and ends at once, by SIGKILL |
//! | `leave-out` | `program:name`: that effect is left out, to see that somebody notices |
//! | `told` | what the process tells of itself at points where only it knows, a line each |

use std::fmt;

/// Passes a point: `point!("journal.started.before")`. The name takes arguments as `format!` does.
#[macro_export]
macro_rules! point {
    ($($name:tt)*) => {
        if cfg!(debug_assertions) {
            $crate::points::pass(format_args!($($name)*));
        }
    };
}

/// Whether an effect takes place: always, but where a test has it left out.
#[macro_export]
macro_rules! effect {
    ($($name:tt)*) => {
        !cfg!(debug_assertions) || $crate::points::takes_place(format_args!($($name)*))
    };
}

/// Tells a test's auditor something.
#[macro_export]
macro_rules! told {
    ($($what:tt)*) => {
        if cfg!(debug_assertions) {
            $crate::points::tell(format_args!($($what)*));
        }
    };
}

/// Does nothing in builds without debug assertions.
#[cfg(not(debug_assertions))]
pub const fn pass(_: fmt::Arguments<'_>) {}

/// Always true in builds without debug assertions.
#[cfg(not(debug_assertions))]
pub const fn takes_place(_: fmt::Arguments<'_>) -> bool {
    true
}

/// Does nothing in builds without debug assertions.
#[cfg(not(debug_assertions))]
pub const fn tell(_: fmt::Arguments<'_>) {}

/// Never in builds without debug assertions.
#[cfg(not(debug_assertions))]
pub const fn are_watched() -> bool {
    false
}

/// Whether a test watches which points are passed.
#[cfg(debug_assertions)]
pub fn are_watched() -> bool {
    armed::are_watched()
}

/// See [`point!`](crate::point).
#[cfg(debug_assertions)]
pub fn pass(name: fmt::Arguments<'_>) {
    armed::pass(name);
}

/// See [`effect!`](crate::effect).
#[cfg(debug_assertions)]
pub fn takes_place(name: fmt::Arguments<'_>) -> bool {
    armed::takes_place(name)
}

/// See [`told!`](crate::told).
#[cfg(debug_assertions)]
pub fn tell(what: fmt::Arguments<'_>) {
    armed::tell(what);
}

#[cfg(debug_assertions)]
mod armed {
    use std::{
        env, fmt,
        fs::{self, File, OpenOptions},
        io::Write as _,
        path::{Path, PathBuf},
        sync::OnceLock,
    };

    use nix::{
        sys::signal::{Signal, kill},
        unistd::Pid,
    };

    static POINTS: OnceLock<Option<Points>> = OnceLock::new();

    struct Points {
        dir: PathBuf,
        program: String,
        passed: File,
    }

    pub(super) fn are_watched() -> bool {
        points().is_some()
    }

    pub(super) fn pass(name: fmt::Arguments<'_>) {
        if let Some(points) = points() {
            points.pass(&points.name(name));
        }
    }

    pub(super) fn takes_place(name: fmt::Arguments<'_>) -> bool {
        points().is_none_or(|points| {
            let left_out = fs::read_to_string(points.dir.join("leave-out"));
            left_out.map_or(true, |left_out| left_out != points.name(name))
        })
    }

    pub(super) fn tell(what: fmt::Arguments<'_>) {
        if let Some(points) = points()
            && let Ok(told) = append(&points.dir.join("told"))
        {
            line(&told, &what.to_string());
        }
    }

    fn points() -> Option<&'static Points> {
        POINTS.get_or_init(Points::open).as_ref()
    }

    impl Points {
        fn open() -> Option<Self> {
            let dir = PathBuf::from(env::var_os("MUSTER_POINTS")?);
            let program = env::current_exe().ok()?;
            Some(Self {
                program: program.file_name()?.to_str()?.to_owned(),
                passed: append(&dir.join("passed")).ok()?,
                dir,
            })
        }

        fn name(&self, name: fmt::Arguments<'_>) -> String {
            format!("{}:{name}", self.program)
        }

        fn pass(&self, name: &str) {
            line(&self.passed, name);
            let order = self.dir.join("kill");
            let Ok(wanted) = fs::read_to_string(&order) else {
                return;
            };
            let (point, times) = wanted.rsplit_once('#').unwrap_or((&wanted, "1"));
            // Whoever moves the file is the one: others may pass the point at the same moment.
            if point != name || fs::rename(&order, self.dir.join("killed")).is_err() {
                return;
            }
            match times.parse::<u32>() {
                Ok(times) if times > 1 => {
                    let next = format!("{point}#{}", times - 1);
                    let beside = self.dir.join("kill.next");
                    drop(fs::write(&beside, next).and_then(|()| fs::rename(&beside, &order)));
                }
                _ => loop {
                    // Nothing runs any more once it is delivered.
                    kill(Pid::this(), Signal::SIGKILL).unwrap_or_default();
                },
            }
        }
    }

    fn append(path: &Path) -> std::io::Result<File> {
        OpenOptions::new().append(true).create(true).open(path)
    }

    /// One write, so that the lines of several processes don't mix.
    fn line(mut file: &File, text: &str) {
        drop(file.write_all(format!("{text}\n").as_bytes()));
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn without_a_directory_every_effect_takes_place_and_nobody_dies() {
        point!("here.{}", 1);
        told!("{}", 1);
        assert!(effect!("here.{}", 1));
        assert!(!super::are_watched());
    }
}
