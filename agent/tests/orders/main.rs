//! Orders on a host, for real: the worker's binary, the resident's orders room, a container engine and a registry that
//! wants credentials.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod bench;
mod cancel;
mod containers;
mod crash;
mod deploy;
mod engine;
mod faults;
mod files;
mod handover;
mod housekeeping;
mod logs;
mod more;
mod refusals;
mod secrets;
mod socket;
