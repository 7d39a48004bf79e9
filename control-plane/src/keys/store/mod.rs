//! Rows that this room reads and writes.

pub(super) mod plane;
pub(super) mod sealed;
