//! The room's SQL.

pub(super) mod execution;
pub(super) mod release;
pub(super) mod server;
pub(super) mod ticket;
