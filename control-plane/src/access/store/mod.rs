//! SQL of this room.

pub(super) mod api_key;
pub(super) mod member;
pub(super) mod org;
pub(super) mod platform;
pub(super) mod session;
pub(super) mod user;
