//! SQL of this room.

pub(super) mod bus;
pub(super) mod plane;
pub(super) mod session;
