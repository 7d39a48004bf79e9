//! Everything end to end: the programs as they are built, against real services, driven as outsiders
//! drive them. `tests/tests` holds the stories; this library holds what they are told with:
//!
//! - [`ControlPlane`] and [`Agent`] start the real programs on temporary directories and free ports;
//! - [`fresh`] starts a control plane that nobody has installed;
//! - [`Fleet`] is both, with this machine joined;
//! - [`away`] is both, with a host on a cable of its own that can be pulled;
//! - [`Api`] speaks the HTTP API, and nothing else changes anything in a story;
//! - [`wait`] waits for a thing to become true, with an end;
//! - [`mod@env`] finds the services that `cargo verify` started;
//! - [`load`] asks a web server again and again, and counts what fails;
//! - [`leaks`] looks for secrets where they must not be;
//! - [`packages`] installs the Debian packages on a machine with systemd;
//! - [`registry`] answers what a registry has, without having it;
//! - [`usage`] reads what a process uses of memory and CPU;
//! - [`job`] is the product's main job step by step, shared by the stories and by `cargo demo`.

pub mod agent;
pub mod api;
pub mod away;
pub mod control_plane;
pub mod env;
pub mod fleet;
pub mod fresh;
pub mod job;
pub mod leaks;
pub mod load;
pub mod packages;
pub mod programs;
pub mod registry;
pub mod usage;
pub mod wait;

pub use agent::Agent;
pub use api::Api;
pub use control_plane::ControlPlane;
pub use fleet::Fleet;
