//! Networks that break as networks do.
//!
//! - [`Cable`] is a host of its own on a cable to this machine: a network namespace and a pair of virtual interfaces. It can
//!   be pulled, given another address, and made to carry less.
//! - [`Wire`] is the weather between two ends of a UDP conversation: loss, delay, reordering, repetition, and silence in
//!   one direction or both. It does in this process what `tc netem` does in kernels that have it; not all do.
//! - [`Names`] is a name server whose one name can be moved.
//!
//! All of it is on this machine: the addresses are of 198.18.0.0/15, which is set apart for tests (RFC 2544).

mod cable;
mod names;
mod wire;

pub use cable::Cable;
pub use names::Names;
pub use wire::{Weather, Wire};
