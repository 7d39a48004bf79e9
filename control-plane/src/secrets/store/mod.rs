//! Rows of the secrets room.

pub(super) mod credential;
pub(super) mod group;
pub(super) mod secret;
pub(super) mod value;
