//! SQL of this room.

pub(super) mod account;
pub(super) mod cluster;
pub(super) mod environment;
pub(super) mod host;
pub(super) mod host_identity;
pub(super) mod instance;
pub(super) mod instance_claim;
pub(super) mod join_token;
pub(super) mod key;
pub(super) mod place;
