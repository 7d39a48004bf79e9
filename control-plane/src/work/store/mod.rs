//! SQL of this room.

pub(super) mod event;
pub(super) mod order;
