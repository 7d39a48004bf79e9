//! SQL of this room.

pub(super) mod chunk;
pub(super) mod container;
pub(super) mod keeping;
pub(super) mod packed;
pub(super) mod partition;
pub(super) mod remote;
pub(super) mod rollup;
pub(super) mod sample;
pub(super) mod space;
pub(super) mod usage;
