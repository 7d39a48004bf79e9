//! Reads the host. Every sample interval it turns `/proc`, `/sys`, `statvfs` and the containers' cgroup files into
//! one [`Sample`] and hands it to the [`rollup`](crate::rollup) room's recorder.
//!
//! - **What**: see `muster_metrics::CATALOGUE`. Rates and shares come from two readings of a counter, so a series
//!   begins with the second reading; a counter that went backwards leaves a gap rather than a wild value.
//! - **Containers**: numbers come from the cgroup files, version 1 and 2, read directly, since the engine's own
//!   `stats` takes a second per container. Names, states and health come from the engine through a short worker
//!   call: whoever makes it feeds [`ContainerDirectory`].
//! - **Who may**: needs no privilege. What can't be read is left out.
//! - **Fails how**: a missing or odd file costs its series for that sample, never the sample. A sample that is late
//!   (a suspended host) leaves a gap: readings are never made up.
//! - **Invariants**: no file is read whose size a container decides without a limit; the number of disks,
//!   interfaces, cores and containers in a sample is bounded; the sample path makes no request to anyone.

mod cgroup;
mod collector;
mod container;
mod cpu;
mod directory;
mod disk;
mod files;
mod memory;
mod net;
mod refresh;
mod sampler;
mod start;

pub use collector::{Collector, Roots};
pub use directory::ContainerDirectory;
#[cfg(doc)]
use muster_metrics::Sample;
pub use refresh::keep_directory;
pub use sampler::Sampler;
pub use start::start;
